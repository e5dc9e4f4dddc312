"""The TCP transport (RFC 7766, RFC 9210): pipelining, framing, timers, caps, slow and rude clients, long answers."""

import socket
import struct
import time

import peers
import pytest
import streams
import wire
from streams import Stream, frame

ORIGIN = 'tcp.test.'
NAME = wire.name_from_text(ORIGIN)
BIG = wire.name_from_text('big.' + ORIGIN)
SOA, TXT, AXFR = wire.TYPES['SOA'], wire.TYPES['TXT'], wire.TYPES['AXFR']
RECORDS = 30000  # an AXFR of more than a megabyte


@pytest.fixture(scope='module')
def zone(tmp_path_factory):
    path = tmp_path_factory.mktemp('tcp') / 'zone'
    lines = ['$ORIGIN ' + ORIGIN, '@ 300 SOA ns hostmaster 7 3600 600 86400 300', '@ 300 NS ns', 'ns 300 A 192.0.2.1']
    lines += ['big 300 TXT "%03d %s"' % (i, 'x' * 240) for i in range(220)]
    lines += ['n%d 300 TXT "%s"' % (i, 'y' * 40) for i in range(RECORDS)]
    path.write_text('\n'.join(lines) + '\n')
    return peers.Zone(ORIGIN, path, {'allow-transfer': '[127.0.0.1, "::1"]'})


@pytest.fixture(scope='module')
def server(zone, portoland):
    with peers.Portolan([zone], workers=1) as running:
        yield running


def limited(zone, **limits):
    """A server of one worker with tcp: settings."""
    lines = ['tcp:'] + ['  %s: %s' % (key.replace('_', '-'), value) for key, value in limits.items()]
    return peers.Portolan([zone], settings='\n'.join(lines), workers=1)


def soa(identifier):
    return wire.query(NAME, SOA, identifier)


def works(server, timeout_s=3):
    with Stream(server, timeout_s=timeout_s) as stream:
        stream.ask(soa(42))
        return stream.answer().id == 42


# ---- framing ----------------------------------------------------------------------------------------------------------


def test_pipelined_queries_are_answered_in_order(server):
    with Stream(server) as stream:
        stream.ask(*[soa(i) for i in range(1500)])
        assert [stream.answer().id for _ in range(1500)] == list(range(1500))


def test_all_queries_of_one_read_are_answered_by_one_write(server):
    with Stream(server) as stream:
        stream.ask(soa(0))
        stream.answer()
        stream.ask(*[soa(i) for i in range(20)])
        time.sleep(0.3)
        assert [stream.answer().id for _ in range(20)] == list(range(20))
        info = stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
        segments_with_data = struct.unpack_from('=I', info, 152)[0]  # tcpi_data_segs_in
        assert segments_with_data == 2


def test_byte_by_byte(server):
    with Stream(server) as stream:
        for byte in frame(soa(7)) + frame(soa(8)):
            stream.send(bytes([byte]))
        assert stream.answer().id == 7
        assert stream.answer().id == 8


@pytest.mark.parametrize('cut', [1, 2, 3, 13, 30, 47])
def test_any_cut(server, cut):
    data = frame(soa(1)) + frame(soa(2))
    with Stream(server) as stream:
        stream.send(data[:cut])
        time.sleep(0.05)
        stream.send(data[cut:])
        assert [stream.answer().id, stream.answer().id] == [1, 2]


def test_half_close_gets_all_answers(server):
    with Stream(server) as stream:
        stream.ask(*[wire.query(BIG, TXT, i) for i in range(30)])
        stream.socket.shutdown(socket.SHUT_WR)
        assert [stream.answer().id for _ in range(30)] == list(range(30))
        assert stream.receive() is None


def test_too_short_frames_end_the_connection_after_the_answers_before(server):
    for length in (0, 1, 11):
        with Stream(server) as stream:
            stream.send(frame(soa(5)) + frame(b'\0' * length))
            assert stream.answer().id == 5
            assert stream.receive() is None
    assert works(server)


