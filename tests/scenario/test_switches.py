"""One scenario for each switch that a scenario suite sets, and the exact messages that each causes."""

import peers
import pytest
from authority import Key, Zone
from driver import ADDRESS, ADDRESS6, Resolver
from stage import Rule, reply
from world import CITY, HINTS, ROOT, ROOT6, ROOT_TEXT, SIGNED, World

COLD = ['root: land. A', 'land: city.land. A', 'city: www.city.land. A']
KEYS = ['root: . DNSKEY', 'land: land. DNSKEY', 'city: city.land. DNSKEY']
CITY_ANSWER = ['www.city.land. 60 A 192.0.2.1']


# ---- quiet ----------------------------------------------------------------------------------------------------------------------------
def test_nothing_is_sent_when_nothing_is_asked(stage, tmp_path):
    """Not at the start, not when a day passes, not at the end."""
    world = World(SIGNED).serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        assert stage.seen(0.5) == []
        resolver.clock.passes(86400)
        assert stage.seen(0.5) == []
    assert stage.seen() == []


def test_one_question_causes_what_it_needs(stage, tmp_path):
    World().serve(stage)
    with Resolver(tmp_path, HINTS) as resolver:
        assert resolver.ask('www.city.land. A').answer == CITY_ANSWER
        assert stage.seen() == COLD
        assert resolver.ask('www.city.land. A').answer == CITY_ANSWER
        assert stage.seen() == [], 'it is known now'
        assert resolver.ask('mail.city.land. A').rcode == 'NOERROR'
        assert stage.seen() == ['city: mail.city.land. A'], 'and so is the way'


def test_one_question_of_a_signed_zone_causes_what_it_needs(stage, tmp_path):
    world = World(SIGNED).serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        reply_ = resolver.ask('www.city.land. A', 'rd ad')
        assert reply_.status == 'NOERROR qr rd ra ad' and reply_.answer == CITY_ANSWER
        assert sorted(stage.seen()) == sorted(COLD + KEYS), 'the DS came with the delegations'
        assert resolver.ask('nothing.city.land. A', 'rd ad').status == 'NXDOMAIN qr rd ra ad'
        assert stage.seen() == ['city: nothing.city.land. A']


def test_listens_and_asks_at_one_address(stage, tmp_path):
    World().serve(stage)
    with Resolver(tmp_path, HINTS) as resolver:
        resolver.ask('www.city.land. A')
        assert {query.source for query in stage.queries_seen()} == {ADDRESS}
        assert resolver.stop() == 0, 'SIGTERM ends it cleanly'
        resolver.start()


def test_the_documented_configuration(stage, tmp_path):
    """The example of docs/resolver.md, in a world of loopback addresses."""
    text = (peers.TREE / 'docs' / 'resolver.md').read_text().partition('**For a scenario suite**')[2].partition('```yaml\n')[2].partition('```')[0]
    local_land(stage, '127.0.0.11')
    with Documented(tmp_path, HINTS.replace(ROOT, '127.0.0.11'), text) as resolver:
        assert stage.seen() == []
        assert resolver.ask('www.land. A', 'rd cd').answer == ['www.land. 60 A 192.0.2.1']
        assert stage.seen() == ['root: land. A', 'land: www.land. A']
        assert resolver.ask('www.land. A', 'rd edns').rcode == 'SERVFAIL', 'that key did not sign this root'


class Documented(Resolver):
    def __init__(self, directory, hints, text):
        super().__init__(directory, hints, address='127.0.0.10')
        self.text = text

    def configuration(self):
        return self.text


def local_land(stage, root):
    """land. at a loopback address."""
    stage.server('root', [root], Zone('.', ROOT_TEXT.replace(ROOT, root).replace('60.0.1.1', '127.0.0.12')))
    stage.server('land', ['127.0.0.12'], Zone('land.', '@ 60 SOA ns hostmaster 1 2 3 4 60\n@ 60 NS ns\nns 60 A 127.0.0.12\nwww 60 A 192.0.2.1'))


# ---- where to begin -------------------------------------------------------------------------------------------------------------------
def test_root_hints(stage, tmp_path):
    world = World()
    stage.server('elsewhere', ['60.0.7.7'], Zone('.', ROOT_TEXT.replace(ROOT, '60.0.7.7')))
    world.serve(stage)
    with Resolver(tmp_path, '. 60 NS some.name.\nsome.name. 60 A 60.0.7.7\n') as resolver:
        assert resolver.ask('www.land. A').rcode == 'NOERROR'
        assert stage.seen() == ['elsewhere: land. A', 'land: www.land. A']


def test_forward_all(stage, tmp_path):
    World().serve(stage)
    stage.server('forwarder', ['60.0.8.8'], Rule('* *', reply(flags='ra', answer=['www.city.land. 77 A 192.0.2.77'])))
    with Resolver(tmp_path, HINTS, 'forward: { ".": 60.0.8.8 }') as resolver:
        assert resolver.ask('www.city.land. A').answer == ['www.city.land. 77 A 192.0.2.77']
        seen = stage.queries_seen()
        assert [query.name.to_text() + ' ' + query.type for query in seen] == ['www.city.land. A']
        assert seen[0].rd and seen[0].server == 'forwarder'


