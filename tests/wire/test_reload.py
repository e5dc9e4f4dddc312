"""Reload of zones and of the configuration while answering: nothing lost, nothing wrong, whole or not at all."""

import os
import signal
import socket
import threading
import time

import peers
import pytest
import streams
import wire

SOA, A = wire.TYPES['SOA'], wire.TYPES['A']
LOADED, FAILED = ' zone.loaded ', ' zone.failed '


def zone_text(origin, serial, size=200):
    """Every address in the zone is of the serial: an answer shows which version it came from."""
    address = '10.%d.%d.%d' % (serial >> 16 & 255, serial >> 8 & 255, serial & 255)
    lines = ['$ORIGIN ' + origin, '@ 300 SOA ns hostmaster %d 3600 600 86400 300' % serial, '@ 300 NS ns', 'ns 300 A ' + address]
    return '\n'.join(lines + ['n%d 300 A %s' % (i, address) for i in range(size)]) + '\n'


def replace(path, text):
    new = path.with_suffix('.new')
    new.write_text(text)
    os.rename(new, path)


def serial_of(server, origin='reload.test.', address=None, port=None):
    """The serial that is served; None: SERVFAIL, REFUSED or nothing at all."""
    with wire.Asker(address or server.address, port or server.port, timeout_s=1) as asker:
        reply = asker.ask_udp([wire.query(wire.name_from_text(origin), SOA)])[0]
    message = wire.parse(reply) if reply else None
    if message is None or message.rcode != 0:
        return None
    return int.from_bytes(message.answer[0].rdata[-20:-16], 'big')


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def hang_up(server):
    """SIGHUP, and waits until the log says how it went."""
    def ends():
        log = server.log()
        return log.count('server.zones-reloaded') + log.count('config.not-reloaded')
    before = ends()
    os.kill(server.pid, signal.SIGHUP)
    assert wait_for(lambda: ends() > before), server.log()[-2000:]


@pytest.fixture
def zone(tmp_path):
    path = tmp_path / 'reload.zone'
    path.write_text(zone_text('reload.test.', 1))
    return peers.Zone('reload.test.', path)


@pytest.fixture
def server(zone, portoland):
    with peers.Portolan([zone]) as running:
        yield running


class Questioner(threading.Thread):
    """Asks all the time, each question once: none may be lost, every answer must be whole and of one version, and none older than the one before."""

    def __init__(self, server, protocol):
        super().__init__()
        self.server, self.protocol = server, protocol
        self.stop, self.asked, self.wrong, self.serials = False, 0, [], set()
        self.start()

    def run(self):
        try:
            self.question()
        except Exception as error:  # shows in end()
            self.wrong.append(error)

    def question(self):
        names = [wire.name_from_text('n%d.reload.test.' % i) for i in range(100)]
        queries = [wire.query(name, A, i) for i, name in enumerate(names)]
        with wire.Asker(self.server.address, self.server.port) as asker:
            while not self.stop:
                newest = max(self.serials, default=0)
                replies = asker.ask_udp(queries, tries=(1.0,)) if self.protocol == 'udp' else asker.ask_tcp(queries)
                for reply in replies:
                    self.asked += 1
                    message = wire.parse(reply) if reply else None
                    if message is None or message.rcode != 0 or len(message.answer) != 1 or not message.flags & wire.AA:
                        self.wrong.append(message)
                        continue
                    serial = int.from_bytes(message.answer[0].rdata[1:], 'big')
                    self.serials.add(serial)
                    if serial < newest:
                        self.wrong.append('serial %d after %d' % (serial, newest))

    def end(self):
        self.stop = True
        self.join()
        assert not self.wrong, (len(self.wrong), self.wrong[0])
        assert self.asked > 500


def test_zone_reloads_while_answering(server, zone):
    """Fifty versions, by signal and by the tool, for four clients."""
    questioners = [Questioner(server, protocol) for protocol in ('udp', 'udp', 'tcp', 'tcp')]
    for serial in range(2, 52):
        replace(zone.file, zone_text('reload.test.', serial))
        if serial % 2:
            os.kill(server.pid, signal.SIGHUP)
        else:
            assert server.tool('zone', 'reload', 'reload.test').returncode == 0
        assert wait_for(lambda serial=serial: serial_of(server) == serial)
    for questioner in questioners:
        questioner.end()
        assert len(questioner.serials) > 5


