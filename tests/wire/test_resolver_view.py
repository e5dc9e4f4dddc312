"""What clients of a resolving server are told, through sockets: why a question failed, and data made for them (DNS64)."""

import os
import socket
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset
import peers
import pytest

ZONE = 'far.example.'
TEXT = """$TTL 300
@ SOA ns hostmaster 1 3600 900 604800 120
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
six AAAA 2001:db8::6
alias CNAME www
"""


def errors(message):
    """(code, text) of each extended error, in order."""
    return [(int(option.code), option.text or '') for option in message.options if option.otype == dns.edns.EDE]


def ask(server, name, rtype='A', timeout=8, **options):
    return dns.query.udp(dns.message.make_query(name, rtype, use_edns=0, **options), server.address, port=server.port, timeout=timeout)


class Switch:
    """A server at an address that can be silent, or hand questions on to another one."""

    def __init__(self, port):
        self.behind = port
        self.passes = False
        self.queries = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.ends = False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.settimeout(2)
            while not self.ends:
                try:
                    query, client = self.socket.recvfrom(65535)
                except TimeoutError:
                    continue
                self.queries.append(dns.message.from_wire(query))
                if self.passes:
                    out.sendto(query, ('127.0.0.1', self.behind))
                    self.socket.sendto(out.recv(65535), client)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ends = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def origin(tmp_path):
    path = tmp_path / 'far.zone'
    path.write_text(TEXT)
    with peers.Portolan([peers.Zone(ZONE, path)], settings='resolver: no\n') as running:
        yield running


# ---- failures ----

def test_a_failure_keeps_its_reason(portolan):
    """RFC 8914 4.14, RFC 9520: asked again at once, the same reason, and that it is out of the cache."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(('127.0.0.1', 0))
        port = closed.getsockname()[1]
    with peers.Portolan([], settings='resolver:\n  validate: no\n  forward: { %s: "127.0.0.1:%d" }\n' % (ZONE, port)) as server:
        first, again = ask(server, 'www.' + ZONE), ask(server, 'www.' + ZONE)
        assert first.rcode() == again.rcode() == dns.rcode.SERVFAIL
        assert len(errors(first)) == 1 and errors(first)[0][0] in (22, 23)
        assert '127.0.0.1' in errors(first)[0][1] and ZONE in errors(first)[0][1]
        assert errors(again) == errors(first) + [(13, '')]
        shown = server.tool('cache', 'lookup', 'www.' + ZONE)
        assert errors(first)[0][1] in shown.stdout, shown.stdout


def test_reach_lost_and_found_is_in_the_log(origin):
    settings = """resolver:
  validate: no
  min-failure-ttl: 1s
  limits: { request-time: 2s, discard-after: 10s }
  timeouts: { initial: 200ms, maximum: 300ms }
  forward: { %s: "127.0.0.1:%%d" }
