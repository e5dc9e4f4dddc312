"""What clients see and servers get: header bits, TTLs, signatures kept or stripped, RD, truncation, and where DS records are asked for."""

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import pytest
from authority import DAY_S, Zone
from driver import START_S, Resolver, ask, lines, query_of
from stage import Rule, raw_reply, reply, silent, truncated
from world import HINTS, SIGNED, World

NAME = 'www.city.land. A'
DATA, SIGNED_DATA = ['www.city.land. 60 A 192.0.2.1'], ['www.city.land. 60 A 192.0.2.1', 'www.city.land. 60 RRSIG A']


@pytest.fixture
def world(stage):
    return World(SIGNED).serve(stage)


@pytest.fixture
def resolver(world, tmp_path):
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as started:
        yield started


# ---- header --------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize('words', ['rd', 'rd ad', 'rd cd', 'rd ad cd', 'rd do', 'rd ad cd do'])
def test_bits_of_queries_to_servers(stage, resolver, words):
    """Authoritative servers get neither RD nor the client's AD (RFC 4035 4.6), and always DO (4.1, RFC 3225)."""
    assert resolver.ask(NAME, words).rcode == 'NOERROR'
    for query in stage.queries_seen():
        assert not query.rd and not query.ad and not query.cd and query.do and query.message.opcode() == 0, query.message


@pytest.mark.parametrize('words, status', [('rd', 'NOERROR qr rd ra'), ('rd ad', 'NOERROR qr rd ra ad'), ('rd cd', 'NOERROR qr rd ra cd'),
                                           ('rd ad cd', None), ('rd do', 'NOERROR qr rd ra ad')])
@pytest.mark.parametrize('transport', ['', ' tcp'])
def test_bits_of_answers(resolver, words, status, transport):
    """RFC 1035 4.1.1, RFC 4035 3.2: RA always, RD and CD as in the question, AA and Z never, AD for those who understand it (RFC 6840 5.8)."""
    for _ in ('looked up', 'from the cache'):
        reply_ = resolver.ask(NAME, words + transport)
        assert status in (None, reply_.status), reply_
        assert reply_.has('ra') and reply_.has('cd') == ('cd' in words) and not reply_.message.flags & (dns.flags.AA | 0x40)


def test_the_question_comes_back_as_it_was_asked(resolver):
    """Its case too, from the cache as well (draft-vixie-dnsext-dns0x20)."""
    for name in ('WwW.cItY.lANd.', 'www.CITY.land.'):
        reply_ = resolver.ask(name + ' A')
        assert reply_.message.question[0].name.to_text() == name and len(reply_.message.answer) == 1


@pytest.mark.parametrize('code', [5, 6, 7, 65001])
def test_no_options_nobody_asked_us_for(resolver, code):
    """DAU, DHU and N3U are for servers to read, not to give back (RFC 6975 4.2.2, 5); unknown ones are ignored (RFC 6891 6.1.2)."""
    for _ in ('looked up', 'from the cache'):
        query = query_of(NAME, 'rd do')
        query.use_edns(0, dns.flags.DO, 1232, options=[dns.edns.GenericOption(code, b'\x08\x0d')])
        message = dns.query.udp(query, resolver.address, timeout=5)
        assert message.edns == 0 and list(message.options) == []


def test_no_opt_for_those_who_sent_none(resolver):
    """RFC 6891 6.1.1."""
    for name in (NAME, 'nothing.city.land. A'):
        assert resolver.ask(name, 'rd').message.edns == -1 and resolver.ask(name, 'rd edns').message.edns == 0


# ---- DO and CD -----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize('order', [('rd', 'rd do', 'rd edns', 'rd do'), ('rd do', 'rd', 'rd do', 'rd edns')])
def test_signatures_are_kept_and_stripped(stage, resolver, order):
    """RFC 4035 3.2.1, in both orders through the cache: data, a name error, and no data."""
    for words in order:
        assert resolver.ask(NAME, words).answer == (SIGNED_DATA if 'do' in words else DATA)
        for what in ('nothing.city.land. A', 'www.city.land. MX'):
            types = {line.split()[2] for line in resolver.ask(what, words).authority}
            assert types == ({'SOA', 'NSEC', 'RRSIG'} if 'do' in words else {'SOA'}), (what, words)
    assert len([line for line in stage.seen() if 'city: ' in line and 'DNSKEY' not in line]) == 3, 'each was asked for once'


