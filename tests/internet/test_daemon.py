"""The resolver as its users meet it: flags on the wire, extended errors, TCP, who may ask, reload under load, the cache's commands, a cache that
outlives a restart, names it serves itself, and a network that is not there."""

import re
import signal
import socket
import struct
import subprocess
import threading
import time

import asking
import network
import peers
import pytest
import servers
import wire

STRANGER = '60.250.0.1'   # a client outside of loopback, private and link-local
OURS = '60.250.0.53'      # an address of the resolver that it can reach
EXAMPLE = peers.TREE / 'examples' / 'example.zone'


def one(server, name, rtype='A', **how):
    return asking.ask_all(server.address, [asking.ask(name, rtype, **how)])[0]


def extended_error(message):
    """(code, text) of the first extended error (RFC 8914), or None."""
    for code, value in message.opt[4] if message.opt else ():
        if code == 15:
            return struct.unpack('!H', value[:2])[0], value[2:].decode()
    return None


@pytest.fixture(scope='module')
def resolver(portolan_resolver):
    return portolan_resolver


@pytest.fixture(scope='module')
def leaf(world):
    """A signed leaf zone with all that leaves can have, whose denial is by NSEC."""
    return next(leaf for leaf in world.leaves if leaf['signed'] and leaf['how'][2] == 'nsec' and leaf['number'] % 5 == 0)


# ---- flags ---------------------------------------------------------------------------------------------------------------------------
def test_ad_for_those_who_ask(resolver, leaf):
    """RFC 6840 5.8: AD when the query had DO or AD, and everything is secure."""
    name = 'www.' + leaf['name']
    assert not one(resolver, name).flags & wire.AD
    assert one(resolver, name, flags=wire.RD | wire.AD).flags & wire.AD
    assert one(resolver, name, flags=wire.RD | wire.AD, edns=None).flags & wire.AD
    assert one(resolver, name, edns=(1232, wire.DO)).flags & wire.AD


def test_ad_is_not_for_what_is_not_signed(world, resolver):
    name = next('www.' + leaf['name'] for leaf in world.leaves if leaf['how'] is None)
    assert not one(resolver, name, flags=wire.RD | wire.AD, edns=(1232, wire.DO)).flags & wire.AD


def test_do_brings_signatures_and_its_absence_none(resolver, leaf):
    """RFC 4035 3.2.1, in both orders through the cache."""
    for label, order in (('mail.', (wire.DO, 0, wire.DO)), ('short.', (0, wire.DO, 0))):
        for do in order:
            message = one(resolver, label + leaf['name'], edns=(1232, do))
            assert any(record.type == wire.TYPES['RRSIG'] for record in message.answer) == bool(do), asking.describe(message)


def test_cd_gives_what_fails_and_its_absence_does_not(world, resolver):
    """RFC 4035 3.2.2, in both orders through the cache."""
    for name, order in (('www.expired.broken.', (wire.CD, 0, wire.CD)), ('www.ds-wrong-tag.broken.', (0, wire.CD, 0))):
        for cd in order:
            message = one(resolver, name, flags=wire.RD | cd)
            assert (message.rcode == 0 and bool(message.answer)) == bool(cd), asking.describe(message)
            assert bool(message.flags & wire.CD) == bool(cd)
            assert cd or message.rcode == wire.SERVFAIL and not message.answer


def test_without_rd_nothing_is_looked_up(world, resolver):
    """RFC 1034 4.3.1: recursion is asked for with RD; without it, what is not at hand is not fetched."""
    name = 'www.%s' % world.leaves[-1]['name']
    message = one(resolver, name, flags=0)
    assert not message.flags & wire.RD and not message.answer, asking.describe(message)
    assert one(resolver, name).rcode == 0


def test_ra_is_always_said(resolver, leaf):
    assert all(one(resolver, 'www.' + leaf['name'], flags=flags).flags & wire.RA for flags in (wire.RD, 0, wire.RD | wire.CD))


# ---- what is said to people -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize('label, code', [('expired', (7, 6)), ('not-yet', (8, 6)), ('no-signatures', (10, 6)), ('ds-wrong-digest', (9, 6)), ('lame', (22,)),
                                         ('refuses', (22,)), ('closed-port', (22, 23))])
