"""What clients of a resolving server are told, through sockets: why a question failed, and data made for them (DNS64)."""

import socket
import struct
import threading

import dns.edns
import dns.message
import dns.query
import dns.rcode
import peers
import pytest

ZONE = 'far.example.'
TEXT = """$TTL 300
@ SOA ns hostmaster 1 3600 900 604800 120
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
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