@pytest.mark.parametrize('form', ['ds_text', 'dnskey_text'])
@pytest.mark.parametrize('fits', [True, False])
def test_trust_anchors_as_text(stage, tmp_path, form, fits):
    world = World(SIGNED).serve(stage)
    key = world.keys['.'] if fits else Key('.')
    with Resolver(tmp_path, HINTS, 'trust-anchors: "%s"' % getattr(key, form)()) as resolver:
        reply_ = resolver.ask('www.city.land. A', 'rd ad edns')
        assert reply_.status == ('NOERROR qr rd ra ad' if fits else 'SERVFAIL qr rd ra')
        assert fits or reply_.errors[0] in (6, 9)


def test_a_trust_anchor_in_the_middle(stage, tmp_path):
    """An island of security: the anchor is of a zone whose parent is not signed."""
    world = World(('city.land.',)).serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: "%s"' % world.keys['city.land.'].dnskey_text()) as resolver:
        assert resolver.ask('www.city.land. A', 'rd ad').has('ad')
        assert resolver.ask('www.land. A', 'rd ad').status == 'NOERROR qr rd ra'


def test_negative_trust_anchors(stage, tmp_path):
    world = World(SIGNED)
    world.zones['city.land.'].expiration = world.zones['city.land.'].inception + 60
    world.serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        assert resolver.ask('www.city.land. A', 'rd edns').errors[:1] == [7]
    with Resolver(tmp_path, HINTS, 'trust-anchors: %s\nnegative-trust-anchors: city.land' % world.anchor()) as resolver:
        assert resolver.ask('www.city.land. A', 'rd ad').status == 'NOERROR qr rd ra'
        assert resolver.ask('www.land. A', 'rd ad').has('ad'), 'beside it all is as before'


# ---- how servers are asked -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize('is_on, seen', [('yes', COLD), ('no', ['root: www.city.land. A', 'land: www.city.land. A', 'city: www.city.land. A'])])
def test_qname_minimisation(stage, tmp_path, is_on, seen):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'qname-minimisation: ' + is_on) as resolver:
        assert resolver.ask('www.city.land. A').answer == CITY_ANSWER
        assert stage.seen() == seen


@pytest.mark.parametrize('off, address', [('ipv4', ROOT6), ('ipv6', ROOT)])
def test_address_families(stage, tmp_path, off, address):
    stage.server('root', [ROOT, ROOT6], Zone('.', ROOT_TEXT + 'ns.root. 86400 AAAA %s\nwww. 60 A 192.0.2.1\n' % ROOT6))
    with Resolver(tmp_path, HINTS + 'ns.root. 3600000 AAAA %s\n' % ROOT6, off + ': no') as resolver:
        for i in range(8):
            resolver.ask('n%d. A' % i)
        assert {query.address for query in stage.queries_seen()} == {address}
    with Resolver(tmp_path, HINTS.replace(ROOT, '61.0.0.1') + 'ns.root. 3600000 AAAA %s\n' % ROOT6) as resolver:
        assert resolver.ask('www. A').rcode == 'NOERROR'
        assert {query.source for query in stage.queries_seen()} == {ADDRESS6}


def test_asking_loopback(stage, tmp_path):
    """A whole world at loopback addresses, from a loopback address."""
    local_land(stage, '127.0.0.11')
    with Resolver(tmp_path, HINTS.replace(ROOT, '127.0.0.11'), 'ask-loopback: yes', address='127.0.0.7', sources=['127.0.0.7']) as resolver:
        assert resolver.ask('www.land. A').answer == ['www.land. 60 A 192.0.2.1']
        assert {query.source for query in stage.queries_seen()} == {'127.0.0.7'}


def test_not_asking_loopback(stage, tmp_path):
    local_land(stage, ROOT)
    with Resolver(tmp_path, HINTS, 'ask-loopback: no', sources=[]) as resolver:
        reply_ = resolver.ask('www.land. A', 'rd edns')
        assert reply_.rcode == 'SERVFAIL' and reply_.errors
        assert not [line for line in stage.seen() if line.startswith('land')]


@pytest.mark.parametrize('is_on, answered', [('yes', False), ('no', True)])
def test_glue_hardening(stage, tmp_path, is_on, answered):
    """land. delegates to a name outside of it, and tells an address for that name as well. Nobody else knows the name."""
    refer = reply(flags='', authority=['city.land. 7200 NS ns.nowhere.'], additional=['ns.nowhere. 7200 A %s' % CITY])
    World().serve(stage, land=[Rule('city.land. *', refer), Rule('www.city.land. *', refer)])
    with Resolver(tmp_path, HINTS, 'harden-glue: ' + is_on) as resolver:
        assert resolver.ask('www.city.land. A').rcode == ('NOERROR' if answered else 'SERVFAIL')
        seen = stage.seen()
        assert ('city: www.city.land. A' in seen) == answered
        assert ('root: nowhere. A' in seen) == (not answered)