@pytest.mark.parametrize('order', [('rd do', 'rd cd do', 'rd do'), ('rd cd do', 'rd do', 'rd cd do')])
def test_bogus_data_for_those_who_check_themselves(world, resolver, order):
    """RFC 4035 3.2.2, 5.5: CD gives what fails; without it SERVFAIL, and nothing in it."""
    world.zones['city.land.'].expiration = START_S - 3600
    for words in order:
        reply_ = resolver.ask(NAME, words)
        if 'cd' in words:
            assert reply_.status == 'NOERROR qr rd ra cd' and reply_.answer == SIGNED_DATA
        else:
            assert reply_.status == 'SERVFAIL qr rd ra' and reply_.errors[0] == 7 and not reply_.answer + reply_.authority + reply_.additional


def test_what_is_between_is_kept(stage, resolver):
    """The records a validation needed: asked for by clients, they are known."""
    assert resolver.ask(NAME, 'rd do').has('ad')
    stage.seen()
    for what in ('. DNSKEY', 'land. DNSKEY', 'city.land. DNSKEY', 'land. DS', 'city.land. DS'):
        reply_ = resolver.ask(what, 'rd do')
        assert reply_.status == 'NOERROR qr rd ra ad' and len(reply_.answer) == 2, (what, reply_)
    assert stage.seen() == []


@pytest.mark.parametrize('is_on', ['no', 'yes'])
def test_ns_records_are_signed_as_well(stage, world, tmp_path, is_on):
    """The zone's own, not those of the delegation (RFC 2181 5.4.1)."""
    with Resolver(tmp_path, HINTS, 'trust-anchors: %s\nuse-0x20: %s' % (world.anchor(), is_on)) as resolver:
        resolver.ask(NAME)
        reply_ = resolver.ask('city.land. NS', 'rd do')
        assert reply_.status == 'NOERROR qr rd ra ad'
        assert reply_.answer == ['city.land. 3600 NS ns.city.land.', 'city.land. 3600 RRSIG NS']
        assert 'city: city.land. NS' in stage.seen()


# ---- TTLs ----------------------------------------------------------------------------------------------------------------------------
def test_an_rrset_has_one_ttl(stage, tmp_path):
    """The least of those that came (RFC 2181 5.2); an RRSIG has its RRset's (RFC 4034 3); negative data that of the SOA or its last field (RFC 2308 5)."""
    uneven = raw_reply(['uneven.city.land. 300 TXT "a"', 'uneven.city.land. 20 TXT "b"', 'uneven.city.land. 100 TXT "c"'])
    denied = reply(authority=['city.land. 77 SOA ns. x. 1 2 3 4 3600'])
    World().serve(stage, city=[Rule('uneven.city.land. TXT', uneven), Rule('denied.city.land. *', denied)])
    with Resolver(tmp_path, HINTS) as resolver:
        for _ in ('looked up', 'from the cache'):
            assert resolver.ask('uneven.city.land. TXT').ttls() == [20]
            assert resolver.ask('denied.city.land. A').ttls('authority') == [77]


def test_signatures_live_as_long_as_what_they_sign(world, tmp_path):
    """Through `min-ttl`, `max-ttl`, and original TTLs (RFC 4035 5.3.3)."""
    with Resolver(tmp_path, HINTS, 'trust-anchors: %s\nmax-ttl: 40s' % world.anchor()) as resolver:
        for passed in (0, 17):
            resolver.clock.passes(passed)
            assert resolver.ask(NAME, 'rd do').ttls() == [40 - passed]
    with Resolver(tmp_path, HINTS, 'trust-anchors: %s\nmin-ttl: 90s' % world.anchor()) as resolver:
        assert resolver.ask(NAME, 'rd do').ttls() == [60], 'not even by `min-ttl` longer than the original TTL (5.3.3)'


