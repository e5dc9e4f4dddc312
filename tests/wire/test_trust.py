"""Trust in a running server: rollovers of a trust anchor's keys (RFC 5011) over restarts and damage, what zones are told of it (RFC 8145), negative
trust anchors (RFC 7646), and the commands that show and change all that."""

import json
import re
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import peers
import pytest
import rolling as rolling_keys

ZONE = 'roll.example.'
TEXT = """$TTL 1
@ SOA ns hostmaster %d 3600 900 604800 1
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
"""
HOLD_S = 2


class Rolling:
    """A zone whose keys change, and its server."""

    def __init__(self, directory):
        self.directory = directory
        self.a, self.b = rolling_keys.Key(directory, ZONE, '-k'), rolling_keys.Key(directory, ZONE, '-k')
        self.signer = rolling_keys.Key(directory, ZONE)
        self.file = directory / 'zone.signed'
        self.serial = 0
        self.origin = None

    def show(self, signed_by, also=()):
        """The zone with its keys signed by some, and others in it besides."""
        self.serial += 1
        rolling_keys.sign(self.file, ZONE, TEXT % self.serial, [*signed_by, self.signer], also)
        if self.origin:
            done = self.origin.tool('zone', 'reload', '--force', ZONE)
            assert done.returncode == 0, done.stderr

    def resolver(self, more='', anchors=None, **others):
        return peers.Portolan([], settings="""resolver:
  stub: { %s: ["127.0.0.1:%d"] }
  trust-anchors: ["%s"]
  add-hold-down: %ds
  remove-hold-down: 1h
  bogus-ttl: 1s
  prefetch: no
  stale: { serve: no }
%s""" % (ZONE, self.origin.port, '", "'.join(anchors or [self.a.ds()]), HOLD_S, more), **others)


@pytest.fixture
def rolling(tmp_path, portoland):
    if not rolling_keys.is_possible():
        pytest.skip('no ldns-signzone')
    tmp_path.chmod(0o755)
    zone = Rolling(tmp_path)
    zone.show([zone.a])
    with peers.Portolan([peers.Zone(ZONE, zone.file)], settings='resolver: no\n') as zone.origin:
        yield zone


def ask(server, name='www', rtype='A'):
    query = dns.message.make_query(name + '.' + ZONE if name else ZONE, rtype, want_dnssec=True)
    return dns.query.udp(query, server.address, port=server.port, timeout=10)


def is_secure(server):
    """Fresh: what is in the cache lives for a second."""
    time.sleep(1.1)
    answer = ask(server)
    return answer.rcode() == dns.rcode.NOERROR and bool(answer.answer) and bool(answer.flags & dns.flags.AD)


def trust(server):
    done = server.tool('--json', 'trust', 'show')
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def keys(server):
    return {key['tag']: key for key in trust(server)['points'][0]['keys']}


def wait_for(server, pattern, since, timeout_s=20):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = re.search(pattern, server.log()[since:])
        if found:
            return found.group(0)
        time.sleep(0.02)
    raise AssertionError('no %s in\n%s' % (pattern, server.log()[since:]))


def look(server, pattern):
    """Has the keys asked for, and waits for what the log says of it."""
    since = len(server.log())
    done = server.tool('trust', 'refresh')
    assert done.returncode == 0 and '1 zone is asked' in done.stdout, done
    wait_for(server, pattern, since)
    point = trust(server)['points'][0]
    while point['asking']:
        time.sleep(0.02)
        point = trust(server)['points'][0]
    return server.log()[since:]


def restart(server):
    assert server.stop() == 0
    server.start()


