"""Zones below broken. that are wrong in one way each, or odd in a way that a resolver must live with.

What `www.ZONE A` (and `nothing.ZONE A`, where it differs) must come to is said beside each: secure, insecure, servfail; or open where RFCs leave
it to the resolver. A resolver that says otherwise is wrong, whatever its neighbours say.
"""

import time
from collections import namedtuple

import odd
import tree
from signing import How

# make: function of (name, now) that returns keyword arguments of tree.Zone; expect: of www.ZONE A; negative: of nothing.ZONE A
Wound = namedtuple('Wound', 'label expect negative make')
WOUNDS = []
DAY = 86400


def wound(expect, negative=None):
    def add_to_table(make):
        WOUNDS.append(Wound(make.__name__.strip('_').replace('_', '-'), expect, negative or expect, make))
        return make
    return add_to_table


# ---- tools for changing a signed zone ------------------------------------------------------------------------------------------------
def fields(line):
    """(owner, type, rdata words) of a record on one line."""
    words = line.split(';')[0].split()
    if not words or 'IN' not in words:
        return '', '', []
    at = words.index('IN')
    return words[0].lower(), words[at + 1], words[at + 2:]


def is_signature(line, owner, *types):
    name, rtype, rdata = fields(line)
    return rtype == 'RRSIG' and (owner is None or name == owner) and (not types or rdata[0] in types)


def without_signatures(owner, *types):
    return lambda lines: [line for line in lines if not is_signature(line, owner, *types)]


def without_types(*types):
    """Neither the records nor their signatures."""
    return lambda lines: [line for line in lines if fields(line)[1] not in types and not is_signature(line, None, *types)]


def spoiled(line):
    """The line with one bit of its signature's middle changed."""
    line = line.split(';')[0].rstrip()
    at = len(line) - 30
    return line[:at] + ('A' if line[at] != 'A' else 'B') + line[at + 1:]


def bad_signatures(owner, *types):
    return lambda lines: [spoiled(line) if is_signature(line, owner, *types) else line for line in lines]


def signed(denial='nsec', **others):
    return How('ldns', others.pop('algorithm', 13), denial, **others)


# ---- signatures ----------------------------------------------------------------------------------------------------------------------
@wound('secure')
def sound(name, now):
    return {'how': signed()}


@wound('secure')
def sound_nsec3(name, now):
    return {'how': signed('nsec3')}


@wound('servfail')
def expired(name, now):
    return {'how': signed(inception=now - 60 * DAY, expiration=now - 30 * DAY)}


@wound('servfail')
def not_yet(name, now):
    return {'how': signed(inception=now + 30 * DAY, expiration=now + 60 * DAY)}


@wound('secure')
def just_expired(name, now):
    """A clock may be off a little: the skew that is allowed for covers it when the world is young; else open."""
    return {'how': signed(inception=now - DAY, expiration=now + 30 * DAY)}


@wound('servfail')
def no_signatures(name, now):
    return {'how': signed(), 'wound': without_signatures(None)}


@wound('servfail', 'servfail')
def not_signed(name, now):
    return {'ds': lambda texts: ['12345 13 2 ' + 'ab' * 32]}


@wound('servfail')
def no_dnskey(name, now):
    return {'how': signed(), 'wound': without_types('DNSKEY')}


@wound('servfail')
def dnskey_unsigned(name, now):
    return {'how': signed(), 'wound': without_signatures(None, 'DNSKEY')}


@wound('servfail')
def dnskey_bad_signature(name, now):
    return {'how': signed(), 'wound': bad_signatures(None, 'DNSKEY')}


@wound('servfail', 'secure')
def www_unsigned(name, now):
    return {'how': signed(), 'wound': without_signatures('www.' + name, 'A')}


@wound('servfail', 'secure')
def www_bad_signature(name, now):
    return {'how': signed(), 'wound': bad_signatures('www.' + name, 'A')}


@wound('secure', 'servfail')
def soa_bad_signature(name, now):
    return {'how': signed(), 'wound': bad_signatures(name, 'SOA')}


@wound('secure', 'servfail')
def no_nsec(name, now):
    return {'how': signed(), 'wound': without_types('NSEC')}


@wound('secure', 'servfail')
def nsec_bad_signature(name, now):
    return {'how': signed(), 'wound': bad_signatures(None, 'NSEC')}


