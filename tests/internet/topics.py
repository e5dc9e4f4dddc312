"""Questions about a world: everything a leaf zone has and has not, with DO, CD, AD and without EDNS, over UDP and TCP."""

import random

import asking
import wire

TYPES = ['A'] * 8 + ['AAAA'] * 5 + ['MX', 'TXT', 'TXT', 'NS', 'SOA', 'CAA', 'HTTPS', 'DS', 'CNAME', 'TYPE65280']
PLAIN = ['', 'www.', 'mail.', 'alias.', 'external.', 'chain.', 'miss.', 'short.']
STRANGE = ['x.wild.', 'y.z.wild.', 'one.wild.', 'x.one.wild.', 'x.wildname.', 'x.wildout.', 'wild.', '*.wild.', 'ent.', 'b.ent.', 'a.b.ent.', 'x.ent.', 'nothing.',
           'x.nothing.', 'x.www.', 'x.alias.', '_sip._udp.', '_udp.', 'ns1.', 'zzzz.', '0.']
SOMETIMES = {5: ['big.'], 7: ['tree.', 'www.tree.', 'alias.tree.', 'nothing.tree.', 'chain.tree.', 'down.', 'www.down.', 'nothing.down.', 'totree.', 'www.under.', 'under.'],
             11: ['many.']}
CHILD = ['sub.', 'www.sub.', 'nothing.sub.', 'up.sub.', 'x.www.sub.']
APEX_TYPES = ['SOA', 'NS', 'DNSKEY', 'DS', 'A', 'TXT', 'NSEC3PARAM']


def names_of(leaf):
    found = PLAIN + STRANGE
    for divisor, names in SOMETIMES.items():
        found = found + names if leaf['number'] % divisor == 0 else found
    return found + CHILD if leaf['child'] else found


def dressed(pick, name, rtype):
    """The question with flags, EDNS, case and transport drawn."""
    flags, edns, transport = wire.RD, (1232, 0), 'udp'
    chance = pick.random()
    if chance < 0.5:
        edns = (1232, wire.DO)
    elif chance < 0.65:
        edns = None
    flags |= wire.CD if pick.random() < 0.1 else 0
    flags |= wire.AD if pick.random() < 0.25 else 0
    transport = 'tcp' if pick.random() < 0.03 else transport
    if pick.random() < 0.1:
        name = ''.join(c.upper() if pick.random() < 0.5 else c for c in name)
    return asking.ask(name, rtype, flags, edns, transport)


def about(world, count, seed=3):
    """So many questions about the leaves, the domains above them and names that are nowhere; always the same for a seed."""
    pick = random.Random(seed)
    tops = sorted({leaf['name'].split('.')[1] + '.' for leaf in world.leaves})
    found = []
    while len(found) < count:
        leaf = pick.choice(world.leaves)
        chance = pick.random()
        if chance < 0.82:
            names = names_of(leaf)
            label = pick.choice(PLAIN if pick.random() < 0.35 else names)
            found.append(dressed(pick, label + leaf['name'], pick.choice(TYPES)))
        elif chance < 0.90:
            found.append(dressed(pick, (leaf['child'] if leaf['child'] and pick.random() < 0.5 else leaf['name']), pick.choice(APEX_TYPES)))
        elif chance < 0.95:
            top = pick.choice(tops)
            found.append(dressed(pick, pick.choice(['', 'nothing%d.' % pick.randrange(300), 'www.nothing%d.' % pick.randrange(300), 'a.nic.']) + top,
                                 pick.choice(['A', 'NS', 'DS', 'SOA', 'DNSKEY'])))
        elif chance < 0.97:
            found.append(dressed(pick, '%d.0.1.60.in-addr.arpa.' % pick.randrange(1, 120), 'PTR'))
        else:
            found.append(dressed(pick, pick.choice(['.', 'nothing%d.' % pick.randrange(200), 'www.nothing%d.' % pick.randrange(200)]),
                                 pick.choice(['A', 'NS', 'SOA', 'DNSKEY', 'DS', 'TXT'])))
    return found