def test_a_ttl_above_the_original_is_not_believed(stage, tmp_path):
    """RFC 4035 5.3.3: whoever raises a TTL on the way gains nothing."""
    world = World(SIGNED)

    def raised(query):
        made = world.zones['city.land.'](query)
        for rrset in made.answer:
            rrset.ttl = 50000
        return made
    world.serve(stage, city=[Rule(NAME, raised)])
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        assert resolver.ask(NAME, 'rd do').answer == SIGNED_DATA


# ---- RD ------------------------------------------------------------------------------------------------------------------------------
def test_without_rd_nothing_is_asked(stage, resolver):
    """RFC 1034 4.3.1: what is known is given; for what is not, nobody is asked."""
    reply_ = resolver.ask(NAME, 'edns')
    assert reply_.has('ra') and not reply_.has('rd') and not reply_.answer and 20 in reply_.errors
    assert stage.seen() == []
    assert resolver.ask(NAME).answer == DATA
    stage.seen()
    reply_ = resolver.ask(NAME, 'edns')
    assert reply_.status == 'NOERROR qr ra' and reply_.answer == DATA and stage.seen() == []


# ---- truncation ----------------------------------------------------------------------------------------------------------------------
LONG = ['big.city.land. 60 TXT "%03d %s"' % (i, 'x' * 200) for i in range(20)]


def test_truncated_answers_are_had_over_tcp(stage, tmp_path):
    """RFC 7766 5; and the client, in its turn, is told to (RFC 2181 9)."""
    World().serve(stage, city=[Rule('big.city.land. TXT', reply(answer=LONG))])
    with Resolver(tmp_path, HINTS) as resolver:
        for words in ('rd', 'rd edns'):
            reply_ = resolver.ask('big.city.land. TXT', words)
            assert reply_.status == 'NOERROR qr tc rd ra' and len(reply_.message.to_wire()) <= (1232 if 'edns' in words else 512)
        assert stage.seen()[-2:] == ['city: big.city.land. TXT', 'city: big.city.land. TXT tcp']
        assert len(resolver.ask('big.city.land. TXT', 'rd tcp').answer) == 20
        assert len(ask(resolver.address, 'big.city.land. TXT', 'rd edns', size=4096).answer) < 20, 'never more than the server itself allows (1232)'
        assert stage.seen() == []


@pytest.mark.parametrize('over_tcp', ['refused', 'truncated', 'silent'])
def test_truncated_answers_that_tcp_does_not_bring(stage, tmp_path, over_tcp):
    """No part of a truncated answer is ever given."""
    partial = Rule('big.city.land. TXT', reply(flags='aa tc', answer=LONG[:1]), tcp=False)
    bad = {'refused': reply('REFUSED', flags=''), 'truncated': reply(flags='aa tc', answer=LONG[:1]), 'silent': silent}[over_tcp]
    World().serve(stage, city=[partial, Rule('big.city.land. TXT', bad, tcp=True)])
    with Resolver(tmp_path, HINTS, 'timeouts: { tcp: 200ms }\nlimits: { request-time: 1s, discard-after: never }') as resolver:
        assert resolver.ask('big.city.land. TXT').status == 'SERVFAIL qr rd ra'
        assert 'city: big.city.land. TXT tcp' in stage.seen()
        assert resolver.ask(NAME).answer == DATA


def test_truncated_at_every_step(stage, tmp_path):
    """The root's referral as well."""
    World().serve(stage, root=[truncated], land=[truncated], city=[truncated])
    with Resolver(tmp_path, HINTS) as resolver:
        assert resolver.ask(NAME).answer == DATA
        assert [line for line in stage.seen() if line.endswith('tcp')] == ['root: land. A tcp', 'land: city.land. A tcp', 'city: www.city.land. A tcp']


# ---- DS ------------------------------------------------------------------------------------------------------------------------------
def test_ds_is_asked_of_the_parent(stage, resolver):
    """RFC 4035 3.1.4.1, 4.2: cold, and when the child's servers are known."""
    cold = resolver.ask('city.land. DS', 'rd do')
    assert cold.status == 'NOERROR qr rd ra ad' and len(cold.answer) == 2
    assert not [line for line in stage.seen() if line.startswith('city')]
    assert resolver.ask('mail.city.land. A').rcode == 'NOERROR'
    resolver.tool('cache', 'flush', 'city.land.', 'DS')
    stage.seen()
    assert resolver.ask('city.land. DS', 'rd do').answer == cold.answer
    assert set(stage.seen()) <= {'land: city.land. DS'}