@wound('secure', 'servfail')
def nsec_unsigned(name, now):
    return {'how': signed(), 'wound': without_signatures(None, 'NSEC')}


@wound('secure', 'servfail')
def nsec3_bad_signature(name, now):
    return {'how': signed('nsec3'), 'wound': bad_signatures(None, 'NSEC3')}


@wound('secure')
def ttl_above_original(name, now):
    """RFC 4035 5.3.3: the TTL is bounded by the original one."""
    return {'how': signed(), 'wound': lambda lines: [line.replace('\t3600\t', '\t7200\t') if fields(line)[0] == 'www.' + name else line for line in lines]}


# ---- DS ------------------------------------------------------------------------------------------------------------------------------
@wound('servfail')
def ds_wrong_digest(name, now):
    return {'how': signed(), 'ds': lambda texts: [' '.join(text.split()[:3]) + ' ' + 'cd' * 32 for text in texts]}


@wound('servfail')
def ds_wrong_tag(name, now):
    return {'how': signed(), 'ds': lambda texts: ['%d %s' % (int(text.split()[0]) ^ 1, ' '.join(text.split()[1:])) for text in texts]}


@wound('servfail')
def ds_wrong_algorithm(name, now):
    return {'how': signed(), 'ds': lambda texts: ['%s 8 %s' % (text.split()[0], ' '.join(text.split()[2:])) for text in texts]}


@wound('insecure')
def ds_unassigned_algorithm(name, now):
    """RFC 4035 5.2: no supported algorithm, so as if there were no DS."""
    return {'how': signed(), 'ds': lambda texts: ['%s 200 %s' % (text.split()[0], ' '.join(text.split()[2:])) for text in texts]}


@wound('insecure')
def ds_reserved_algorithm(name, now):
    return {'how': signed(), 'ds': lambda texts: ['%s 252 %s' % (text.split()[0], ' '.join(text.split()[2:])) for text in texts]}


@wound('insecure')
def ds_unassigned_digest(name, now):
    return {'how': signed(), 'ds': lambda texts: [' '.join(text.split()[:2]) + ' 200 ' + text.split()[3] for text in texts]}


@wound('insecure')
def ds_of_dsa(name, now):
    return {'how': signed(), 'ds': lambda texts: ['%s 3 %s' % (text.split()[0], ' '.join(text.split()[2:])) for text in texts]}


@wound('insecure')
def ds_of_rsamd5(name, now):
    return {'how': signed(), 'ds': lambda texts: ['%s 1 %s' % (text.split()[0], ' '.join(text.split()[2:])) for text in texts]}


@wound('secure')
def ds_and_standby(name, now):
    """RFC 4035 5.3.1: one DS that leads on is enough."""
    return {'how': signed(), 'ds': lambda texts: texts + ['4711 13 2 ' + 'ef' * 32, '4712 200 2 ' + 'ef' * 32]}


@wound('servfail')
def ds_better_digest_wrong(name, now):
    """RFC 4509 3: with SHA-256 there, SHA-1 does not count."""
    return {'how': signed(), 'ds': lambda texts: [' '.join(texts[0].split()[:2]) + ' 1 ' + 'ab' * 20,
                                                  ' '.join(texts[0].split()[:2]) + ' 2 ' + 'ab' * 32]}


@wound('insecure')
def no_ds(name, now):
    return {'how': signed(), 'ds': None}


# ---- NSEC3 iterations (RFC 9276) -----------------------------------------------------------------------------------------------------
def _iterated(count, negative):
    def make(name, now):
        return {'how': signed('nsec3', iterations=count)}
    WOUNDS.append(Wound('iterations-%d' % count, 'secure', negative, make))


for _count, _negative in ((1, 'secure'), (50, 'secure'), (51, 'insecure'), (101, 'insecure'), (151, 'insecure'), (200, 'insecure')):
    _iterated(_count, _negative)


# ---- who serves it -------------------------------------------------------------------------------------------------------------------
@wound('servfail')
def lame(name, now):
    """Both servers know nothing of it, and say REFUSED."""
    return {'groups': []}


@wound('insecure')
def half_lame(name, now):
    return {'groups': ['knot']}


@wound('servfail')
def silent(name, now):
    return {'addresses': (['61.0.0.1', '2a00:61::1'], ['61.0.0.2', '2a00:61::2'])}


@wound('insecure')
def half_silent(name, now):
    return {'addresses': (['61.0.0.3', '2a00:61::3'], None)}