def test_a_message_of_65535_bytes(server):
    """It is answered, whatever the answer: it came whole."""
    message = soa(9)[:10] + struct.pack('!H', 1) + soa(9)[12:]
    padding = 65535 - len(message) - 11 - 4
    message += b'\0' + struct.pack('!HHIH', 41, 1232, 0, padding + 4) + struct.pack('!HH', 65001, padding) + b'\0' * padding
    assert len(message) == 65535
    with Stream(server) as stream:
        stream.ask(message, soa(10))
        assert stream.answer().id == 9
        assert stream.answer().id == 10


def test_large_answers_pipelined_to_a_slow_reader(server):
    with Stream(server, receive_buffer=4096, timeout_s=20) as stream:
        stream.ask(*[wire.query(BIG, TXT, i) for i in range(60)])  # 3.3 MB of answers
        time.sleep(0.5)
        for i in range(60):
            answer = stream.answer()
            assert answer.id == i and len(answer.answer) == 220


# ---- timers -----------------------------------------------------------------------------------------------------------


def test_timers(zone, portoland):
    with limited(zone, first_byte_timeout='1s', idle_timeout='2s', message_timeout='3s') as server:
        fresh, idle, partial, silent = (Stream(server) for _ in range(4))
        idle.ask(soa(1))
        assert idle.answer().id == 1
        partial.send(frame(soa(2))[:20])
        silent_since = time.monotonic()
        assert 0.7 < fresh.seconds_until_closed(3) < 1.6
        assert silent.is_closed_within(1)
        assert 0.7 < time.monotonic() - silent_since < 2
        waited = idle.seconds_until_closed(3)
        assert waited is not None and 1.6 < time.monotonic() - silent_since < 2.7
        waited = partial.seconds_until_closed(4)
        assert waited is not None and 2.6 < time.monotonic() - silent_since < 3.8
        for stream in (fresh, idle, partial, silent):
            stream.close()


def test_trickling_does_not_stretch_the_message_timer(zone, portoland):
    with limited(zone, message_timeout='1s') as server, Stream(server) as stream:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in struct.pack('!H', 600) + b'\0' * 600:
                stream.send(bytes([byte]))
                time.sleep(0.1)
                assert time.monotonic() - began < 3
        assert time.monotonic() - began > 0.8


def test_junk_without_answers_does_not_keep_a_connection(zone, portoland):
    response = wire.query(NAME, SOA, 1, flags=wire.QR)  # never answered
    with limited(zone, idle_timeout='1s', first_byte_timeout='1s') as server, Stream(server) as stream:
        stream.ask(soa(1))
        stream.answer()
        began = time.monotonic()
        with pytest.raises(OSError):
            while True:
                stream.ask(response)
                time.sleep(0.05)
                assert time.monotonic() - began < 4
        assert time.monotonic() - began > 0.8


def test_junk_in_pieces_does_not_keep_a_connection_either(zone, portoland):
    """Each piece has a message begin, and rest again without an answer."""
    response = frame(wire.query(NAME, SOA, 1, flags=wire.QR))
    with limited(zone, idle_timeout='1s', message_timeout='5s') as server, Stream(server) as stream, Stream(server) as other:
        stream.ask(soa(1))
        stream.answer()
        began = time.monotonic()
        with pytest.raises(OSError):
            while True:
                stream.send(response[:10])
                time.sleep(0.05)
                other.ask(soa(1))  # whose timer starts anew before this one rests again
                other.answer()
                time.sleep(0.05)
                stream.send(response[10:])
                time.sleep(0.01)
                assert time.monotonic() - began < 4
        assert time.monotonic() - began > 0.8


def test_junk_that_always_leaves_a_message_begun_does_not_keep_a_connection(zone, portoland):
    """Whenever the server looks, part of a message has come, and never the same."""
    response = frame(wire.query(NAME, SOA, 1, flags=wire.QR) + b'x' * 9)
    with limited(zone, first_byte_timeout='500ms', message_timeout='500ms') as server, Stream(server) as stream:
        stream.send(response[:1])
        began = time.monotonic()
        with pytest.raises(OSError):
            while True:
                time.sleep(0.05)
                stream.send(response[1:] + response[:1])
                assert time.monotonic() - began < 4