""" % ZONE
    with Switch(origin.port) as switch, peers.Portolan([], settings=settings % switch.port, workers=1) as server:
        for name in ('a.', 'b.'):
            assert ask(server, name + ZONE).rcode() == dns.rcode.SERVFAIL
        log = server.log()
        assert log.count('resolution.unreachable') == 1 and '127.0.0.1' in log and 'resolution.reachable' not in log, log
        switch.passes = True
        assert ask(server, 'www.' + ZONE).rcode() == dns.rcode.NOERROR
        assert 'notice resolution.reachable server=127.0.0.1' in server.log() and 'failed=1' in server.log(), server.log()
        # Who asks for good and bad names by turns does not fill the log.
        for turn in range(2):
            switch.passes = False
            for name in 'cd':
                assert ask(server, '%s%d.%s' % (name, turn, ZONE)).rcode() == dns.rcode.SERVFAIL
            switch.passes = True
            assert ask(server, '%d.%s' % (turn, ZONE)).rcode() == dns.rcode.NXDOMAIN
        assert server.log().count('resolution.unreachable') == server.log().count('resolution.reachable') == 1, server.log()


def test_a_reload_keeps_what_is_known_of_servers(origin):
    """The cookie is made with a secret that a resolver draws when it is made; so is a new round-trip time learned by a new one."""
    def cookie(server, name):
        assert ask(server, name + ZONE).rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        return next(option.data[:8] for option in switch.queries[-1].options if option.otype == 10)

    with Switch(origin.port) as switch:
        switch.passes = True
        settings = 'resolver:\n  validate: no\n  local-data: { a.test: { A: 192.0.2.1 } }\n  dns64: "64:ff9b::/96"\n' \
                   '  stub: { %s: "127.0.0.1:%d" }\n' % (ZONE, switch.port)
        with peers.Portolan([], settings=settings, workers=1) as server:
            first = cookie(server, 'a.')
            assert cookie(server, 'b.') == first
            assert server.tool('reload').returncode == 0
            assert cookie(server, 'c.') == first
            path = server.configuration_path()
            path.write_text(path.read_text().replace('a.test: { A: 192.0.2.1 }', 'a.test: { A: 192.0.2.2 }'))
            assert server.tool('reload').returncode == 0
            assert addresses(ask(server, 'a.test.')) == ['192.0.2.2']
            changed = cookie(server, 'd.')
            assert changed != first
            path.write_text(path.read_text() + '  allow: any\n')
            assert server.tool('reload').returncode == 0
            assert cookie(server, 'e.') == changed  # who may ask is not the resolver's business


# ---- DNS64 ----

@pytest.fixture
def translating(origin):
    settings = 'resolver:\n  validate: no\n  dns64: "64:ff9b::/96"\n  stub: { %s: "127.0.0.1:%d", ip6.arpa: "127.0.0.1:%d" }\n'
    with peers.Portolan([], settings=settings % (ZONE, origin.port, origin.port)) as server:
        yield server


def addresses(message):
    return sorted(record.address for rrset in message.answer for record in rrset if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA))


def test_addresses_are_made(translating):
    """RFC 6147 5.1, 5.5: made without CD, out of the answer cache too; never with CD; what is there stays."""
    for _ in range(2):
        for more in ({}, {'want_dnssec': True}):
            made = ask(translating, 'www.' + ZONE, 'AAAA', **more)
            assert made.rcode() == dns.rcode.NOERROR and addresses(made) == ['64:ff9b::c000:202'], made
            assert made.answer[0].ttl <= 120  # the SOA's MINIMUM
            checked = ask(translating, 'www.' + ZONE, 'AAAA', flags=dns.flags.RD | dns.flags.CD, **more)
            assert checked.rcode() == dns.rcode.NOERROR and not checked.answer and checked.authority
        assert addresses(ask(translating, 'www.' + ZONE)) == ['192.0.2.2']
        assert addresses(ask(translating, 'six.' + ZONE, 'AAAA')) == ['2001:db8::6']
        assert addresses(ask(translating, 'alias.' + ZONE, 'AAAA')) == ['64:ff9b::c000:202']
        assert ask(translating, 'nowhere.' + ZONE, 'AAAA').rcode() == dns.rcode.NXDOMAIN


def test_reverse_names_lead_to_the_ipv4_address(translating):
    name = dns.reversename.from_address('64:ff9b::192.0.2.2')
    answer = ask(translating, name, 'PTR')
    assert answer.answer[0].rdtype == dns.rdatatype.CNAME and str(answer.answer[0][0].target) == '2.2.0.192.in-addr.arpa.'


# ---- a copy of the root zone (RFC 8806) ----

ROOT = """$TTL 86400
. SOA a.nowhere. hostmaster.nowhere. %d 1800 900 604800 300
. NS a.nowhere.
a.nowhere. A 192.0.2.1
example. NS ns.example.
ns.example. A 192.0.2.1
"""
HINTS = '. 3600 NS a.nowhere.\na.nowhere. 3600 A 192.0.2.1\n'
WITH_ROOT = """resolver:
  validate: no
  root-hints: "%s/hints"
  local-root: { file: "%s/root" }
  limits: { request-time: 2s, discard-after: 10s }
  timeouts: { initial: 200ms, maximum: 300ms }