def test_no_ds_is_proven_by_the_parent(stage, tmp_path):
    world = World(('.', 'land.')).serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        assert resolver.ask(NAME, 'rd ad').status == 'NOERROR qr rd ra'
        reply_ = resolver.ask('city.land. DS', 'rd do')
        assert reply_.status == 'NOERROR qr rd ra ad' and 'city.land. 900 NSEC ns.land. NS RRSIG NSEC' in reply_.authority
        assert not [line for line in stage.seen() if line == 'city: city.land. DS']


def test_no_ds_as_the_child_says_it_proves_nothing(stage, tmp_path):
    """RFC 4035 B.8: the server of the parent serves the child as well, and answers from there: its NSEC has the SOA bit (5.2, RFC 6840 4.4)."""
    world = World(SIGNED)
    child = world.zones['city.land.']

    def as_the_child(query):
        made = dns.message.make_response(query.message)
        made.flags |= dns.flags.AA
        made.authority += child.denial([query.name], query.do)
        return made

    def without_ds(query):
        made = world.zones['land.'](query)
        made.authority = [rrset for rrset in made.authority if dns.rdatatype.DS not in (rrset.rdtype, rrset.covers)]
        return made
    world.serve(stage, land=[Rule('city.land. DS', as_the_child), Rule('city.land. A', without_ds)])
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        reply_ = resolver.ask('city.land. DS', 'rd do')
        assert reply_.rcode == 'SERVFAIL' and not reply_.has('ad') and reply_.errors, reply_
        assert resolver.ask(NAME, 'rd ad').rcode == 'SERVFAIL', 'the zone is not insecure for that'
        assert resolver.ask('www.land. A', 'rd ad').has('ad')


def test_the_root_has_no_ds(resolver):
    reply_ = resolver.ask('. DS', 'rd do')
    assert reply_.status == 'NOERROR qr rd ra ad' and not reply_.answer


# ---- servers that are no good --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize('address', ['0.0.0.0', '127.0.0.1', '255.255.255.255', '224.0.0.1', '240.0.0.1'])
def test_addresses_that_nobody_has_are_not_asked(stage, tmp_path, address):
    World().serve(stage, land=[Rule('city.land. A', reply(flags='', authority=['city.land. 60 NS ns.city.land.'], additional=['ns.city.land. 60 A ' + address]))])
    stage.server('local', ['127.0.0.1'], Zone('city.land.', '@ 60 SOA ns h 1 2 3 4 5\nwww 60 A 192.0.2.66'))
    with Resolver(tmp_path, HINTS, 'limits: { request-time: 2s, discard-after: never }', sources=[]) as resolver:
        assert resolver.ask(NAME, 'rd edns').rcode == 'SERVFAIL'
        assert not [line for line in stage.seen() if line.startswith('local')]


def test_unknown_types_pass(stage, tmp_path):
    """RFC 3597."""
    line = 'odd.city.land. 60 TYPE65280 \\# 4 0a000001'
    World().serve(stage, city=[Rule('odd.city.land. TYPE65280', reply(answer=[line]))])
    with Resolver(tmp_path, HINTS) as resolver:
        for _ in ('looked up', 'from the cache'):
            assert resolver.ask('odd.city.land. TYPE65280').answer == [line]


def test_a_lost_packet_is_sent_again(stage, tmp_path):
    World().serve(stage, city=[Rule('* *', silent, times=1)])
    with Resolver(tmp_path, HINTS) as resolver:
        assert resolver.ask(NAME).answer == DATA
        assert stage.seen() == ['root: land. A', 'land: city.land. A', 'city: www.city.land. A', 'city: www.city.land. A']


def test_edns_is_left_out_for_those_who_refuse_it(stage, tmp_path):
    """RFC 6891 7; and for no longer than the server's memory."""
    World().serve(stage, city=[Rule('* *', reply('FORMERR', flags='', edns=False), edns=True)])
    with Resolver(tmp_path, HINTS) as resolver:
        assert resolver.ask(NAME).answer == DATA
        assert [query.size for query in stage.queries_seen()][-1] is None