def test_only_changed_files_are_read(tmp_path, portoland):
    zones = []
    for i in range(20):
        path = tmp_path / ('z%d' % i)
        path.write_text(zone_text('z%d.test.' % i, 1))
        zones.append(peers.Zone('z%d.test.' % i, path))
    with peers.Portolan(zones) as server:
        assert server.log().count(LOADED) == 20
        replace(zones[7].file, zone_text('z7.test.', 2))
        os.kill(server.pid, signal.SIGHUP)
        assert wait_for(lambda: serial_of(server, 'z7.test.') == 2)
        hang_up(server)
        assert server.log().count(LOADED) == 21
        assert serial_of(server, 'z8.test.') == 1


def test_included_files_count_as_the_zone(tmp_path, portoland):
    """A change of what is included, at any depth, is a change of the zone; also for zones that a reload of the configuration took over."""
    names = ['top', 'middle', 'deep']
    for name, inner in zip(names, ('$INCLUDE middle\n', '$INCLUDE deep\n', '')):
        (tmp_path / name).write_text('%s 300 A 10.0.0.1\n%s' % (name, inner))
    (tmp_path / 'zone').write_text(zone_text('reload.test.', 1) + '$INCLUDE top\n')
    (tmp_path / 'other').write_text(zone_text('other.test.', 1))
    zones = [peers.Zone('reload.test.', tmp_path / 'zone'), peers.Zone('other.test.', tmp_path / 'other')]
    with peers.Portolan(zones) as server, wire.Asker(server.address, server.port) as asker:
        def last_octet(name):
            reply = wire.parse(asker.ask_udp([wire.query(wire.name_from_text(name + '.reload.test.'), A)])[0])
            return reply.answer[0].rdata[-1] if reply.answer else None
        for round_, name in enumerate(names * 2, start=2):
            replace(tmp_path / name, (tmp_path / name).read_text().replace('10.0.0.%d' % last_octet(name), '10.0.0.%d' % round_))
            assert server.tool('zone', 'reload').stdout == '1 zone reloaded\n'
            assert last_octet(name) == round_
            assert server.tool('reload' if round_ % 2 else 'zone', *([] if round_ % 2 else ['reload'])).stdout.endswith('0 zones reloaded\n')
        os.rename(tmp_path / 'deep', tmp_path / 'gone')
        assert server.tool('zone', 'reload').returncode == 1
        assert last_octet('deep') == 7  # the version before
        os.rename(tmp_path / 'gone', tmp_path / 'deep')
        assert server.tool('zone', 'reload').stdout == '1 zone reloaded\n'


def test_a_file_with_errors_leaves_the_old_version(server, zone):
    replace(zone.file, zone_text('reload.test.', 2) + 'bad 300 A 192.0.2.999\nworse 300 NOSUCHTYPE x\n')
    os.kill(server.pid, signal.SIGHUP)
    assert wait_for(lambda: FAILED in server.log())
    assert serial_of(server) == 1
    log = server.log()
    errors = [line for line in log.splitlines() if ' zone.error ' in line]
    assert {'line=205', 'line=206'} == {word for line in errors for word in line.split() if word.startswith('line=')}
    assert 'serving="the version before"' in log
    replace(zone.file, zone_text('reload.test.', 3))
    os.kill(server.pid, signal.SIGHUP)
    assert wait_for(lambda: serial_of(server) == 3)


