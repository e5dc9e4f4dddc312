"""What must not bring the server down, nor keep it from starting or ending well."""

import contextlib
import os
import pwd
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import peers
import pytest
import streams
import wire

ORIGIN = 'robust.test.'
NAME = wire.name_from_text(ORIGIN)
SOA = wire.TYPES['SOA']
QUERY = wire.query(NAME, SOA, 1)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason='takes root')


@pytest.fixture
def zone(tmp_path):
    path = tmp_path / 'zone'
    path.write_text('$ORIGIN %s\n@ 300 SOA ns hostmaster 7 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n' % ORIGIN)
    return peers.Zone(ORIGIN, path)


def answers_rcode(address, port, rcode, within_s=5):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if peers.soa_rcode(address, port, ORIGIN) == rcode:
            return True
        time.sleep(0.05)
    return False


def works(address, port):
    return answers_rcode(address, port, wire.NOERROR)


@contextlib.contextmanager
def configured(zones, **others):
    """A server that is set up and not started: the test starts it, or it ends while the test looks on."""
    server = peers.Portolan(zones, **others)
    server.configuration_path().write_text(server.configuration())
    try:
        yield server
    finally:
        server.stop()
        server.remove()


def cpu_seconds(pid):
    fields = Path('/proc/%d/stat' % pid).read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_out_of_descriptors(zone, portoland):
    """With too few descriptors for all, newcomers take the place of those idle for longest, and UDP never notices."""
    with peers.Portolan([zone], workers=1, settings='tcp: { connections: 1000, connections-per-prefix: 1000 }',
                        prefix=['prlimit', '--nofile=60:60']) as server:
        idle = []
        for _ in range(150):
            idle.append(streams.Stream(server))
        assert works(server.address, server.port)
        for _ in range(5):
            with streams.Stream(server) as stream:
                stream.ask(QUERY)
                assert stream.answer().rcode == 0
        log = server.log()
        assert log.count('tcp.no-descriptors') == 1 and 'limit.descriptors' in log
        for stream in idle:
            stream.close()
        assert works(server.address, server.port)


def is_sanitized(program):
    return any(mark in Path(program).read_bytes() for mark in (b'__asan_init', b'__tsan_init'))


def test_out_of_memory_for_a_zone(zone, portoland, tmp_path):
    """A zone for which there is no memory: at the start it alone is not served, at a reload its old version goes on."""
    if is_sanitized(portoland):
        pytest.skip('a sanitizer takes address space by the terabyte')
    big = tmp_path / 'big'

    def write(serial, names):
        head = '$ORIGIN big.test.\n$TTL 60\n@ SOA ns hostmaster %d 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n' % serial
        big.write_text(head + '$GENERATE 1-%d n$ TXT "%s"\n' % (names, 'x' * 200))
    write(1, 500000)
    zones = [zone, peers.Zone('big.test.', big)]
    with peers.Portolan(zones, workers=1, answers_all=False, settings='resolver: { cache: { size: 4MiB } }',
                        prefix=['prlimit', '--as=100000000']) as server:
        assert works(server.address, server.port)
        assert peers.soa_rcode(server.address, server.port, 'big.test.') == wire.SERVFAIL
        assert 'out of memory' in server.log() and 'serving=SERVFAIL' in server.log()
        write(2, 50)
        assert server.tool('zone', 'reload', 'big.test').returncode == 0
        assert peers.soa_rcode(server.address, server.port, 'big.test.') == wire.NOERROR
        write(3, 500000)
        reload = server.tool('zone', 'reload', 'big.test')
        assert reload.returncode != 0 and 'out of memory' in reload.stderr
        assert peers.soa_rcode(server.address, server.port, 'big.test.') == wire.NOERROR
        assert 'serving="the version before"' in server.log()
        assert works(server.address, server.port)


def test_no_memory_for_the_cache(zone, portoland):
    """What cannot be had as it is configured stops the start, and the log says which setting to look at."""
    if is_sanitized(portoland):
        pytest.skip('a sanitizer takes address space by the terabyte')
    with configured([zone]) as server:
        run = subprocess.run(['prlimit', '--as=100000000', portoland, '--config', str(server.configuration_path())], capture_output=True,
                             text=True, timeout=20, check=False)
    assert run.returncode == 1 and 'server.running' not in run.stderr
    assert 'error cache.failed bytes=134217728 error="out of memory" setting=resolver.cache.size' in run.stderr, run.stderr