# ---- RFC 5011 ----------------------------------------------------------------------------------------------------------------------------
def test_a_rollover_from_beginning_to_end(rolling):
    a, b = rolling.a, rolling.b
    with rolling.resolver() as server:
        assert keys(server)[a.tag]['state'] == 'configured' and keys(server)[a.tag]['digest'] == 2
        assert is_secure(server)
        look(server, r'notice|info trust.key-found zone=%s tag=%d' % (ZONE, a.tag))
        assert keys(server)[a.tag]['state'] == 'valid' and keys(server)[a.tag]['trusted'] and keys(server)[a.tag]['configured']

        rolling.show([a], also=[b])
        look(server, 'trust.key-pending zone=%s tag=%d' % (ZONE, b.tag))
        seen = keys(server)[b.tag]
        assert seen['state'] == 'add-pending' and not seen['trusted'] and not seen['configured']
        assert seen['acceptable'] >= time.time() - 1

        # a key that waits signs nothing, and an RRset that it alone has signed proves nothing
        rolling.show([b], also=[a])
        assert not is_secure(server)
        look(server, 'warning trust.probe-failed .*no trusted key')
        rolling.show([a], also=[b])

        restart(server)
        assert keys(server)[b.tag]['state'] == 'add-pending', 'its waiting outlives a restart'
        time.sleep(HOLD_S)
        look(server, 'trust.key-accepted zone=%s tag=%d' % (ZONE, b.tag))
        assert keys(server)[b.tag]['trusted']

        rolling.show([b])
        look(server, 'trust.key-missing zone=%s tag=%d' % (ZONE, a.tag))
        assert is_secure(server) and keys(server)[a.tag]['state'] == 'missing'
        restart(server)
        assert is_secure(server), 'a key that was learned outlives a restart'

        a.revoke()
        rolling.show([a, b])
        log = look(server, 'trust.key-revoked zone=%s tag=%d' % (ZONE, a.tag))
        assert 'trust.point-deleted' not in log
        assert is_secure(server) and not keys(server)[a.tag]['trusted']
        assert [key['tag'] for key in keys(server).values() if key['trusted']] == [b.tag]
        restart(server)
        assert keys(server)[a.tag]['state'] == 'revoked', 'configured or not'


def test_a_revoked_key_is_worth_nothing_from_that_moment(rolling):
    a, b = rolling.a, rolling.b
    with rolling.resolver(anchors=[rolling.a.ds(), rolling.b.ds()]) as server:
        rolling.show([a, b])
        look(server, 'trust.key-found')
        stolen = a.path.read_text()
        a.revoke()
        rolling.show([a, b])
        look(server, 'trust.key-revoked')
        a.path.write_text(stolen)
        rolling.show([a])
        assert ask(server).rcode() == dns.rcode.SERVFAIL, 'the thief signs with it'
        restart(server)
        assert ask(server).rcode() == dns.rcode.SERVFAIL


def test_a_point_without_keys_is_deleted(rolling):
    """RFC 5011 5: then nothing is validated there, and somebody has to know."""
    with rolling.resolver() as server:
        look(server, 'trust.key-found')
        rolling.a.revoke()
        rolling.show([rolling.a])
        look(server, 'error trust.point-deleted zone=%s' % ZONE)
        wait_for(server, 'warning trust.nothing', 0)
        answer = ask(server)
        assert answer.rcode() == dns.rcode.NOERROR and not answer.flags & dns.flags.AD
        assert trust(server)['points'][0]['trusted'] == 0
        assert 'NOTHING IS TRUSTED' in server.tool('trust', 'show').stdout
        since = len(server.log())
        restart(server)
        wait_for(server, 'trust.point-deleted', 0 if len(server.log()) < since else since)


def test_a_damaged_state_is_set_aside(rolling):
    with rolling.resolver() as server:
        rolling.show([rolling.a], also=[rolling.b])
        look(server, 'trust.key-pending')
        state = server.directory / 'state' / 'trust-anchors'
        good = state.read_text()
        assert state.stat().st_mode & 0o777 == 0o640 and not (state.parent / 'trust-anchors.new').exists()
        for bad in (good[:-5], good.replace('key ', 'cat ', 1), '', good + 'more\n'):
            server.stop()
            state.write_text(bad)
            server.start()
            wait_for(server, 'error trust.state-damaged .*file=trust-anchors', 0)
            assert (state.parent / 'trust-anchors.bad').read_text() == bad and not state.exists()
            assert is_secure(server), 'what is configured counts'
            assert [key['state'] for key in trust(server)['points'][0]['keys']] == ['configured']
        server.stop()
        state.write_text(good)
        server.start()
        assert keys(server)[rolling.b.tag]['state'] == 'add-pending'