@wound('servfail')
def no_route(name, now):
    return {'addresses': (['62.0.0.1', '2a00:62::1'], ['62.0.0.2'])}


@wound('servfail')
def closed_port(name, now):
    """An address that is there, and nobody listens."""
    return {'addresses': (['10.53.0.9'], ['10.53.0.9'])}


@wound('servfail')
def glue_of_loopback(name, now):
    return {'addresses': (['127.0.0.1', '::1'], ['0.0.0.0', '255.255.255.255', '::'])}


@wound('insecure')
def unusable_beside_good_glue(name, now):
    return {'addresses': (['127.0.0.1', '0.0.0.0'], None)}


# ---- loops ---------------------------------------------------------------------------------------------------------------------------
def _add_loops(internet):
    """Name servers that are each in the other's zone, without glue; aliases that lead in circles; chains that are long."""
    parent = internet.zones['broken.']
    for a, b in (('loop-a', 'loop-b'), ('loop-b', 'loop-a')):
        parent.lines.append('%s.broken. NS ns.%s.broken.' % (a, b))
    for i in range(20):
        parent.lines.append('nested%d.broken. NS ns.nested%d.broken.' % (i, i + 1))
    parent.lines.append('no-address.broken. NS nothing.sound.broken.')
    parent.lines.append('alias-server.broken. NS alias.sound.broken.')
    parent.lines += ['wide.broken. NS ns%d.nothing%d.sound.broken.' % (i, i) for i in range(60)]
    return {'loop-a.broken.': ['servfail', 'servfail'], 'nested0.broken.': ['servfail', 'servfail'], 'no-address.broken.': ['servfail', 'servfail'],
            'wide.broken.': ['servfail', 'servfail'], 'alias-server.broken.': ['open', 'open']}


def _lines(name, hosts):
    lines = ['@ 3600 SOA ns.nic hostmaster 1 7200 900 1209600 300'] + ['@ NS ' + host.name for host in hosts]
    lines += ['@ A 60.210.0.1', 'www A 60.210.0.2', 'www TXT "www"', 'alias CNAME www', '*.wild A 60.210.0.3', 'a.b.ent A 60.210.0.4', 'loop CNAME loop2', 'loop2 CNAME loop',
              'self CNAME self', 'dloop DNAME x.dloop', 'tosound CNAME www.sound.broken.', 'tolame CNAME www.lame.broken.',
              'toexpired CNAME www.expired.broken.', 'chain0 CNAME chain1']
    return lines + ['chain%d CNAME chain%d' % (i, i + 1) for i in range(1, 30)] + ['chain30 A 60.210.0.5', 'cut NS ns.cut', 'ns.cut A 61.0.0.9']


def add(internet):
    """Adds broken. with all of them; returns {zone: [what www comes to, what nothing comes to]}."""
    now = int(time.time())
    hosts = [internet.host('%s.nic.broken.' % letter, group) for letter, group in zip('ab', tree.TLD_GROUPS)]
    internet.add(tree.Zone('broken.', hosts, ['@ 3600 SOA ns.nic hostmaster 1 7200 900 1209600 300'] + ['@ NS ' + host.name for host in hosts], How('ldns', 13, 'nsec')))
    found = _add_loops(internet)
    for entry in WOUNDS:
        name = entry.label + '.broken.'
        arguments = entry.make(name, now)
        servers = []
        for i, addresses in enumerate(arguments.pop('addresses', (None, None))):
            # what is not right by DNSSEC's rules may be too wrong for Knot DNS and BIND to serve
            group = ('nsd', 'knot')[i] if entry.label in ('half-lame', 'lame', 'sound') else 'nsd'
            servers.append(internet.host('ns%d.%s' % (i + 1, name), group if addresses is None else 'silent', addresses=addresses))
        internet.add(tree.Zone(name, servers, _lines(name, servers), **arguments))
        found[name] = [entry.expect, entry.negative]
    found.update(_add_odd(internet))
    return found


def _add_odd(internet):
    """One zone for each behaviour of odd.py, each at an address of its own."""
    found = {}
    for label, expect in odd.BEHAVIOURS.items():
        name = label + '.broken.'
        host = internet.host('ns1.' + name, 'odd', (4,))
        internet.add(tree.Zone(name, [host], _lines(name, [host])))
        internet.odd[host.addresses[0]] = [label, name]
        found[name] = list(expect)
    return found