def test_a_file_that_is_being_written_is_waited_for(server, zone):
    """The writer takes its time, in the middle of a record; a short while later the file is whole, and so is the zone."""
    text = zone_text('reload.test.', 2)
    with open(zone.file, 'w') as out:
        out.write(text[:len(text) // 2 + 3] + '"')
        out.flush()
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(0.15)
        out.seek(0)
        out.write(text)
    assert wait_for(lambda: serial_of(server) == 2)
    assert FAILED not in server.log()


def test_a_file_that_goes_away_and_comes_back(server, zone):
    os.rename(zone.file, str(zone.file) + '.away')
    os.kill(server.pid, signal.SIGHUP)
    assert wait_for(lambda: FAILED in server.log())
    assert serial_of(server) == 1
    replace(zone.file, zone_text('reload.test.', 2))
    os.kill(server.pid, signal.SIGHUP)
    assert wait_for(lambda: serial_of(server) == 2)


def test_zone_that_cannot_be_read_at_start_and_later_can(tmp_path, portoland):
    good, bad = tmp_path / 'good', tmp_path / 'bad'
    good.write_text(zone_text('good.test.', 1))
    bad.write_text('@ 300 SOA broken\n')
    with peers.Portolan([peers.Zone('good.test.', good), peers.Zone('bad.test.', bad)], answers_all=False) as server:
        assert serial_of(server, 'good.test.') == 1
        with wire.Asker(server.address, server.port) as asker:
            reply = wire.parse(asker.ask_udp([wire.query(wire.name_from_text('www.bad.test.'), A)])[0])
        assert reply.rcode == wire.SERVFAIL
        assert 'serving=SERVFAIL' in server.log()
        bad.write_text(zone_text('bad.test.', 5))
        os.kill(server.pid, signal.SIGHUP)
        assert wait_for(lambda: serial_of(server, 'bad.test.') == 5)


def reconfigure(server, **changes):
    for key, value in changes.items():
        setattr(server, key, value)
    server.configuration_path().write_text(server.configuration())
    hang_up(server)


def test_zones_come_and_go(server, zone, tmp_path):
    path = tmp_path / 'second'
    path.write_text(zone_text('second.test.', 9))
    second = peers.Zone('second.test.', path)
    questioners = [Questioner(server, 'udp'), Questioner(server, 'tcp')]
    for _ in range(5):
        reconfigure(server, zones=[zone, second])
        assert serial_of(server, 'second.test.') == 9
        reconfigure(server, zones=[zone])
        assert serial_of(server, 'second.test.') is None
    for questioner in questioners:
        questioner.end()
    assert server.log().count('zone=reload.test. ') == 1  # it was never read again


def test_transfer_rights_change_and_running_transfers_go_on(server, zone):
    origin = wire.name_from_text('reload.test.')
    reconfigure(server, zones=[peers.Zone('reload.test.', zone.file, {'allow-transfer': '[127.0.0.1]'})])
    with streams.Stream(server, receive_buffer=4096) as stream:
        stream.ask(wire.query(origin, wire.TYPES['AXFR'], 1))
        first = stream.answer()
        assert first.rcode == 0
        reconfigure(server, zones=[zone])
        records = first.answer
        while sum(record.type == SOA for record in records) < 2:
            records += stream.answer().answer
        assert len(records) == 204
        stream.ask(wire.query(origin, wire.TYPES['AXFR'], 2))
        assert stream.answer().rcode != 0


def test_addresses_come_and_go(server, zone):
    port = peers.free_port()
    url, other = server.listen[0], 'dns://127.0.0.3:%d' % port
    questioners = [Questioner(server, 'udp'), Questioner(server, 'tcp')]
    reconfigure(server, listen=[url, other])
    assert serial_of(server, address='127.0.0.3', port=port) == 1
    with socket.create_connection(('127.0.0.3', port), timeout=3) as tcp:
        reconfigure(server, listen=[url])
        tcp.sendall(streams.frame(wire.query(wire.name_from_text('reload.test.'), SOA, 1)))
        assert tcp.recv(4096)  # a connection outlives its address
    assert serial_of(server, address='127.0.0.3', port=port) is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.3', port), timeout=3)
    for questioner in questioners:
        questioner.end()


def test_whole_or_not_at_all(server, zone, tmp_path):
    """One address that cannot be had: neither the other address, nor the new zone, nor anything else of the new settings."""
    path = tmp_path / 'second'
    path.write_text(zone_text('second.test.', 9))
    second = peers.Zone('second.test.', path)
    url, free = server.listen[0], peers.free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(('127.0.0.1', 0))
        taken = holder.getsockname()[1]
        reconfigure(server, zones=[zone, second], listen=[url, 'dns://127.0.0.1:%d' % free, 'dns://127.0.0.1:%d' % taken])
        log = server.log()
        assert 'server.reload-failed' in log and '127.0.0.1:%d' % taken in log and 'process %d' % os.getpid() in log
        assert serial_of(server, 'second.test.') is None
        assert serial_of(server, port=free) is None
        assert serial_of(server) == 1
    reconfigure(server)
    assert serial_of(server, 'second.test.') == 9
    assert serial_of(server, port=free) == 1


def test_a_configuration_with_errors_changes_nothing(server, zone):
    good = server.configuration()
    server.configuration_path().write_text(good + 'lissten: [ "dns://127.0.0.1:1" ]\n')
    os.kill(server.pid, signal.SIGHUP)
    assert wait_for(lambda: 'config.not-reloaded' in server.log())
    assert serial_of(server) == 1
    assert 'server.reloaded' not in server.log()
    reconfigure(server)
    assert 'server.reloaded' in server.log()