def test_rollovers_are_not_followed_when_told_so(rolling):
    with rolling.resolver('  follow-rollovers: no\n') as server:
        assert is_secure(server)
        assert not trust(server)['points'][0]['followed']
        done = server.tool('trust', 'refresh')
        assert done.returncode == 2 and 'follow' in done.stderr
        assert not (server.directory / 'state' / 'trust-anchors').exists()


def test_a_failure_is_told_and_tried_again(rolling):
    with rolling.resolver('  min-failure-ttl: 1s\n  max-failure-ttl: 1s\n') as server:
        rolling.origin.stop()
        look(server, 'warning trust.probe-failed zone=%s .*again-in=3[56]' % ZONE)
        assert trust(server)['points'][0]['seen'] is None
        rolling.origin.start()
        time.sleep(1.1)
        look(server, 'trust.key-found')


def test_keys_are_asked_for_without_being_told_to(rolling):
    """Some seconds after the start, or when it is due by what an earlier run has written; not again before that."""
    with rolling.resolver() as server:
        assert trust(server)['points'][0]['seen'] is None
        wait_for(server, 'trust.key-found', 0, timeout_s=25)
        point = trust(server)['points'][0]
        assert 3590 <= point['next-query'] - point['seen'] <= 3610, 'the least that RFC 5011 2.3 allows, as the TTL is short'
        server.stop()
        state = server.directory / 'state' / 'trust-anchors'
        state.write_text(re.sub('query=[0-9]+ seen=[0-9]+', 'query=5 seen=5', state.read_text()))
        server.start()
        end = time.monotonic() + 25
        while trust(server)['points'][0]['seen'] == 5:
            assert time.monotonic() < end, server.log()
            time.sleep(0.1)


def test_without_anchors_somebody_is_told(rolling):
    with peers.Portolan([], settings='resolver: { trust-anchors: none }\n') as server:
        wait_for(server, 'warning trust.nothing', 0)
        assert 'no trust anchors' in server.tool('trust', 'show').stdout


def test_a_reload_changes_what_is_trusted(rolling):
    with rolling.resolver() as server:
        assert is_secure(server)
        server.settings = server.settings.replace(rolling.a.ds(), rolling.b.ds())
        server.configuration_path().write_text(server.configuration())
        assert server.tool('reload').returncode == 0
        assert list(keys(server)) == [rolling.b.tag]
        assert ask(server).rcode() == dns.rcode.SERVFAIL
        server.settings = server.settings.replace(rolling.b.ds(), rolling.a.ds())
        server.configuration_path().write_text(server.configuration())
        assert server.tool('reload').returncode == 0
        assert ask(server).flags & dns.flags.AD, 'and nothing of what was bogus is left'


# ---- RFC 8145 ----------------------------------------------------------------------------------------------------------------------------
def denied(origin):
    return int(re.search(r'answers\.nxdomain\s+(\d+)', origin.tool('stats').stdout).group(1))


def test_zones_are_told_which_keys_are_trusted(rolling):
    with rolling.resolver() as server:
        before = denied(rolling.origin)
        look(server, 'trust.key-found')
        end = time.monotonic() + 10
        while denied(rolling.origin) == before and time.monotonic() < end:
            time.sleep(0.02)
        assert denied(rolling.origin) == before + 1
        known = server.tool('--json', 'cache', 'lookup', '_ta-%04x.%s' % (rolling.a.tag, ZONE), 'NULL')
        assert known.returncode == 0, 'the question went out, and its denial came back: %s' % known.stdout


def test_zones_are_not_told_when_told_so(rolling):
    with rolling.resolver('  key-tag-signalling: no\n') as server:
        before = denied(rolling.origin)
        look(server, 'trust.key-found')
        time.sleep(0.5)
        assert denied(rolling.origin) == before


