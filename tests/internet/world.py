"""The closed internet's contents: a root, top-level domains, hosters, leaf zones of every make, and broken ones (wounds.py).

make(directory, leaves) writes everything once and keeps it; the same arguments give the same names. `Names` tells what can be asked.
"""

import json
import random
import shutil
import time
from collections import namedtuple
from pathlib import Path

import signing
import tree
import wounds
from signing import How

KEEP_S = 5 * 86400  # then signatures are made anew
VERSION = 9         # of what is written here

# name, whether signed, how, share of the leaf zones, whether leaves in it are only of its own algorithm
Tld = namedtuple('Tld', 'name how weight')
TLDS = [
    Tld('com.', How('knot', 8, 'optout'), 30),
    Tld('net.', How('bind', 13, 'nsec'), 20),
    Tld('org.', How('ldns', 13, 'nsec3'), 15),
    Tld('de.', How('ldns', 8, 'nsec3'), 10),
    Tld('plain.', None, 10),
    *[Tld('alg%d.' % algorithm, How(signer, algorithm, denial), 2) for algorithm, signer, denial in (
        (5, 'bind', 'nsec'), (7, 'ldns', 'nsec3'), (8, 'bind', 'nsec3'), (10, 'knot', 'nsec'), (13, 'knot', 'nsec3'), (14, 'ldns', 'nsec'),
        (15, 'knot', 'optout'), (16, 'bind', 'nsec'))],
]
CONSONANTS, VOWELS = 'bcdfghjklmnprstvwz', 'aeiou'

# A finished world. served: {group: [[zone, file]]}; addresses: {group: [address]}; odd: {address: [behaviour, zones]};
# hints, anchor: files; leaves: [facts about a leaf zone]; broken: {zone: what is wrong}
World = namedtuple('World', 'directory served addresses odd hints anchor leaves broken')


def word(pick):
    return ''.join(pick.choice(CONSONANTS) + pick.choice(VOWELS) for _ in range(pick.randint(2, 4)))


def make(directory, leaves):
    """The world with this many leaf zones, from the directory when it is there and young enough."""
    directory = Path(directory)
    facts = directory / 'world.json'
    if facts.exists():
        kept = json.loads(facts.read_text())
        if kept['version'] == VERSION and kept['count'] == leaves and time.time() - kept['made'] < KEEP_S:
            return _loaded(directory, kept)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    internet = tree.Tree(directory)
    keys = signing.Keys(directory / 'keys')
    _root_and_tlds(internet)
    hosters = _hosters(internet)
    facts_of_leaves = _leaves(internet, hosters, leaves)
    broken = wounds.add(internet)
    internet.build(keys)
    _hints_and_anchor(internet, directory)
    kept = {'version': VERSION, 'count': leaves, 'made': time.time(), 'served': internet.served(), 'addresses': internet.addresses(),
            'odd': internet.odd, 'leaves': facts_of_leaves, 'broken': broken}
    facts.write_text(json.dumps(kept))
    return _loaded(directory, kept)


def _loaded(directory, kept):
    return World(directory, kept['served'], kept['addresses'], kept['odd'], directory / 'root.hints', directory / 'root.key',
                 kept['leaves'], kept['broken'])


def soa(minimum=900):
    return '@ 3600 SOA ns.nic hostmaster 1 7200 900 1209600 %d' % minimum


def apex(hosts, minimum=900):
    return [soa(minimum)] + ['@ 86400 NS ' + host.name for host in hosts]


def _root_and_tlds(internet):
    hosts = [internet.host('%s.root-servers.net.' % letter, group) for letter, group in zip('abcdef', 2 * tree.ROOT_GROUPS)]
    internet.add(tree.Zone('.', hosts, [soa(86400)] + ['. 518400 NS ' + host.name for host in hosts], How('ldns', 8, 'nsec')))
    internet.add(tree.Zone('root-servers.net.', hosts, apex(hosts)))
    for number, tld in enumerate(TLDS):
        groups = [tree.TLD_GROUPS[(number + i) % 3] for i in range(3)]
        tld_hosts = [internet.host('%s.nic.%s' % (letter, tld.name), group) for letter, group in zip('abc', groups)]
        internet.add(tree.Zone(tld.name, tld_hosts, apex(tld_hosts), tld.how))
    arpa = [internet.host('ns%d.nic.arpa.' % i, group) for i, group in enumerate(tree.TLD_GROUPS)]
    internet.add(tree.Zone('arpa.', arpa, apex(arpa), How('bind', 13, 'nsec')))
    internet.add(tree.Zone('60.in-addr.arpa.', arpa, apex(arpa) + ['%d.0.1 PTR host%d.nic.arpa.' % (i, i) for i in range(1, 100)],
                           How('ldns', 13, 'nsec')))


def _hosters(internet):
    """Companies whose name servers serve other people's zones."""
    found = []
    for number in range(24):
        tld = ('net.', 'com.', 'plain.', 'org.')[number % 4]
        name = 'hoster%d.%s' % (number, tld)
        groups = [tree.LEAF_GROUPS[(number + i) % 3] for i in range(2)]
        families = ((4, 6), (4, 6), (4,), (4, 6))[number % 4]
        hosts = [internet.host('ns%d.%s' % (i + 1, name), group, families) for i, group in enumerate(groups)]
        how = How('ldns', 13, 'nsec', True) if number % 3 == 0 and tld != 'plain.' else None
        internet.add(tree.Zone(name, hosts, apex(hosts) + ['www A 60.200.0.%d' % number], how, glue=number % 5 != 0))
        found.append(hosts)
    return found