def test_kdig_shows_why(resolver, label, code):
    kdig = peers.peer_program('kdig') or 'kdig'
    said = subprocess.run([kdig, '@' + resolver.address, 'www.%s.broken.' % label, 'TXT', '+dnssec', '+timeout=20', '+retry=0'], capture_output=True, text=True, timeout=60, check=False).stdout
    assert 'SERVFAIL' in said, said
    shown = re.search(r"EDE: (\d+) \([^)]*\): '(.*)'", said)
    assert shown and int(shown.group(1)) in code and '%s.broken.' % label in shown.group(2), said


def test_iterations_above_the_limit_are_told(resolver):
    """RFC 9276 3.2: insecure, with EDE 27."""
    message = one(resolver, 'nothing.iterations-151.broken.', edns=(1232, wire.DO))
    assert message.rcode == wire.NXDOMAIN and not message.flags & wire.AD
    assert extended_error(message) and extended_error(message)[0] == 27, asking.describe(message)


# ---- transports and clients -----------------------------------------------------------------------------------------------------------
def test_big_answers_come_over_tcp(resolver, leaf):
    udp = wire.Asker(resolver.address, 53)
    query = wire.query(wire.name_from_text('big.' + leaf['name']), wire.TYPES['TXT'], flags=wire.RD, edns=(1232, 0))
    small = wire.parse(udp.ask_udp([query])[0])
    whole = wire.parse(udp.ask_tcp([query])[0])
    udp.close()
    assert small.flags & wire.TC and len(whole.answer) == 20 and not whole.flags & wire.TC


def test_tcp_answers_as_they_come(world, resolver):
    """RFC 7766 6.2.1.1: a slow question does not hold up those behind it on the same connection."""
    slow = wire.query(wire.name_from_text('www.half-silent.broken.'), wire.TYPES['CAA'], identifier=1, flags=wire.RD)
    quick = [wire.query(wire.name_from_text('www.' + leaf['name']), wire.TYPES['A'], identifier=i + 2, flags=wire.RD) for i, leaf in enumerate(world.leaves[:20])]
    with socket.create_connection((resolver.address, 53), timeout=30) as tcp:
        tcp.sendall(b''.join(struct.pack('!H', len(query)) + query for query in [slow, *quick]))
        buffer, ids = b'', []
        for _ in range(21):
            reply, buffer = wire.read_frame(tcp, buffer)
            ids.append(struct.unpack_from('!H', reply)[0])
    assert sorted(ids) == list(range(1, 22))


def test_ipv6_clients_are_answered(resolver, leaf):
    assert asking.ask_all(resolver.address6, [asking.ask('www.' + leaf['name'])])[0].rcode == 0


@pytest.fixture(scope='module')
def beside(world, portoland):
    """A resolver with an address that strangers reach, a zone of its own, two workers."""
    network.add([STRANGER, OURS])
    zone = peers.Zone('example.com.', EXAMPLE)
    server = Beside(world, workers=2, also=[OURS])
    server.zones = [zone]
    with server:
        assert servers.wait_for(server, 'com.')
        yield server


class Beside(servers.Portolan):
    number = 4


def test_strangers_are_refused_and_counted(world, beside):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((STRANGER, 0))
        udp.settimeout(5)
        udp.connect((OURS, 53))
        replies = []
        for name in ('www.' + world.leaves[0]['name'], 'www.example.com.'):
            udp.send(wire.query(wire.name_from_text(name), wire.TYPES['A'], identifier=77, flags=wire.RD, edns=(1232, 0)))
            replies.append(wire.parse(udp.recv(4096)))
    refused, served = replies
    assert refused.rcode == wire.REFUSED and not refused.flags & wire.RA and not refused.answer and extended_error(refused)[0] == 18
    assert served.rcode == 0 and served.flags & wire.AA and served.answer, 'zones are for everybody'
    count = re.search(r'queries\.recursion-refused\s+(\d+)', beside.tool('stats').stdout)
    assert count and int(count.group(1)) == 1


def test_zones_served_here_answer_with_authority(beside):
    message = one(beside, 'www.example.com.')
    assert message.rcode == 0 and message.flags & wire.AA and message.answer
    assert one(beside, 'nothing.example.com.').rcode == wire.NXDOMAIN
    assert one(beside, 'www.%s' % beside.world.leaves[3]['name']).rcode == 0


