"""The UDP transport: source addresses, batches, sizes, datagrams that cannot be sent."""

import os
import select
import socket
import struct
import threading

import peers
import pytest
import streams
import wire

ORIGIN = 'udp.test.'
NAME = wire.name_from_text(ORIGIN)
BIG = wire.name_from_text('big.' + ORIGIN)
TXT, SOA = wire.TYPES['TXT'], wire.TYPES['SOA']


@pytest.fixture(scope='module')
def zone(tmp_path_factory):
    path = tmp_path_factory.mktemp('udp') / 'zone'
    lines = ['$ORIGIN ' + ORIGIN, '@ 300 SOA ns hostmaster 7 3600 600 86400 300', '@ 300 NS ns', 'ns 300 A 192.0.2.1']
    lines += ['big 300 TXT "%02d %s"' % (i, 'x' * 180) for i in range(6)]
    lines += ['n%d 300 A 192.0.2.%d' % (i, i % 250 + 1) for i in range(500)]
    path.write_text('\n'.join(lines) + '\n')
    return peers.Zone(ORIGIN, path)


@pytest.fixture(scope='module')
def server(zone, portoland):
    with peers.Portolan([zone]) as running:
        yield running


def exchange(address, port, message, source=None, timeout_s=3.0):
    """(reply, address it came from)"""
    with socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout_s)
        if source:
            udp.bind((source, 0))
        udp.sendto(message, (address, port))
        reply, sender = udp.recvfrom(65535)
        return reply, sender[:2]


def test_wildcard_answers_from_the_address_that_was_asked(zone, portoland):
    port = peers.free_port()
    with peers.Portolan([zone], port=port, listen=['dns://0.0.0.0:%d' % port, 'dns://[::]:%d' % port]):
        for address in ['127.0.0.1', '127.0.0.2', '127.99.98.97'] + (['::1'] if socket.has_ipv6 else []):
            try:
                reply, sender = exchange(address, port, wire.query(NAME, SOA, 77))
            except OSError as error:
                if ':' in address and not isinstance(error, socket.timeout):
                    continue  # no IPv6 here
                raise
            assert sender == (address, port)
            assert wire.parse(reply).id == 77


def test_two_workers_share_the_clients(zone, portoland):
    with peers.Portolan([zone], workers=2) as server:
        for _ in range(60):  # each from a port of its own, so spread over the workers' sockets
            reply, _ = exchange(server.address, server.port, wire.query(NAME, SOA, 5))
            assert wire.parse(reply).rcode == 0


def test_a_burst_is_answered_whole(server):
    queries = [wire.query(wire.name_from_text('n%d.%s' % (i, ORIGIN)), 1, i) for i in range(500)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.connect((server.address, server.port))
        for message in queries:
            udp.send(message)
        seen = {}
        while len(seen) < 500 and select.select([udp], [], [], 3)[0]:
            message = wire.parse(udp.recv(4096))
            seen[message.id] = message
    assert len(seen) == 500
    for i, message in seen.items():
        assert message.question[0][0] == wire.name_from_text('n%d.%s' % (i, ORIGIN))
        assert message.answer[0].rdata == bytes([192, 0, 2, i % 250 + 1])


def test_oversized_and_short_requests_cost_nobody_an_answer(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(3)
        udp.connect((server.address, server.port))
        for junk in (b'', b'x', b'\0' * 11, b'\xff' * 4097, b'\0' * 65000):
            udp.send(junk)
        udp.send(wire.query(NAME, SOA, 99))
        assert wire.parse(udp.recv(4096)).id == 99


def test_a_client_that_has_gone_costs_nobody_an_answer(server):
    """Its closed port answers with ICMP errors in the middle of batches."""
    good = wire.query(NAME, SOA, 4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stays:
        stays.settimeout(3)
        stays.connect((server.address, server.port))
        for _ in range(50):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leaves:
                leaves.sendto(good, (server.address, server.port))
            stays.send(good)
        for _ in range(50):
            assert wire.parse(stays.recv(4096)).id == 4


def test_port_zero_is_not_answered(server):
    """A forged source port of 0 cannot be answered, and must not cost the batch."""
    if os.geteuid() != 0:
        pytest.skip('a raw socket takes root')
    message = wire.query(NAME, SOA, 3)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        for _ in range(40):
            raw.sendto(struct.pack('!4H', 0, server.port, 8 + len(message), 0) + message, (server.address, 0))
        reply, _ = exchange(server.address, server.port, message)
        assert wire.parse(reply).id == 3


def test_datagrams_have_df_set(server):
    """RFC 9715: no fragments, neither here nor on the way."""
    if os.geteuid() != 0:
        pytest.skip('a packet socket takes root')
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as packets:
        packets.bind(('lo', 0))
        packets.settimeout(3)
        exchange(server.address, server.port, wire.query(NAME, SOA, 1))
        while True:
            packet = packets.recv(65535)
            header = (packet[0] & 15) * 4
            if packet[9] == 17 and struct.unpack_from('!H', packet, header)[0] == server.port:
                break
    assert packet[6] & 0x40


def check_small_link(zone):
    with peers.Portolan([zone], settings='udp-size: 4096') as server:
        small = wire.query(NAME, SOA, 1, edns=(4096, 0))
        big = wire.query(BIG, TXT, 2, edns=(4096, 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(3)
            udp.connect((server.address, server.port))
            for message in (small, big, small, big, small):  # one batch, with some that do not fit
                udp.send(message)
            answers = [wire.parse(udp.recv(4096)) for _ in range(5)]
        for answer in answers:
            assert answer.opt is not None
            if answer.id == 1:
                assert len(answer.answer) == 1 and not answer.flags & wire.TC
            else:
                assert answer.flags & wire.TC and not answer.answer and answer.question[0][0] == BIG
        assert sorted(answer.id for answer in answers) == [1, 1, 1, 2, 2]
        with streams.Stream(server) as tcp:  # and the way out works
            tcp.ask(big)
            assert len(tcp.answer().answer) == 6


def test_what_does_not_fit_the_link_is_sent_truncated(zone, portoland):
    result = streams.in_namespace(lambda: check_small_link(zone), mtu=700)
    if result is None:
        pytest.skip('a network namespace takes root')
    assert result == ''


def test_many_clients_at_once(server):
    wrong = []

    def client():
        queries = [wire.query(wire.name_from_text('n%d.%s' % (i, ORIGIN)), 1, i) for i in range(200)]
        with wire.Asker(server.address, server.port) as asker:
            for i, reply in enumerate(asker.ask_udp(queries)):
                if reply is None or wire.parse(reply).answer[0].rdata != bytes([192, 0, 2, i % 250 + 1]):
                    wrong.append(i)
    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
