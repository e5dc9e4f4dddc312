"""Questions of all kinds about a zone whose records are known: every owner, its children and siblings, empty non-terminals,
instances of wildcards, names below aliases and cuts, random names, other spellings; every type that is there and many that are
not; over UDP with every kind of EDNS and over TCP."""

import random
from collections import namedtuple

import wire

# edns: None or (size, flags); transport: 'udp' or 'tcp'
Question = namedtuple('Question', 'name type transport edns flags')

COMMON_TYPES = [wire.TYPES[name] for name in (
    'A', 'AAAA', 'NS', 'SOA', 'CNAME', 'DNAME', 'MX', 'TXT', 'SRV', 'HTTPS', 'DS', 'DNSKEY', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'RRSIG', 'ANY',
    'TYPE65280', 'PTR', 'CAA')]

# what is asked, and how often of a hundred times
MODES = [
    (34, 'udp', (1232, wire.DO)), (16, 'udp', (1232, 0)), (16, 'udp', None), (12, 'udp', (4096, wire.DO)), (6, 'udp', (512, wire.DO)),
    (4, 'udp', (512, 0)), (2, 'udp', (100, wire.DO)), (6, 'tcp', (1232, wire.DO)), (4, 'tcp', None),
]
FLAGS = [(80, 0), (8, wire.RD), (6, wire.CD), (3, wire.AD), (3, wire.RD | wire.CD | wire.AD)]


def _weighted(pick, table):
    return pick.choices([row[1:] for row in table], [row[0] for row in table])[0]


def encode(question):
    return wire.query(question.name, question.type, flags=question.flags, edns=question.edns)


def text(question):
    how = ' '.join([question.transport, 'no EDNS' if question.edns is None else 'EDNS %d%s' % (question.edns[0],
                                                                                              ' DO' if question.edns[1] else '')])
    flags = ''.join(' ' + name for name, bit in (('RD', wire.RD), ('CD', wire.CD), ('AD', wire.AD)) if question.flags & bit)
    return '%s %s (%s%s)' % (wire.name_text(question.name), wire.type_name(question.type), how, flags)


def other_spelling(pick, name):
    out = bytearray()
    for label in wire.labels_of(name):
        out.append(len(label))
        out += bytes(c ^ 0x20 if chr(c).isascii() and chr(c).isalpha() and pick.random() < 0.5 else c for c in label)
    return bytes(out) + b'\0'


def below(name, *labels):
    """The name with labels before it, or None when it would be too long."""
    result = b''.join(bytes([len(label)]) + label for label in labels) + name
    return result if len(result) <= 255 else None


def sibling(name):
    """A name that sorts right behind this one."""
    if not name[0]:
        return None
    label = bytes(name[1:1 + name[0]])
    return wire.name_of([label[:62] + b'0']) [:-1] + name[1 + name[0]:] if len(name) < 255 else None


def names_about(pick, zone, records):
    """Every name worth asking for, and the types each has."""
    owners = {}
    for record in records:
        owners.setdefault(record.owner, set()).add(record.type)
    names = dict(owners)
    for owner, types in owners.items():
        up = wire.parent_of(owner)
        while up is not None and wire.is_below(up, zone):
            names.setdefault(up, set())
            up = wire.parent_of(up)
        near = [below(owner, b'child'), sibling(owner), below(owner, b'*'), below(owner, b'a', b'*'), below(owner, b'\x00')]
        if owner.startswith(b'\x01*'):
            base = owner[2:]
            near += [below(base, b'x'), below(base, b'x', b'y'), below(base, b'*', b'*'), below(base, b'l' * 63, b'm'), below(base, b'host')]
        if 39 in types:
            near += [below(owner, label) for label in (b'host', b'nothing', b'alias', b'cut', b'ns1', b'www', b'x', b'*', b'l' * 63, b'l' * 40)]
            near += [below(owner, b'www', b'cut'), below(owner, b'b'), below(owner, b'a', b'b'), below(owner, b'z', b'w'),
                     below(owner, b'm' * 63, b'l' * 63), below(owner, b'x', b'dname2'), below(owner, b'glued'), below(owner, b'x', b'secure')]
        if 2 in types and owner != zone:
            near += [below(owner, b'ns'), below(owner, b'a', b'b', b'c')]
        for name in near:
            if name is not None:
                names.setdefault(name.lower(), types if name.startswith(owner[:1]) else set())
    for _ in range(len(owners) // 2):
        labels = [bytes(pick.choices(b'abcdefghijklmnopqrstuvwxyz0123456789-_*', k=pick.randint(1, 12))) for _ in range(pick.randint(1, 3))]
        name = below(pick.choice(list(owners)) if pick.random() < 0.5 else zone, *labels)
        if name is not None:
            names.setdefault(name, set())
    return names


def questions_about(zone, records, count, seed=1):
    """`count` questions about the zone (wire format) with these records: all owners with all their types first."""
    pick = random.Random('%s %d' % (zone.hex(), seed))
    names = names_about(pick, zone, records)
    there = {record.owner for record in records}
    certain, possible = [], []
    for name in sorted(names):
        types = set(names[name])
        for rtype in sorted(types) if name in there else ():
            certain.append((name, rtype))
        extra = pick.sample(COMMON_TYPES, 6)
        possible += [(name, rtype) for rtype in (extra + [1, 43] + sorted(types) if name not in there else extra)]
    pick.shuffle(possible)
    pick.shuffle(certain)
    chosen = (certain[:count * 2 // 5] + possible)[:count]
    result = []
    for name, rtype in chosen:
        transport, edns = _weighted(pick, MODES)
        if rtype in (251, 252):
            continue
        if pick.random() < 0.15:
            name = other_spelling(pick, name)
        result.append(Question(name, rtype, transport, edns, _weighted(pick, FLAGS)[0]))
    return result