def test_special_names_are_answered_here(resolver):
    """RFC 6761, 6762, 7686, 8375, 6303: no question about them leaves the machine."""
    before = sent(resolver)
    assert one(resolver, 'localhost.').answer[0].rdata == bytes([127, 0, 0, 1])
    for name in ('nothing.invalid.', 'nothing.onion.', 'nothing.test.', '1.1.168.192.in-addr.arpa.', 'nothing.home.arpa.'):
        assert one(resolver, name).rcode == wire.NXDOMAIN, name
    assert sent(resolver) == before


def sent(server):
    return sum(int(count) for count in re.findall(r'resolver\.sent-(?:udp|tcp)\s+(\d+)', server.tool('stats').stdout))


# ---- life ----------------------------------------------------------------------------------------------------------------------------
def test_reload_under_load_loses_nothing(world, beside):
    asked = [asking.ask('load%d.wild.%s' % (i, world.leaves[i % len(world.leaves)]['name'])) for i in range(3000)]
    said = []
    thread = threading.Thread(target=lambda: said.extend(asking.ask_all(beside.address, asked, window=50)))
    thread.start()
    reloads = 0
    while thread.is_alive() and reloads < 20:
        beside.process.send_signal(signal.SIGHUP)
        reloads += 1
        time.sleep(0.1)
    thread.join()
    assert beside.is_alive() and reloads >= 3
    wrong = [asking.text(question) for question, message in zip(asked, said) if message is None or message.rcode != 0 or not message.answer]
    assert len(said) == len(asked) and not wrong, '%d of %d: %s' % (len(wrong), len(asked), wrong[:5])


def test_cache_commands(resolver, leaf):
    name = 'www.' + leaf['name']
    assert one(resolver, name).rcode == 0
    shown = resolver.tool('cache', 'lookup', name)
    assert shown.returncode == 0 and name.rstrip('.') in shown.stdout and 'secure' in shown.stdout, shown
    before = sent(resolver)
    assert one(resolver, name).rcode == 0 and sent(resolver) == before
    assert resolver.tool('cache', 'flush', name).returncode == 0
    assert one(resolver, name).rcode == 0 and sent(resolver) > before
    stats = resolver.tool('cache', 'stats')
    assert stats.returncode == 0 and re.search(r'\d', stats.stdout), stats


class Durable(servers.Portolan):
    number = 5


def test_cache_outlives_a_restart(world, portoland, tmp_path):
    """What was known before a restart is known after it, without a packet; resolution is impossible by then."""
    tmp_path.chmod(0o755)
    kept = 'cache:\n  file: "%s"' % (tmp_path / 'cache')
    names = ['www.' + leaf['name'] for leaf in world.leaves[:50]]
    with Durable(world, settings=kept) as first:
        assert servers.wait_for(first, 'com.')
        assert all(message.rcode == 0 for message in asking.ask_all(first.address, [asking.ask(name) for name in names]))
    nowhere = tmp_path / 'hints'
    nowhere.write_text('. 3600 NS a.nowhere.\na.nowhere. 3600 A 61.9.9.9\n')
    with Durable(world._replace(hints=nowhere), settings=kept + '\npriming: no') as second:
        said = asking.ask_all(second.address, [asking.ask(name, flags=wire.RD | wire.AD) for name in names])
        assert all(message is not None and message.rcode == 0 for message in said)
        assert sum(bool(message.flags & wire.AD) for message in said) == sum(leaf['signed'] for leaf in world.leaves[:50]), 'what was secure must still be'


class Alone(servers.Portolan):
    number = 6


@pytest.mark.parametrize('address, how', [('61.9.9.8', 'silent'), ('62.9.9.8', 'unreachable')])
def test_without_a_network_it_says_what_it_cannot_reach(world, portoland, tmp_path, address, how):
    hints = tmp_path / 'hints'
    hints.write_text('. 3600 NS a.nowhere.\na.nowhere. 3600 A %s\n' % address)
    with Alone(world._replace(hints=hints)) as server:
        message = one(server, 'www.%s' % world.leaves[0]['name'])
        assert message is not None and message.rcode == wire.SERVFAIL
        code, text = extended_error(message)
        assert code in (22, 23) and address in text, (code, text)
        assert re.search(r'resolution\.unreachable .*' + re.escape(address), server.log()), server.log()


class OneFamily(servers.Portolan):
    number = 7