"""


@pytest.fixture
def rooted(tmp_path):
    (tmp_path / 'hints').write_text(HINTS)
    (tmp_path / 'root').write_text(ROOT % 1)

    def start():
        return peers.Portolan([], settings=WITH_ROOT % (tmp_path, tmp_path), workers=2)
    return start


def test_the_root_is_asked_at_home(rooted, tmp_path):
    with rooted() as server:
        assert 'zone.loaded zone=. ' in server.log()
        for name in ('missing.', 'www.missing2.'):
            answer = ask(server, name)
            assert answer.rcode() == dns.rcode.NXDOMAIN and not answer.flags & dns.flags.AA
            assert answer.authority[0].rdtype == dns.rdatatype.SOA
        soa = ask(server, '.', 'SOA')
        assert soa.answer[0][0].serial == 1 and not soa.flags & dns.flags.AA and 'resolution.unreachable' not in server.log()
        (tmp_path / 'root').write_text(ROOT % 2 + 'other. NS ns.example.\n')
        assert server.tool('reload').returncode == 0
        assert server.tool('cache', 'flush', '--all').returncode == 0
        assert ask(server, '.', 'SOA').answer[0][0].serial == 2
        (tmp_path / 'root').write_text('. SOA broken\n')
        server.tool('reload')
        assert server.tool('cache', 'flush', '--all').returncode == 0
        assert ask(server, '.', 'SOA').answer[0][0].serial == 2  # the version before


def test_nobody_is_answered_from_the_copy(rooted):
    """RFC 8806 2: it is the resolver's alone."""
    with rooted() as server:
        query = dns.message.make_query('example.', 'NS', use_edns=0)
        query.flags &= ~dns.flags.RD
        answer = dns.query.udp(query, server.address, port=server.port, timeout=5)
        assert answer.rcode() == dns.rcode.REFUSED and not answer.authority
        transfer = dns.query.tcp(dns.message.make_query('.', 'AXFR'), server.address, port=server.port, timeout=5)
        assert transfer.rcode() != dns.rcode.NOERROR and not transfer.answer
        assert '"."' not in server.tool('zone', 'list', '--json').stdout


def test_an_old_copy_is_not_used(rooted, tmp_path):
    """RFC 8806 3, RFC 1035 3.3.13"""
    old = time.time() - 604800 - 3600
    os.utime(tmp_path / 'root', (old, old))
    with rooted() as server:
        assert ask(server, 'nowhere.').rcode() == dns.rcode.SERVFAIL
        assert 'warning local-root.expired serial=1' in server.log()
        os.utime(tmp_path / 'root')
        assert server.tool('reload').returncode == 0
        assert ask(server, 'nowhere2.').rcode() == dns.rcode.NXDOMAIN


def test_a_copy_that_does_not_match_its_digest_is_not_used(rooted, tmp_path):
    """RFC 8976 4, RFC 8806 2"""
    (tmp_path / 'root').write_text(ROOT % 1 + '. ZONEMD 1 1 1 ' + '00' * 48 + '\n')
    with rooted() as server:
        assert 'zone.failed zone=. ' in server.log() and 'digest' in server.log(), server.log()
        assert ask(server, 'nowhere.').rcode() == dns.rcode.SERVFAIL


# ---- records that are not needed ----

def test_optional_records(origin):
    for minimal in ('yes', 'no'):
        settings = 'resolver:\n  validate: no\n  minimal-responses: %s\n  stub: { %s: "127.0.0.1:%d" }\n' % (minimal, ZONE, origin.port)
        with peers.Portolan([], settings=settings) as server:
            assert ask(server, ZONE, 'NS').rcode() == ask(server, 'ns.' + ZONE).rcode() == dns.rcode.NOERROR
            for _ in range(2):  # made, and out of the answer cache
                answer = ask(server, 'www.' + ZONE)
                assert addresses(answer) == ['192.0.2.2']
                more = sorted(str(rrset.name) + ' ' + dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.authority + answer.additional)
                assert more == ([] if minimal == 'yes' else [ZONE + ' NS', 'ns.' + ZONE + ' A'])


def wait_for(server, text, seconds=10):
    end = time.monotonic() + seconds
    while text not in server.log():
        assert time.monotonic() < end, server.log()
        time.sleep(0.05)