def _servers(internet, name, number, hosters):
    """The name servers of a leaf zone: within it, with a hoster, both, in another zone without glue, one address family only."""
    groups = [tree.LEAF_GROUPS[(number + i) % 3] for i in range(2)]
    own = [('ns%d.%s' % (i + 1, name), group) for i, group in enumerate(groups)]
    kind = number % 8
    if kind in (0, 1):
        return [internet.host(*host) for host in own]
    if kind == 2:
        return [internet.host(*own[0])] + [host for host in hosters[number % len(hosters)] if host.group == groups[1]][:1]
    if kind == 3:
        return [internet.host(host, group, (4,)) for host, group in own]
    if kind == 4:
        return [internet.host(host, group, (6,)) for host, group in own]
    return hosters[number % len(hosters)]


def _how(number, tld):
    """Half of the leaves are signed; those in the domains of one algorithm with that algorithm, by each tool in turn."""
    if tld.how is not None and tld.name.startswith('alg'):
        signer = ('ldns', 'bind', 'knot')[number % 3]
        denial = ('nsec', 'nsec3', 'optout')[number // 3 % 3]
        return How(signer, tld.how.algorithm, 'nsec' if tld.how.algorithm == 5 else denial, number % 2 == 0)
    if number % 2 == 1:
        return None
    return How('ldns', 13, ('nsec', 'nsec', 'nsec3', 'nsec', 'optout')[number // 2 % 5], number % 3 != 0)


def _leaf_lines(name, number, following):
    """Records of a leaf zone; `following` is the zone that its aliases lead to."""
    a, b = number // 250 % 250, number % 250
    lines = ['@ A 60.200.%d.%d' % (a, b), '@ AAAA 2a00:200::%x' % number, '@ MX 10 mail', '@ TXT "v=spf1 mx -all"',
             '@ CAA 0 issue "ca.example.net"', 'www A 60.201.%d.%d' % (a, b), 'www AAAA 2a00:201::%x' % number, 'mail A 60.202.%d.%d' % (a, b),
             'alias CNAME www', 'external CNAME www.' + following, 'chain CNAME external.' + following, 'miss CNAME nothing.' + following,
             '*.wild A 60.203.%d.%d' % (a, b), '*.wild TXT "wildcard"', 'one.wild A 60.203.0.1', '*.wildname CNAME www', '*.wildout CNAME www.' + following,
             'a.b.ent TXT "b.ent and ent are empty"', '_sip._udp SRV 0 0 5060 www', 'short 1 A 60.204.%d.%d' % (a, b)]
    if number % 5 == 0:
        lines += ['big TXT "%03d %s"' % (i, 'x' * 200) for i in range(20)]
    if number % 7 == 0:
        lines += ['tree DNAME ' + following, 'down DNAME under', 'www.under A 60.205.%d.%d' % (a, b), 'totree CNAME www.tree']
    if number % 11 == 0:
        lines += ['many A 60.206.0.%d' % i for i in range(1, 90)]
    return lines


def _leaves(internet, hosters, count):
    pick = random.Random(20)
    tlds = [tld for tld in TLDS for _ in range(tld.weight)]
    names, facts = [], []
    for number in range(count):
        tld = pick.choice(tlds)
        names.append(('%s%d.%s' % (word(pick), number, tld.name), tld))
    for number, (name, tld) in enumerate(names):
        hosts = _servers(internet, name, number, hosters)
        how = _how(number, tld)
        following = names[(number + 1) % count][0]
        lines = apex(hosts) + _leaf_lines(name, number, following)
        internet.add(tree.Zone(name, hosts, lines, how))
        facts.append({'name': name, 'number': number, 'signed': how is not None and tld.how is not None, 'following': following, 'how': list(how[:3]) if how is not None else None,
                      'child': _child(internet, name, number, how)})
    return facts


def _child(internet, name, number, how):
    """Every tenth leaf has a child zone: on its servers or others, signed or not, with DS or not."""
    if number % 10 != 0:
        return None
    child = 'sub.' + name
    group = tree.LEAF_GROUPS[number // 10 % 3]
    hosts = [internet.host('ns1.' + child, group)]
    signed = how is not None and number // 10 % 2 == 0
    lines = apex(hosts) + ['@ A 60.207.0.1', 'www A 60.207.0.2', 'up CNAME www.' + name]
    internet.add(tree.Zone(child, hosts, lines, How('ldns', 13, 'nsec', True) if signed else None, ds='right' if number // 20 % 3 else None))
    return child


def _hints_and_anchor(internet, directory):
    root = internet.zones['.']
    (directory / 'root.hints').write_text('\n'.join(['. 3600000 NS ' + host.name for host in root.hosts] +
                                                    [record for host in root.hosts for record in host.records()]) + '\n')
    lines = [match.group(0).strip() for match in signing.DNSKEY_LINE.finditer(root.file.read_text()) if int(match.group(2)) & 1]
    (directory / 'root.key').write_text('\n'.join(lines) + '\n')