def test_a_client_that_does_not_read_is_closed(zone, portoland):
    with limited(zone, message_timeout='1s') as server:
        with Stream(server, receive_buffer=4096) as stream:
            stream.socket.setblocking(False)
            blob = frame(wire.query(BIG, TXT, 1)) * 400
            try:
                while True:
                    stream.socket.send(blob)
            except BlockingIOError:
                pass
            time.sleep(0.5)
            assert works(server)
            time.sleep(2.5)
            stream.socket.setblocking(True)
            assert stream.is_closed_within(3)
        assert works(server)


def is_established(server, stream):
    """Whether the server's end of a connection is open still."""
    ends = ':%04X ' % server.port, ':%04X 01 ' % stream.socket.getsockname()[1]
    with open('/proc/net/tcp') as table:
        return any(ends[0] in line and ends[1] in line for line in table)


def test_the_idle_timer_begins_when_the_answer_is_taken(zone, portoland):
    """Who reads after a pause longer than a connection may be idle can go on asking. How many answers the kernel takes from the server
    differs, so that one of these connections has the last part of them waiting in the server."""
    with limited(zone, idle_timeout='1s', message_timeout='10s') as server:
        streams_by_count = {count: Stream(server, receive_buffer=4096) for count in range(8, 100, 4)}
        for count, stream in streams_by_count.items():
            stream.ask(*[wire.query(BIG, TXT, i) for i in range(count)])
        time.sleep(1.5)
        waiting = []
        for count, stream in streams_by_count.items():
            if is_established(server, stream):  # not closed as idle
                waiting.append(count)
                for i in range(count):
                    assert stream.answer().id == i
                stream.ask(soa(count))
                assert stream.answer().id == count
            stream.close()
        assert waiting


def test_keepalive_is_promised_and_kept(zone, portoland):
    with limited(zone, idle_timeout='2s') as server, Stream(server) as stream:
        for _ in range(3):
            stream.ask(wire.query(NAME, SOA, 1, edns=(1232, 0, [(11, b'')])))
            options = dict(stream.answer().opt[4])
            assert options[11] == struct.pack('!H', 20)
            time.sleep(1.2)
        assert stream.is_closed_within(2)


# ---- caps -------------------------------------------------------------------------------------------------------------


def test_at_the_cap_the_connection_idle_for_longest_goes(zone, portoland):
    with limited(zone, connections=5, connections_per_prefix=5) as server:
        connections = []
        for i in range(5):
            stream = Stream(server)
            stream.ask(soa(i))
            stream.answer()
            connections.append(stream)
            time.sleep(0.02)
        connections[0].ask(soa(10))  # no longer the one idle for longest
        connections[0].answer()
        time.sleep(0.02)
        assert works(server)
        assert connections[1].is_closed_within(1)
        for i in (0, 2, 3, 4):
            connections[i].ask(soa(20 + i))
            assert connections[i].answer().id == 20 + i
        for stream in connections:
            stream.close()


@pytest.mark.parametrize('limits', [{'connections': 4}, {'connections_per_prefix': 4}])
@pytest.mark.parametrize('oldest', ['idle', 'fresh', 'partial'])
def test_the_one_idle_for_longest_goes_whatever_it_waits_for(zone, portoland, limits, oldest):
    def begin(kind):
        stream = Stream(server)
        if kind == 'idle':
            stream.ask(soa(1))
            stream.answer()
        elif kind == 'partial':
            stream.send(b'\0')
        time.sleep(0.05)
        return stream
    with limited(zone, **limits) as server:
        kinds = [oldest] + [kind for kind in ('idle', 'fresh', 'partial') * 2 if kind != oldest][:3]
        connections = [begin(kind) for kind in kinds]
        assert works(server)
        assert [stream.is_closed_within(0.2) for stream in connections] == [True] + [False] * (len(kinds) - 1)
        for stream in connections:
            stream.close()