# ---- RFC 7646 ----------------------------------------------------------------------------------------------------------------------------
def test_a_negative_anchor_takes_effect_at_once_and_ends(rolling):
    with rolling.resolver() as server:
        rolling.show([rolling.b])
        assert ask(server).rcode() == dns.rcode.SERVFAIL
        done = server.tool('nta', 'add', ZONE, '--for', '1h')
        assert done.returncode == 0 and '1 h' in done.stdout, done
        answer = ask(server)
        assert answer.rcode() == dns.rcode.NOERROR and answer.answer and not answer.flags & dns.flags.AD
        listed = json.loads(server.tool('--json', 'nta', 'list').stdout)
        assert [anchor['name'] for anchor in listed] == [ZONE] and 3590 < listed[0]['until'] - time.time() <= 3600
        assert ZONE in server.tool('nta', 'list').stdout and ZONE in server.tool('trust', 'show').stdout
        wait_for(server, 'notice nta.added name=%s' % ZONE, 0)
        restart(server)
        assert ask(server).rcode() == dns.rcode.NOERROR, 'it outlives a restart'
        assert server.tool('nta', 'remove', ZONE).returncode == 0
        assert ask(server).rcode() == dns.rcode.SERVFAIL, 'nothing of it is left in the cache'
        assert server.tool('nta', 'remove', ZONE).returncode == 1
        assert server.tool('nta', 'add', ZONE, '--for', '2s').returncode == 0
        assert ask(server).rcode() == dns.rcode.NOERROR
        wait_for(server, 'notice nta.ended name=%s' % ZONE, 0)
        assert ask(server).rcode() == dns.rcode.SERVFAIL
        assert 'no negative' in server.tool('nta', 'list').stdout


def test_a_negative_anchor_that_ended_while_the_server_did_not_run(rolling):
    with rolling.resolver('  cache: { file: cache }\n') as server:
        rolling.show([rolling.b])
        assert server.tool('nta', 'add', ZONE, '--for', '1s').returncode == 0
        assert server.stop() == 0
        time.sleep(1.1)
        server.start()
        wait_for(server, 'notice nta.ended', 0)
        assert ask(server).rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize('words', [('--for', '0s', ZONE), ('--for', '8d', ZONE), ('a..b',)])
def test_what_a_negative_anchor_may_not_be(rolling, words):
    with rolling.resolver() as server:
        done = server.tool('nta', 'add', *words)
        assert done.returncode == 1 and ('week' in done.stderr or 'not a name' in done.stderr), done


def test_negative_anchors_of_the_configuration_stay(rolling):
    with rolling.resolver('  negative-trust-anchors: [%s]\n' % ZONE) as server:
        rolling.show([rolling.b])
        assert ask(server).rcode() == dns.rcode.NOERROR
        done = server.tool('nta', 'remove', ZONE)
        assert done.returncode == 1 and 'configuration' in done.stderr
        assert 'as configured' in server.tool('nta', 'list').stdout
        assert server.tool('nta', 'add', ZONE).returncode == 0
        assert server.tool('nta', 'remove', ZONE).returncode == 0
        assert ask(server).rcode() == dns.rcode.NOERROR


def test_damaged_negative_anchors_are_set_aside(rolling):
    with rolling.resolver() as server:
        assert server.tool('nta', 'add', 'other.example').returncode == 0
        state = server.directory / 'state' / 'negative-trust-anchors'
        good = state.read_text()
        for bad in (good[:-4], good.replace('until=', 'until=9'), good.replace('anchor', 'anchors'), good + 'end\n'):
            server.stop()
            state.write_text(bad)
            server.start()
            wait_for(server, 'error trust.state-damaged .*file=negative-trust-anchors', 0)
            assert (state.parent / 'negative-trust-anchors.bad').read_text() == bad
            assert 'no negative' in server.tool('nta', 'list').stdout


def test_a_server_that_does_not_resolve_has_no_trust(rolling):
    for words in (('trust', 'show'), ('trust', 'refresh'), ('nta', 'list'), ('nta', 'add', ZONE)):
        done = rolling.origin.tool(*words)
        assert done.returncode == 2 and 'does not resolve' in done.stderr, done