def test_the_root_is_fetched(tmp_path):
    """RFC 8806, RFC 5936: from the first server that has it, anew when it is newer, never replaced by what is broken, and there after a restart."""
    (tmp_path / 'hints').write_text(HINTS)
    (tmp_path / 'root').write_text(ROOT % 1)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as closed:
        closed.bind(('127.0.0.1', 0))
        dead = closed.getsockname()[1]
    primary = peers.Portolan([peers.Zone('.', tmp_path / 'root', {'allow-transfer': 'any'})], settings='resolver: no\n')
    with primary:
        settings = (WITH_ROOT % (tmp_path, '')).replace('file: "/root"', 'transfer: ["127.0.0.1:%d", "127.0.0.1:%d"]' % (dead, primary.port))
        with peers.Portolan([], settings=settings, workers=2) as server:
            wait_for(server, 'local-root.fetched server=127.0.0.1#%d serial=1 records=5' % primary.port)
            wait_for(server, 'zone.loaded zone=. ')
            assert 'local-root.not-fetched server=127.0.0.1#%d reason="cannot be connected to"' % dead in server.log()
            assert ask(server, 'missing.').rcode() == dns.rcode.NXDOMAIN
            for serial, more in ((2, ''), (3, '. ZONEMD 3 1 1 ' + '00' * 48 + '\n'), (1, '')):
                (tmp_path / 'root').write_text(ROOT % serial + more)
                assert primary.tool('zone', 'reload', '.').returncode == 0
                assert server.tool('reload').returncode == 0  # asks at once
                wait_for(server, {2: 'serial=2', 3: 'does not match its digest', 1: 'has an older zone than ours'}[serial])
            assert server.tool('cache', 'flush', '--all').returncode == 0
            assert ask(server, '.', 'SOA').answer[0][0].serial == 2

            server.stop()
            server.settings = settings.replace(':%d"]' % primary.port, ':%d"]' % dead)  # from now on there is no server
            server.start()
            wait_for(server, 'zone.loaded zone=. ')
            assert ask(server, '.', 'SOA').answer[0][0].serial == 2


class Teller:
    """A server over TCP that says whatever it is told to, once a question: bytes of messages, or a function of the question's."""

    def __init__(self, says):
        self.says = says
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.ends = False
        self.thread = threading.Thread(target=self.run)

    def talk(self, client):
        client.settimeout(2)
        while not self.ends:
            size = client.recv(2)
            if len(size) < 2:
                return
            query = dns.message.from_wire(client.recv(int.from_bytes(size, 'big')))
            for message in self.says(query):
                client.sendall(len(message).to_bytes(2, 'big') + message)

    def run(self):
        while not self.ends:
            try:
                client = self.socket.accept()[0]
            except TimeoutError:
                continue
            with client:
                try:
                    self.talk(client)
                except OSError:
                    pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ends = True
        self.thread.join()
        self.socket.close()


SOA = '. 60 IN SOA a. b. %d 1800 900 604800 300'


def reply(query, *records):
    message = dns.message.make_response(query)
    message.answer = [dns.rrset.from_text(*record.split(None, 4)[:1], *record.split(None, 4)[1:]) for record in records]
    return message.to_wire()


@pytest.mark.parametrize('answer, reason', [
    (lambda query: [reply(query, SOA % 1, '. 60 IN NS a.example.', SOA % 2)], 'sent another SOA than at the beginning'),
    (lambda query: [reply(query, SOA % 1, '. 60 IN NS a.example.', SOA % 1, 'x. 60 IN NS a.example.')], 'sent records behind the last SOA'),
    (lambda query: [b'\0' * 12], 'sent a message that is no answer to the question'),
    (lambda query: [b'\0' * 3], 'sent a message that cannot be read'),
    (lambda query: [dns.message.make_response(query).to_wire()], 'sent an answer without records'),
    (lambda query: [reply(query, SOA % 1, SOA % 1)], 'sent a zone that is not whole, or does not match its digest (ZONEMD)'),
])
def test_bad_transfers_are_refused(tmp_path, answer, reason):
    (tmp_path / 'hints').write_text(HINTS)

    def says(query):
        return [reply(query, SOA % 1)] if query.question[0].rdtype == dns.rdatatype.SOA else answer(query)

    with Teller(says) as teller:
        settings = (WITH_ROOT % (tmp_path, '')).replace('file: "/root"', 'transfer: ["127.0.0.1:%d"]' % teller.port)
        with peers.Portolan([], settings=settings, workers=1) as server:
            wait_for(server, 'local-root.not-fetched')
            assert 'reason="%s"' % reason in server.log(), server.log()
            assert 'zone.loaded' not in server.log() and not list((server.directory / 'state').glob('root.zone*'))