def test_one_client_at_its_cap_costs_others_nothing(zone, portoland):
    with limited(zone, connections=100, connections_per_prefix=3) as server:

        def connect(source):
            tcp = socket.create_connection((server.address, server.port), timeout=3, source_address=(source, 0))
            tcp.sendall(frame(soa(1)))
            assert tcp.recv(4096)
            time.sleep(0.02)
            return tcp

        other = [connect('127.0.0.9') for _ in range(3)]
        greedy = [connect('127.0.0.8') for _ in range(10)]

        def alive(tcp):
            try:
                tcp.sendall(frame(soa(2)))
                return bool(tcp.recv(4096))
            except OSError:
                return False

        assert all(alive(tcp) for tcp in other)
        assert [alive(tcp) for tcp in greedy] == [False] * 7 + [True] * 3
        for tcp in other + greedy:
            tcp.close()


def test_hundreds_of_idle_connections_keep_nobody_out(zone, portoland):
    with limited(zone, connections=50, connections_per_prefix=50) as server:
        idle = []
        for _ in range(300):
            idle.append(Stream(server))
        for _ in range(5):
            assert works(server)
        for stream in idle:
            stream.close()


# ---- transfers --------------------------------------------------------------------------------------------------------


def transfer_records(stream):
    records, soas = [], 0
    while soas < 2:
        answer = stream.answer()
        assert answer.rcode == 0
        records += answer.answer
        soas += sum(record.type == SOA for record in answer.answer)
    return records


def test_transfer_to_a_slow_reader_while_others_are_served(server):
    with Stream(server, receive_buffer=4096, timeout_s=20) as stream:
        stream.ask(wire.query(NAME, AXFR, 3), soa(4))
        time.sleep(0.3)
        slowest = 0
        for _ in range(20):
            began = time.monotonic()
            assert works(server)
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 0.5
        records = transfer_records(stream)
        assert len(records) == RECORDS + 220 + 4
        assert stream.answer().id == 4  # asked meanwhile, answered in order


def test_a_transfer_has_its_time(zone, portoland, tmp_path):
    """A peer that takes a little now and then, so that no other timer ends it, is cut short: its place and the zone are free again."""
    path = tmp_path / 'zone'  # of more than the kernel takes
    path.write_text(zone.file.read_text() + ''.join('m%d 300 TXT "%s"\n' % (i, 'z' * 250) for i in range(40000)))
    with peers.Portolan([peers.Zone(ORIGIN, path, zone.options)], settings='transfers: { concurrent: 1, time-limit: 1s }', workers=1) as server:
        with Stream(server, receive_buffer=4096) as slow:
            slow.ask(wire.query(NAME, AXFR))
            time.sleep(1.5)
            count = 0
            while (message := slow.receive()) is not None:
                count += sum(record.type == SOA for record in wire.parse(message).answer)
            assert count == 1  # the one at the end never came
        with Stream(server) as fast:
            fast.ask(wire.query(NAME, AXFR))
            assert fast.answer().answer[0].type == SOA


def test_connections_reset_during_a_transfer(server):
    for _ in range(30):
        stream = Stream(server, receive_buffer=4096)
        stream.ask(wire.query(NAME, AXFR, 3))
        stream.socket.recv(100)
        stream.reset()
    assert works(server)
    with Stream(server) as stream:
        stream.ask(wire.query(NAME, AXFR, 3))
        assert len(transfer_records(stream)) == RECORDS + 220 + 4


def test_both_families(zone, portoland):
    port = peers.free_port()
    with peers.Portolan([zone], port=port, listen=['dns://127.0.0.1:%d' % port, 'dns://[::1]:%d' % port]) as server:
        for address in ('127.0.0.1', '::1'):
            with Stream(server, address=address) as stream:
                stream.ask(soa(6))
                assert stream.answer().id == 6
