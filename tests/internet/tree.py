"""The tree of a closed internet: zones, their name servers, and the files that NSD, Knot DNS and BIND serve.

A Zone has its records as lines of master-file text. build() goes from the leaves to the root: it puts the name servers' addresses where they
belong, signs, and gives each parent the delegation with glue and DS.
"""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import signing

ROOT_GROUPS, TLD_GROUPS, LEAF_GROUPS = (('nsd-root', 'knot-root', 'bind-root'), ('nsd-tld', 'knot-tld', 'bind-tld'), ('nsd', 'knot', 'bind'))
GROUPS = (*ROOT_GROUPS, *TLD_GROUPS, *LEAF_GROUPS, 'odd')
ADDRESSES_A_GROUP = {'nsd': 40, 'knot': 40, 'bind': 20}


class Host:
    """A name server: what program answers (its group) and at which addresses."""

    def __init__(self, name, group, addresses):
        self.name, self.group, self.addresses = name, group, addresses

    def records(self):
        return ['%s 86400 %s %s' % (self.name, 'AAAA' if ':' in address else 'A', address) for address in self.addresses]


class Zone:
    """how: signing.How or None; ds: 'right', None, or a function that is given the right DS texts and returns others; wound: a function
    from the lines of the zone file, as served, to other lines; groups: who serves it, None: the groups of its name servers."""

    def __init__(self, name, hosts, lines, how=None, ds='right', wound=None, groups=None, glue=True):
        self.name, self.hosts, self.lines, self.how, self.ds, self.wound, self.glue = name, hosts, list(lines), how, ds, wound, glue
        self.groups = groups
        self.file = None
        self.keys = []
        self.depth = name.count('.') if name != '.' else 0

    @property
    def is_signed(self):
        return self.how is not None


def is_below(name, ancestor):
    return ancestor == '.' or name == ancestor or name.endswith('.' + ancestor)


class Tree:
    def __init__(self, directory):
        self.directory = directory
        self.zones, self.hosts = {}, {}
        self.used = defaultdict(int)
        self.odd = {}  # address: (behaviour, its zones)

    # ---- what there is --------------------------------------------------------------------------------------------
    def pool_address(self, group, index, family):
        number = GROUPS.index(group) + 1
        return '60.%d.%d.%d' % (number, index // 250, index % 250 + 1) if family == 4 else '2a00:60:%x::%x' % (number, index + 1)

    def host(self, name, group, families=(4, 6), addresses=None):
        """The name server of this name; made when it is new. Leaf servers share a number of addresses, others have their own."""
        if name not in self.hosts:
            index = self.used[group]
            self.used[group] += 1
            if group in ADDRESSES_A_GROUP:
                index %= ADDRESSES_A_GROUP[group]
            self.hosts[name] = Host(name, group, addresses or [self.pool_address(group, index, family) for family in families])
        return self.hosts[name]

    def add(self, zone):
        assert zone.name not in self.zones, zone.name
        self.zones[zone.name] = zone
        return zone

    def parent(self, name):
        """The zone that a delegation of this name would be in."""
        while name != '.':
            name = name.partition('.')[2] or '.'
            if name in self.zones:
                return self.zones[name]
        return None

    def enclosing(self, name):
        """The zone that this name's records are in."""
        return self.zones[name] if name in self.zones else self.parent(name)

    def addresses(self):
        """All addresses that servers listen on, by group."""
        found = defaultdict(dict)
        for host in self.hosts.values():
            for address in host.addresses:
                if host.group is not None and address.startswith(('60.', '2a00:60:')):
                    found[host.group][address] = None
        return {group: list(addresses) for group, addresses in found.items()}

    # ---- files ----------------------------------------------------------------------------------------------------
    def build(self, keys):
        """Writes and signs all zone files."""
        for host in self.hosts.values():
            zone = self.enclosing(host.name)
            if zone is not None and host.group is not None:
                zone.lines += host.records()
        levels = defaultdict(list)
        for zone in self.zones.values():
            levels[zone.depth].append(zone)
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
            for depth in sorted(levels, reverse=True):
                for zone in pool.map(lambda zone: self._write(zone, keys), levels[depth]):
                    self._delegate(zone)

    def _write(self, zone, keys):
        folder = self.directory / 'zones' / ('%02x' % (hash_of(zone.name) & 0xff))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (zone.name if zone.name != '.' else 'root.')
        lines = list(dict.fromkeys(['$ORIGIN ' + zone.name, '$TTL 3600', *zone.lines]))
        path.write_text('\n'.join(lines) + '\n')
        zone.file = path
        if zone.is_signed:
            zone.file = signing.sign(keys, path, zone.name, zone.how)
            zone.keys = signing.secure_entry_points(zone.file)
        if zone.wound is not None:
            zone.file.write_text('\n'.join(zone.wound(zone.file.read_text().splitlines())) + '\n')
        return zone

    def _delegate(self, zone):
        parent = self.parent(zone.name)
        if parent is None:
            return
        for host in zone.hosts:
            parent.lines.append('%s 86400 NS %s' % (zone.name, host.name))
            below = is_below(host.name, zone.name)
            sibling = zone.glue and is_below(host.name, parent.name) and self.enclosing(host.name) is not parent
            if below or sibling:
                parent.lines += host.records()
        texts = [signing.ds_text(zone.name, key) for key in zone.keys]
        if callable(zone.ds):
            texts = zone.ds(texts)
        elif zone.ds is None:
            texts = []
        parent.lines += ['%s 86400 DS %s' % (zone.name, text) for text in texts]

    def served(self):
        """{group: [(zone, file)]}"""
        found = defaultdict(list)
        for zone in self.zones.values():
            groups = zone.groups if zone.groups is not None else dict.fromkeys(host.group for host in zone.hosts if host.group)
            for group in groups:
                found[group].append((zone.name, str(zone.file)))
        return found


def hash_of(text):
    """Small, and the same in every run."""
    value = 5381
    for c in text:
        value = (value * 33 + ord(c)) & 0xffffffff
    return value