def test_idle_server_uses_no_cpu(zone, portoland):
    with peers.Portolan([zone]) as server:
        with streams.Stream(server) as stream:  # a timer runs
            stream.ask(QUERY)
            stream.answer()
            time.sleep(0.2)
            before = cpu_seconds(server.pid)
            time.sleep(2)
            assert cpu_seconds(server.pid) - before <= 0.02


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_ends_with_status_0_under_load(zone, portoland, number):
    with configured([zone]) as server:
        server.start()
        stop = threading.Event()

        def load():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                while not stop.is_set():
                    udp.sendto(QUERY, (server.address, server.port))
        threads = [threading.Thread(target=load) for _ in range(2)]
        connections = [streams.Stream(server) for _ in range(20)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        limit_s = 8 if peers.is_instrumented(server.pid) else 3  # a sanitizer's build on a busy machine takes four
        began = time.monotonic()
        server.process.send_signal(number)
        status = server.process.wait(10)
        took = time.monotonic() - began
        stop.set()
        for thread in threads:
            thread.join()
        for stream in connections:
            stream.close()
        assert status == 0 and took < limit_s
        assert 'server.stopped' in server.log()


def test_ends_at_once_while_zones_are_read(tmp_path, portoland):
    """Whoever stops a server that has much to read does not wait for it."""
    big = tmp_path / 'big'
    big.write_text('$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\n$GENERATE 1-2000000 n$ A 192.0.2.1\n')
    with configured([peers.Zone('big.test.', big)]) as server:
        with open(server.directory / 'output', 'wb') as output:
            process = subprocess.Popen(server.command(str(server.configuration_path())), stderr=output, env=server.environment())
        until = time.monotonic() + 10
        while 'control.open' not in server.log() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.2)
        limit_s = 5 if peers.is_instrumented(process.pid) else 0.5  # a sanitizer's build takes a second
        began = time.monotonic()
        process.terminate()
        assert process.wait(30) == 0
        assert time.monotonic() - began < limit_s
        assert 'zone.loaded' not in server.log() and 'server.stopped' in server.log()
        assert not server.socket_path().exists()