@pytest.mark.parametrize('size', [512, 1400, 4096])
def test_edns_size(stage, tmp_path, size):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'udp-size: %d' % size, 'udp-size: %d' % size) as resolver:
        assert resolver.ask('www.city.land. A', 'rd edns').message.payload == size
        assert {query.size for query in stage.queries_seen()} == {size}


def test_0x20(stage, tmp_path):
    world = World().serve(stage)
    mixed = 0
    for is_on in ('no', 'yes'):
        with Resolver(tmp_path, HINTS, 'use-0x20: ' + is_on) as resolver:
            world.zones['city.land.'].add('abcdefghijklmnopqrstuvwxyz', 60, 'A', '192.0.2.1')
            assert resolver.ask('abcdefghijklmnopqrstuvwxyz.city.land. A').rcode == 'NOERROR'
            mixed = [query.name.to_text() for query in stage.queries_seen() if query.name.to_text() != query.name.to_text().lower()]
            assert bool(mixed) == (is_on == 'yes'), is_on


def test_cookies(stage, tmp_path):
    World().serve(stage)
    for is_on in ('no', 'yes'):
        with Resolver(tmp_path, HINTS, 'cookies: ' + is_on) as resolver:
            resolver.ask('www.land. A')
            assert {tuple(query.options) for query in stage.queries_seen()} == {(10,) if is_on == 'yes' else ()}


# ---- what is kept and given ----------------------------------------------------------------------------------------------------------
def test_min_and_max_ttl(stage, tmp_path):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'min-ttl: 90s\nmax-ttl: 1h') as resolver:
        assert resolver.ask('www.city.land. A').ttls() == [90]
        assert resolver.ask('long.city.land. A').ttls() == [3600]
        stage.seen()
        resolver.clock.passes(89)
        assert resolver.ask('www.city.land. A').ttls() == [1] and stage.seen() == []
        resolver.clock.passes(1)
        assert resolver.ask('www.city.land. A').ttls() == [90] and stage.seen() == ['city: www.city.land. A']
        resolver.clock.passes(3600)
        assert resolver.ask('long.city.land. A').ttls() == [3600] and 'city: long.city.land. A' in stage.seen()


@pytest.mark.parametrize('is_on', ['yes', 'no'])
def test_local_zones(stage, tmp_path, is_on):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'local-zones: ' + is_on) as resolver:
        assert resolver.ask('nothing.invalid. A').rcode == 'NXDOMAIN'
        assert resolver.ask('localhost. A').rcode == ('NOERROR' if is_on == 'yes' else 'NXDOMAIN')
        assert stage.seen() == ([] if is_on == 'yes' else ['root: invalid. A', 'root: nothing.invalid. A', 'root: localhost. A'])


@pytest.mark.parametrize('is_on', ['yes', 'no'])
def test_minimal_answers(stage, tmp_path, is_on):
    given = reply(answer=['mx.city.land. 60 MX 10 mail.city.land.'], authority=['city.land. 60 NS ns.city.land.'], additional=['mail.city.land. 60 A 192.0.2.25'])
    World().serve(stage, city=[Rule('mx.city.land. MX', given)])
    with Resolver(tmp_path, HINTS, 'minimal-responses: ' + is_on) as resolver:
        assert resolver.ask('mail.city.land. A').rcode == 'NOERROR'
        reply_ = resolver.ask('mx.city.land. MX')
        assert reply_.answer == ['mx.city.land. 60 MX 10 mail.city.land.']
        assert bool(reply_.authority + reply_.additional) == (is_on == 'no'), reply_


# ---- asked unprompted ----------------------------------------------------------------------------------------------------------------
def test_priming(stage, tmp_path):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'priming: yes') as resolver:
        assert stage.seen(0.5) == [], 'not before there is something to look up'
        assert resolver.ask('www.land. A').rcode == 'NOERROR'
        assert sorted(stage.seen(least=3)) == ['land: www.land. A', 'root: . NS', 'root: land. A']


@pytest.mark.parametrize('is_on', ['no', 'yes'])
def test_prefetch(stage, tmp_path, is_on):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'prefetch: %s\nprefetch-percent: 20' % is_on) as resolver:
        resolver.ask('www.city.land. A')
        stage.seen()
        resolver.clock.passes(47)
        assert resolver.ask('www.city.land. A').ttls() == [13] and stage.seen() == []
        resolver.clock.passes(3)
        assert resolver.ask('www.city.land. A').ttls() == [10]
        assert stage.seen(least=is_on == 'yes') == (['city: www.city.land. A'] if is_on == 'yes' else [])
        assert resolver.ask('www.city.land. A').ttls() == [60 if is_on == 'yes' else 10]


@pytest.mark.parametrize('is_on', ['no', 'yes'])
def test_refreshing_addresses(stage, tmp_path, is_on):
    World().serve(stage)
    with Resolver(tmp_path, HINTS, 'refresh-addresses: ' + is_on) as resolver:
        resolver.ask('www.city.land. A')
        seen = stage.seen(least=4 if is_on == 'yes' else 3)
        assert seen[:3] == COLD
        assert sorted(seen[3:]) == (['city: ns.city.land. A', 'city: ns.city.land. AAAA'] if is_on == 'yes' else [])