@pytest.fixture
def no_ipv6(world, portoland):
    """No route to any IPv6 address of the closed internet, although its servers are there: rules are looked at in the order of their numbers."""
    rules = (('add pref 10 lookup local', 'del pref 0'), ('add pref 0 lookup local', 'del pref 10'))
    reach = 'pref 5 to 2a00::/16 unreachable'
    for rule in (*rules[0], 'add ' + reach):
        subprocess.run(['ip', '-6', 'rule', *rule.split()], check=True, timeout=10)
    yield
    for rule in (*rules[1], 'del ' + reach):
        subprocess.run(['ip', '-6', 'rule', *rule.split()], check=True, timeout=10)


@pytest.mark.parametrize('prefers', ['no', 'yes'])
def test_without_ipv6_no_time_is_lost(world, no_ipv6, prefers):
    """The first message to an address without a route tells that the family is not there; nothing is waited for, also when IPv6 is what the operator
    prefers."""
    names = ['www.' + leaf['name'] for leaf in world.leaves[:60] if leaf['number'] % 8 != 4]  # those have no other servers (world.py)
    with OneFamily(world, settings='prefer-ipv6: ' + prefers) as server:
        began = time.monotonic()
        said = asking.ask_all(server.address, [asking.ask(name) for name in names])
        took_s = time.monotonic() - began
        counted = dict(re.findall(r'resolver\.([a-z0-9-]+)\s+(\d+)', server.tool('stats').stdout))
    failed = [(name, message and asking.describe(message)) for name, message in zip(names, said) if message is None or message.rcode != 0]
    assert not failed
    assert int(counted['timeouts']) == 0, counted
    assert took_s < 3, took_s
    # What has no answer was sent without a route: one message of those that were under way when the first one failed, and then one a minute.
    vain = int(counted['sent-udp']) + int(counted['sent-tcp']) - int(counted['replies'])
    assert (prefers == 'no' or vain > 0) and vain < len(names) / 2, (vain, counted)


def test_builtin_hints_without_a_network(world, portoland, tmp_path):
    """No configuration of the resolver at all, as `make run` starts it: the public root cannot be reached, and the answer and the log say so. The lab
    has a server at none of the root's addresses."""
    server = peers.Portolan([peers.Zone('example.com.', EXAMPLE)])
    with server:
        asked = [asking.ask('www.example.com.'), asking.ask('www.example.net.')]
        with wire.Asker(server.address, server.port, timeout_s=20) as asker:
            served, failed = (wire.parse(reply) for reply in asker.ask_udp([asking.encode(question) for question in asked], tries=(1.0,)))
        assert served.rcode == 0 and served.flags & wire.AA
        assert failed.rcode == wire.SERVFAIL and extended_error(failed)[0] in (22, 23), asking.describe(failed)
        assert 'root' in extended_error(failed)[1] or ' . ' in extended_error(failed)[1], extended_error(failed)
        assert 'warning resolution.unreachable name=www.example.net. type=A' in server.log(), server.log()


def test_a_copy_of_the_root_zone_takes_the_place_of_its_servers(world, portoland, tmp_path):
    """RFC 8806: with no way to a root server, everything resolves and validates; a copy that somebody changed does not match its signatures, and is
    of no use without them."""
    hints = tmp_path / 'hints'
    hints.write_text('. 3600 NS a.nowhere.\na.nowhere. 3600 A 62.9.9.8\n')
    root = next(file for zones in world.served.values() for zone, file in zones if zone == '.')
    leaf = next(leaf for leaf in world.leaves if leaf['signed'])
    copy = tmp_path / 'root'
    copy.write_bytes((world.directory / root).read_bytes())
    for is_whole in (True, False):
        if not is_whole:
            altered = re.sub(r'(?m)^(\S+\s+\d+\s+IN\s+DS\s.*)([0-9A-Fa-f])$', lambda match: match.group(1) + '10'[match.group(2) == '1'], copy.read_text())
            copy.write_text(altered)
        with Alone(world._replace(hints=hints), settings='local-root: { file: "%s" }' % copy) as server:
            message = one(server, 'www.' + leaf['name'], edns=(1232, wire.DO))
            nothing = one(server, 'no-such-domain.', edns=(1232, wire.DO))
            assert nothing.rcode == wire.NXDOMAIN and nothing.flags & wire.AD, asking.describe(nothing)
            if is_whole:
                assert message.rcode == 0 and message.flags & wire.AD, asking.describe(message)
                assert 'resolution.unreachable' not in server.log()
            else:
                assert message is None or message.rcode == wire.SERVFAIL, asking.describe(message)