def test_ends_within_a_second_with_questions_in_work(portoland):
    """Questions that wait for servers which never answer, over UDP and TCP, hold up nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, contextlib.ExitStack() as stack:
        silent.bind(('127.0.0.1', 0))
        settings = 'resolver: { validate: no, forward: { ".": "127.0.0.1:%d" } }' % silent.getsockname()[1]
        with peers.Portolan([], settings=settings) as server:
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.connect((server.address, server.port))
            for i in range(300):
                client.send(wire.query(wire.name_from_text('u%d.example.' % i), SOA, flags=wire.RD))
            for i in range(20):
                stream = stack.enter_context(streams.Stream(server))
                stream.ask(wire.query(wire.name_from_text('t%d.example.' % i), SOA, flags=wire.RD))
            silent.settimeout(5)
            silent.recv(4096)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < (1 if not is_sanitized(portoland) else 3)
            server.start()  # for the end of the block


def test_hangup_while_zones_are_read_is_not_lost(zone, tmp_path, portoland):
    """What changed in the configuration after it was read is taken up as soon as the server runs."""
    big = tmp_path / 'big'
    big.write_text('$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\n$GENERATE 1-500000 n$ A 192.0.2.1\n')
    with configured([peers.Zone('big.test.', big)]) as server:
        with open(server.directory / 'output', 'wb') as output:
            server.process = subprocess.Popen(server.command(str(server.configuration_path())), stderr=output, env=server.environment())
        until = time.monotonic() + 10
        while 'control.open' not in server.log() and time.monotonic() < until:
            time.sleep(0.01)
        server.zones.append(zone)
        server.configuration_path().write_text(server.configuration())
        server.process.send_signal(signal.SIGHUP)
        assert 'zone.loaded' not in server.log()
        assert answers_rcode(server.address, server.port, wire.NOERROR, within_s=60), server.log()
        assert server.stop() == 0


def test_answers_in_flight_are_sent_before_the_end(tmp_path, portoland):
    path = tmp_path / 'large'
    path.write_text('$ORIGIN %s\n@ 300 SOA ns h 7 3600 600 86400 300\n@ 300 NS ns\n' % ORIGIN +
                    ''.join('n%d 300 TXT "%s"\n' % (i, 'x' * 200) for i in range(20000)))
    with configured([peers.Zone(ORIGIN, path, {'allow-transfer': '[127.0.0.1]'})]) as server:
        server.start()
        with streams.Stream(server, receive_buffer=65536) as stream:
            stream.ask(wire.query(NAME, wire.TYPES['AXFR'], 1))
            records = stream.answer().answer
            server.process.send_signal(signal.SIGTERM)
            while sum(record.type == SOA for record in records) < 2:
                records += stream.answer().answer
            assert len(records) == 20003
            assert stream.receive() is None
        assert server.process.wait(10) == 0


def test_start_with_closed_standard_files(zone, portoland, tmp_path):
    """No socket becomes standard error, and a log that goes nowhere stops nothing."""
    with configured([zone]) as server:
        process = subprocess.Popen(['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh', portoland, '--config', str(server.configuration_path())])
        try:
            assert works(server.address, server.port)
            os.kill(process.pid, signal.SIGHUP)
            time.sleep(0.2)
            assert works(server.address, server.port)
            for number in (0, 1, 2):
                assert os.readlink('/proc/%d/fd/%d' % (process.pid, number)) == '/dev/null'
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_log_reader_that_goes_away(zone, portoland):
    with configured([zone]) as server:
        process = subprocess.Popen([portoland, '--config', str(server.configuration_path())], stderr=subprocess.PIPE)
        try:
            assert works(server.address, server.port)
            process.stderr.close()
            for _ in range(3):
                os.kill(process.pid, signal.SIGHUP)
                time.sleep(0.1)
            assert works(server.address, server.port)
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_second_server_on_the_same_port_is_told_who_has_it(zone, portoland):
    with peers.Portolan([zone]) as server:
        others = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]  # the same port of other addresses is in nobody's way
        for i, other in enumerate(others):
            other.bind(('127.0.1.%d' % (i + 1), server.port))
        second = subprocess.run([portoland, '--config', str(server.configuration_path())], capture_output=True, text=True, timeout=20,
                                check=False)
        for other in others:
            other.close()
        assert second.returncode == 1
        assert '127.0.0.1:%d' % server.port in second.stderr and 'portoland (process %d)' % server.pid in second.stderr
        assert works(server.address, server.port)


def test_all_addresses_or_none(zone, portoland, tmp_path):
    config = tmp_path / 'config'
    port = peers.free_port()
    config.write_text('listen: [ "dns://127.0.0.1:%d", "dns://192.0.2.77:%d", "dns://192.0.2.78:%d" ]\nstate: "%s"\ncontrol: "%s/s"\n' %
                      (port, port, port, tmp_path, tmp_path))
    run = subprocess.run([portoland, '--config', str(config)], capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 1
    assert '192.0.2.77' in run.stderr and '192.0.2.78' in run.stderr  # every one that fails is named
    assert 'server.running' not in run.stderr


@pytest.fixture
def public_directory():
    """One that other users can enter, unlike tmp_path."""
    path = Path(tempfile.mkdtemp(prefix='portolan-public-'))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@as_root
def test_becomes_its_user_and_reads_zones_as_that_user(public_directory, portoland):
    """A file is read with the rights that the server keeps, not with those it starts with."""
    account = pwd.getpwnam('nobody')
    secret, public = public_directory / 'secret', public_directory / 'zone'
    for path, origin in ((secret, 'secret.test.'), (public, ORIGIN)):
        path.write_text('$ORIGIN %s\n@ 300 SOA ns h 7 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n' % origin)
    secret.chmod(0o600)
    with configured([peers.Zone(ORIGIN, public), peers.Zone('secret.test.', secret)]) as server:
        config = public_directory / 'config'
        config.write_text(server.configuration().replace('user: root', 'user: nobody'))
        process = subprocess.Popen([portoland, '--config', str(config)], stderr=subprocess.PIPE, text=True)
        try:
            assert works(server.address, server.port)
            status = Path('/proc/%d/status' % process.pid).read_text()
            fields = dict(line.split(':\t', 1) for line in status.splitlines() if ':\t' in line)
            assert fields['Uid'].split() == [str(account.pw_uid)] * 4
            assert fields['Gid'].split() == [str(account.pw_gid)] * 4
            for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
                assert int(fields[name], 16) == 0, name
            assert fields['NoNewPrivs'] == '1'
            assert '0' not in fields['Groups'].split()
            with wire.Asker(server.address, server.port) as asker:
                reply = wire.parse(asker.ask_udp([wire.query(wire.name_from_text('secret.test.'), SOA)])[0])
            assert reply.rcode == wire.SERVFAIL
        finally:
            process.terminate()
            log = process.communicate(timeout=10)[1]
        assert process.returncode == 0
        assert 'zone.failed zone=secret.test.' in log and 'Permission denied' in log


def ask_tcp(address, query):
    with socket.create_connection((address, 53), timeout=3) as tcp:
        tcp.sendall(streams.frame(query))
        return wire.parse(tcp.recv(4096)[2:])


def check_answers_of_a_resolver(address):
    """With no way to anywhere: names of special use are known (RFC 6761), of others it is said why they cannot be (RFC 8914)."""
    assert answers_rcode(address, 53, wire.NXDOMAIN)
    reply = ask_tcp(address, wire.query(wire.name_from_text('localhost.'), wire.TYPES['A'], flags=wire.RD))
    assert [record.rdata for record in reply.answer] == [bytes([127, 0, 0, 1])] and reply.flags & wire.RA
    reply = ask_tcp(address, wire.query(wire.name_from_text('www.example.com.'), wire.TYPES['A'], flags=wire.RD, edns=(1232, 0)))
    errors = {struct.unpack('!H', value[:2])[0]: value[2:] for code, value in reply.opt[4] if code == 15}
    assert reply.rcode == wire.SERVFAIL and errors.keys() & {22, 23} and b' of . ' in errors[min(errors.keys() & {22, 23})], reply.opt
    reply = ask_tcp(address, wire.query(wire.name_from_text('www.example.org.'), wire.TYPES['A']))
    assert reply.rcode == wire.REFUSED and reply.flags & wire.RA  # not desired, and not known


def check_defaults(portoland, with_ipv6):
    if not with_ipv6:
        Path('/proc/sys/net/ipv6/conf/all/disable_ipv6').write_text('1')
    environment = dict(os.environ, ASAN_OPTIONS='detect_leaks=0')
    process = subprocess.Popen([portoland], stderr=subprocess.PIPE, text=True, env=environment, cwd='/')
    try:
        for address in ('127.0.0.1', '::1') if with_ipv6 else ('127.0.0.1',):
            check_answers_of_a_resolver(address)
    finally:
        process.terminate()
        log = process.communicate(timeout=10)[1]
    assert process.returncode == 0, log
    assert ('listen.skipped address=[::1]:53' in log) != with_ipv6, log


@as_root
@pytest.mark.parametrize('with_ipv6', [True, False])
def test_no_configuration_at_all(portoland, with_ipv6):
    if Path('/etc/portolan/portolan.yaml').exists():
        pytest.skip('this machine has a configuration')
    result = streams.in_namespace(lambda: check_defaults(portoland, with_ipv6))
    if result is None:
        pytest.skip('no network namespaces here')
    assert result == ''


def test_tells_the_service_manager(zone, portoland, tmp_path):
    with configured([zone]) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = str(tmp_path / 'notify')
        manager.bind(path)
        manager.settimeout(10)
        process = subprocess.Popen([portoland, '--config', str(server.configuration_path())], env=dict(os.environ, NOTIFY_SOCKET=path),
                                   stderr=subprocess.DEVNULL)
        try:
            assert manager.recv(4096).startswith(b'READY=1')
            assert works(server.address, server.port)
            os.kill(process.pid, signal.SIGHUP)
            reloading = manager.recv(4096).split(b'\n')
            assert reloading[0] == b'RELOADING=1' and reloading[1].startswith(b'MONOTONIC_USEC=')
            assert manager.recv(4096).startswith(b'READY=1')
        finally:
            process.terminate()
        assert manager.recv(4096).startswith(b'STOPPING=1')
        assert process.wait(10) == 0


def test_command_line(portoland):
    def run(*words):
        return subprocess.run([portoland, *words], capture_output=True, text=True, timeout=20, check=False)
    assert run('--version').stdout.startswith('portoland ') and run('--version').returncode == 0
    assert 'usage:' in run('--help').stdout and run('--help').returncode == 0
    assert run('--nonsense').returncode == 2
    assert run('word').returncode == 2
    missing = run('--config', '/nowhere/portolan.yaml')
    assert missing.returncode == 1 and '/nowhere/portolan.yaml' in missing.stderr


def test_descriptors_do_not_leak(zone, portoland):
    with peers.Portolan([zone]) as server:
        def count():
            return len(os.listdir('/proc/%d/fd' % server.pid))
        before = -1
        while before != count():  # the first worker answers while the others still open theirs
            before = count()
            time.sleep(0.3)
        for i in range(200):
            stream = streams.Stream(server)
            stream.send(b'\0' * (i % 3))
            stream.reset()
        for _ in range(5):
            os.kill(server.pid, signal.SIGHUP)
            time.sleep(0.05)
        until = time.monotonic() + 5
        while count() > before and time.monotonic() < until:
            time.sleep(0.05)
        assert count() <= before


def test_a_file_size_limit_on_the_log_stops_nothing(zone, portoland, tmp_path):
    """As on a full disk: the log cannot be written."""
    with configured([zone]) as server:

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open(tmp_path / 'log', 'wb') as log:
            process = subprocess.Popen([portoland, '--config', str(server.configuration_path())], stderr=log, preexec_fn=limit)
        try:
            assert works(server.address, server.port)
            os.kill(process.pid, signal.SIGHUP)
            time.sleep(0.2)
            assert works(server.address, server.port)
        finally:
            process.terminate()
            assert process.wait(10) == 0
