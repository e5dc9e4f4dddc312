"""What does not fit: at every size an answer is whole or says TC, an RRset is whole or absent, and glue that is needed is never left out in silence."""

import struct
from collections import Counter

import peers
import pytest
import wire
import zones

ORIGIN = 'truncation.test.'
SIZES = [0, 512, 600, 777, 900, 1232, 1700, 2500, 4096]  # 0: without EDNS
NAMES = ['@', 'host', 'multi', 'many', 'x.many', 'glued', 'www.glued', 'mixed', 'secureglue', 'x.secure', 'a.b.deleg', 'lame', 'towild', 'bigtxt', 'biga', 'medium', 'bigmx',
         'm1.bigmx', 'nothing.here', 'ent', 'x.wild', 'y.x.wildchain', 'c1', 'x.dname', 'a.b.c.d.dname2', 'tosecure', 'x.wildmiss', 'x.x.x.ent', '_sip._udp']
TYPES = ['A', 'AAAA', 'NS', 'MX', 'TXT', 'DS', 'SRV', 'DNSKEY', 'SOA', 'ANY']
NS, RRSIG = wire.TYPES['NS'], wire.TYPES['RRSIG']


def kinds(section):
    """Number of records by RRset; signatures count with what they cover."""
    return Counter((record.owner, struct.unpack_from('!H', record.rdata)[0] if record.type == RRSIG else record.type, record.type) for record in section)


def wrong_with(short, full, limit, asked_opt):
    """What is wrong with a UDP answer, given the whole one over TCP; None: nothing."""
    truncated = short.flags & wire.TC
    if short.size > limit:
        return '%d bytes where %d are allowed' % (short.size, limit)
    if (short.opt is not None) != asked_opt:
        return 'OPT'
    if (short.flags & ~wire.TC, short.rcode, short.question) != (full.flags, full.rcode, full.question):
        return 'header or question'
    for ours, whole in zip((short.answer, short.authority, short.additional), (full.answer, full.authority, full.additional)):
        counts, expected = kinds(ours), kinds(whole)
        for kind, count in counts.items():
            if count != expected[kind]:
                return 'part of an RRset: %s' % (kind,)
    if truncated:
        return 'truncated, though it fits' if full.size <= limit else None
    optional = NS if full.flags & wire.AA and full.answer else None  # the zone's own servers beside an answer
    missing = (kinds(full.answer) - kinds(short.answer)) + (kinds(full.authority) - kinds(short.authority))
    if any(covered != optional for _, covered, _ in missing):
        return 'an answer or authority RRset is missing, without TC'
    cuts = [record.owner for record in full.authority if record.type == NS] if not full.flags & wire.AA else []
    needed = [record for record in full.additional if record.type != RRSIG and any(wire.is_below(record.owner, cut) for cut in cuts)]
    if kinds(needed) - kinds(short.additional):
        return 'glue is missing, without TC (RFC 9471)'
    return None


@pytest.mark.parametrize('denial', ['unsigned', 'nsec', 'nsec3'])
@pytest.mark.parametrize('minimal', ['yes', 'no'])
def test_every_size(tmp_path, portoland, denial, minimal):
    path = tmp_path / 'zone'
    path.write_text(zones.rich(ORIGIN, random_names=5))
    if denial != 'unsigned':
        try:
            path = zones.sign(path, ORIGIN, 'ldns', denial)
        except zones.SigningFailed as error:
            pytest.skip(str(error))
    names = [wire.name_from_text(ORIGIN if name == '@' else '%s.%s' % (name, ORIGIN)) for name in NAMES]
    questions = [(name, wire.TYPES[rtype], flags) for name in names for rtype in TYPES for flags in ((0, wire.DO) if denial != 'unsigned' else (0,))]
    settings = 'udp-size: 4096\nminimal-responses: %s' % minimal
    bad, truncated = [], 0
    with peers.Portolan([peers.Zone(ORIGIN, path)], settings=settings) as server, wire.Asker(server.address, server.port) as asker:
        whole = [wire.parse(reply) for reply in asker.ask_tcp([wire.query(name, rtype, edns=(4096, flags)) for name, rtype, flags in questions])]
        for size in SIZES:
            asked = [(question, full) for question, full in zip(questions, whole) if size or not question[2]]
            replies = asker.ask_udp([wire.query(name, rtype, edns=(size, flags) if size else None) for (name, rtype, flags), _ in asked])
            for (question, full), reply in zip(asked, replies):
                short = wire.parse(reply)
                problem = wrong_with(short, full, max(size, 512), size > 0)
                truncated += bool(short.flags & wire.TC)
                if problem:
                    bad.append('%s %s flags %x at %d: %s' % (wire.name_text(question[0]), wire.type_name(question[1]), question[2], size, problem))
    assert not bad, '%d wrong: %s' % (len(bad), bad[:10])
    assert truncated > 50  # the sizes are small enough to show something
