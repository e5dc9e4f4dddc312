"""The control socket of a running server, reloads, and the tool's own questions and check."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import peers
import pytest

ZONE = 'control.test.'
TEXT = """$TTL 300
@ SOA ns hostmaster %d 3600 900 604800 300
@ NS ns
ns A 192.0.2.1
ns AAAA 2001:db8::1
www A 192.0.2.2
long TXT %s
"""


def zone_text(serial):
    return TEXT % (serial, ' '.join('"%s"' % ('x' * 200) for _ in range(12)))


@pytest.fixture
def server(tmp_path, portoland, portolan):
    path = tmp_path / 'control.zone'
    path.write_text(zone_text(1))
    with peers.Portolan([peers.Zone(ZONE, path, {'allow-transfer': '[127.0.0.1]'})], settings='nsid: test\nresolver: no\n') as running:
        running.zone_file = path
        yield running


def replace(path, text):
    """As an operator should: whole or not at all."""
    new = path.with_suffix('.new')
    new.write_text(text)
    new.rename(path)


def connect(server):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(str(server.socket_path()))
    return client


def ask(server, request):
    """The lines that a request (bytes) gives, up to the last."""
    with connect(server) as client:
        client.sendall(request)
        return read_answer(client)


def read_answer(client):
    lines, data = [], b''
    while True:
        while b'\n' in data:
            line, data = data.split(b'\n', 1)
            lines.append(json.loads(line))
            if 'ok' in lines[-1]:
                return lines
        more = client.recv(65536)
        if not more:
            return lines
        data += more


def serial(server):
    run = server.tool('query', '@127.0.0.1:%d' % server.port, ZONE, 'SOA', '--short')
    return int(run.stdout.split()[2])


# ---- what can be seen ----

def test_status(server):
    run = server.tool('status', '--json')
    result = json.loads(run.stdout)
    assert run.returncode == 0
    assert (result['pid'], result['zones']['count'], result['zones']['loaded']) == (server.pid, 1, 1)
    assert result['listen'] == ['dns://127.0.0.1:%d' % server.port]
    assert result['configuration'] == str(server.configuration_path())
    assert 'process %d' % server.pid in server.tool('status').stdout


def test_stats_count(server):
    before = json.loads(server.tool('stats', '--json').stdout)
    for _ in range(3):
        serial(server)
    after = json.loads(server.tool('stats', '--json').stdout)
    assert after['queries.udp'] - before['queries.udp'] == 3
    assert after['answers.noerror'] - before['answers.noerror'] == 3


def test_zone_list_and_status(server):
    zones = json.loads(server.tool('zone', 'list', '--json').stdout)
    assert [(zone['zone'], zone['serial'], zone['loaded']) for zone in zones] == [(ZONE, 1, True)]
    assert ZONE in server.tool('zone', 'list').stdout
    one = json.loads(server.tool('--json', 'zone', 'status', 'CONTROL.test').stdout)
    assert one == zones[0]
    run = server.tool('zone', 'status', 'nowhere.test')
    assert run.returncode == 1 and 'no zone nowhere.test.' in run.stderr


# ---- reloads ----

def test_reload_of_one_zone(server):
    replace(server.zone_file, zone_text(2))
    run = server.tool('zone', 'reload', ZONE, '--json')
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)['serial'] == 2
    assert serial(server) == 2


def test_reload_of_changed_zones(server):
    replace(server.zone_file, zone_text(3))
    assert json.loads(server.tool('zone', 'reload', '--json').stdout)['reloaded'] == 1
    assert json.loads(server.tool('zone', 'reload', '--json').stdout)['reloaded'] == 0
    assert json.loads(server.tool('zone', 'reload', '--force', '--json').stdout)['reloaded'] == 1
    assert serial(server) == 3


@pytest.mark.parametrize('words', [('zone', 'reload', ZONE), ('zone', 'reload'), ('reload', )])
def test_a_zone_with_errors_keeps_its_old_version(server, words):
    replace(server.zone_file, zone_text(4).replace('192.0.2.2', '192.0.2.256'))
    run = server.tool(*words)
    assert run.returncode == 1 and run.stderr
    assert serial(server) == 1
    one = json.loads(server.tool('zone', 'status', ZONE, '--json').stdout)
    assert one['loaded'] and one['serial'] == 1 and '192.0.2.256' in one['error']
    replace(server.zone_file, zone_text(5))
    assert server.tool('zone', 'reload', ZONE).returncode == 0
    assert json.loads(server.tool('zone', 'status', ZONE, '--json').stdout)['error'] is None


def test_reload_of_the_configuration(server, tmp_path):
    other = tmp_path / 'other.zone'
    other.write_text(zone_text(77))
    text = server.configuration_path().read_text()
    replace(server.configuration_path(), text.replace('zones:\n', 'zones:\n  other.test: { file: "%s" }\n' % other))
    run = server.tool('reload')
    assert run.returncode == 0, run.stderr
    assert [zone['zone'] for zone in json.loads(server.tool('zone', 'list', '--json').stdout)] == [ZONE, 'other.test.']
    replace(server.configuration_path(), text)
    assert server.tool('reload').returncode == 0
    assert server.tool('zone', 'status', 'other.test').returncode == 1


def test_a_configuration_with_errors_changes_nothing(server, tmp_path):
    other = tmp_path / 'other.zone'
    other.write_text(zone_text(77))
    text = server.configuration_path().read_text()
    replace(server.configuration_path(), text.replace('zones:\n', 'wrokers: 3\nzones:\n  other.test: { file: "%s" }\n' % other))
    run = server.tool('reload')
    assert run.returncode == 1
    assert re.search(r'%s:\d+:1: error: unknown setting "wrokers"' % re.escape(str(server.configuration_path())), run.stderr)
    assert 'did you mean workers?' in run.stderr
    assert server.tool('zone', 'status', 'other.test').returncode == 1
    assert 'config.not-reloaded' in server.log()
    assert serial(server) == 1


def test_settings_of_the_start_cannot_change(server):
    text = server.configuration_path().read_text()
    replace(server.configuration_path(), text.replace('control.sock', 'elsewhere.sock') + 'version: other\n')
    run = server.tool('reload')
    assert run.returncode == 1 and '"control" cannot change' in run.stderr
    shown = server.tool('query', '@127.0.0.1:%d' % server.port, 'version.bind', 'TXT', '--class', 'CH', '--short').stdout
    assert 'other' not in shown


def test_hangup_reloads(server):
    replace(server.zone_file, zone_text(6))
    os.kill(server.pid, signal.SIGHUP)
    deadline = time.monotonic() + 10
    while serial(server) != 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert serial(server) == 6


# ---- the socket ----

def test_mode_and_log_of_changes(server):
    assert stat.S_IMODE(server.socket_path().stat().st_mode) == 0o660
    assert server.tool('zone', 'reload').returncode == 0
    assert re.search(r'control\.command command=zone-reload .*uid=%d pid=\d+ result=ok' % os.getuid(), server.log())


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which('setpriv') is None, reason='needs root and setpriv')
def test_strangers_may_not_change(server, portolan):
    words = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', portolan, '--socket', str(server.socket_path())]
    server.directory.chmod(0o755)
    run = subprocess.run([*words, 'status'], capture_output=True, text=True, timeout=30, check=False)
    if 'ermission denied' not in run.stderr:
        pytest.skip('user 65534 cannot run the tool here: ' + run.stderr)
    assert run.returncode == 2
    server.socket_path().chmod(0o666)  # even then
    assert subprocess.run([*words, 'status'], capture_output=True, timeout=30, check=False).returncode == 0
    run = subprocess.run([*words, 'zone', 'reload'], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 2 and 'only root' in run.stderr
    assert 'uid=65534' in server.log() and 'result=denied' in server.log()


@pytest.mark.parametrize('request_line, status', [
    (b'hello\n', 'malformed'), (b'[]\n', 'malformed'), (b'{}\n', 'malformed'), (b'{"command": 3}\n', 'malformed'), (b'\n', 'malformed'),
    (b'{"command": "explode"}\n', 'unsupported'), (b'{"command": "zone-status"}\n', 'malformed'), (b'\xff\xfe\n', 'malformed'),
    (b'{"command": "zone-status", "zone": 5}\n', 'malformed'), (b'{"command": "zone-status", "zone": "a..b"}\n', 'malformed'),
    (b'{"command": "zone-status", "zone": "nowhere"}\n', 'not-found'), (b'{"command": "status", "command": "reload"}\n', 'malformed'),
    (b'x' * 70000 + b'\n', 'limit'), (b'[' * 60000 + b'\n', 'malformed'),
])
def test_bad_requests(server, request_line, status):
    lines = ask(server, request_line)
    assert len(lines) == 1 and lines[0]['ok'] is False and lines[0]['status'] == status and lines[0]['error']
    assert server.tool('status').returncode == 0


def test_several_requests_on_one_connection(server):
    with connect(server) as client:
        client.sendall(b'{"command": "status"}\n{"command": "stats"}\n{"com')
        assert read_answer_count(client, 2) == 2
        client.sendall(b'mand": "status"}\n')
        client.shutdown(socket.SHUT_WR)
        assert read_answer_count(client, 1) == 1
        assert client.recv(1) == b''


def read_answer_count(client, wanted):
    data = b''
    while data.count(b'\n') < wanted:
        data += client.recv(65536)
    return sum(json.loads(line)['ok'] for line in data.splitlines())


def test_silent_and_greedy_clients_disturb_nobody(server):
    idle = [connect(server) for _ in range(60)]  # more than there are places
    greedy = connect(server)
    greedy.setblocking(False)
    sent = 0
    try:
        while sent < 2_000_000:
            sent += greedy.send(b'{"command": "stats"}\n' * 100)  # and never reads
    except BlockingIOError:
        pass
    began = time.monotonic()
    assert server.tool('status').returncode == 0
    assert time.monotonic() - began < 5
    for client in [*idle, greedy]:
        client.close()
    assert server.tool('status').returncode == 0
    assert serial(server) == 1


def test_requests_in_a_queue_do_not_keep_the_server_from_ending(tmp_path, portoland):
    path = tmp_path / 'zone'
    path.write_text('$ORIGIN queue.test.\n@ 300 SOA ns h 1 3600 600 86400 300\n@ 300 NS ns\n$GENERATE 1-60000 h$ 300 A 192.0.2.1\n')
    with socket.socket(socket.AF_UNIX) as client, peers.Portolan([peers.Zone('queue.test.', path)], workers=1) as server:
        client.connect(str(server.socket_path()))
        client.sendall(b'{"command": "zone-reload", "force": true}\n' * 1000)
        time.sleep(0.2)
        began = time.monotonic()
    assert time.monotonic() - began < 10  # all of them would take a minute


# ---- the place of the socket ----

def start(portoland, directory, control):
    config = directory / 'c.yaml'
    config.write_text('listen: ["dns://127.0.0.1:%d"]\nuser: %s\nstate: none\ncontrol: "%s"\n'
                      % (peers.free_port(), 'root' if os.geteuid() == 0 else 'auto', control))
    return subprocess.Popen([portoland, '--config', str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(path, portolan):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if subprocess.run([portolan, '--socket', str(path), 'status'], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise AssertionError('no server at %s' % path)


def test_directories_are_made_and_stale_sockets_removed(portoland, portolan, tmp_path):
    path = tmp_path / 'a' / 'b' / 'control.sock'
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    for remove in (False, True):
        if remove:
            shutil.rmtree(tmp_path / 'a')
        process = start(portoland, tmp_path, path)
        wait_for(path, portolan)
        process.terminate()
        assert process.wait(20) == 0
        assert not path.exists()


@pytest.mark.parametrize('mask', [0, 0o077, 0o777])
def test_mode_whatever_the_umask(portoland, portolan, tmp_path, mask):
    path = tmp_path / 'control.sock'
    before = os.umask(mask)
    try:
        process = start(portoland, tmp_path, path)
    finally:
        os.umask(before)
    wait_for(path, portolan)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    process.terminate()
    assert process.wait(20) == 0


def test_a_listener_that_takes_nobody_holds_up_no_start(portoland, tmp_path):
    path = tmp_path / 'control.sock'
    with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as first:
        deaf.bind(str(path))
        deaf.listen(0)
        first.connect(str(path))
        process = start(portoland, tmp_path, path)
        _, text = process.communicate(timeout=20)
    assert process.returncode == 1 and 'cannot find out who is at' in text


def test_the_socket_of_another_server_is_left_alone(server, portoland, tmp_path):
    process = start(portoland, tmp_path, server.socket_path())
    _, text = process.communicate(timeout=20)
    assert process.returncode == 1 and 'another server answers' in text
    assert server.tool('status').returncode == 0


def test_a_file_in_the_way_is_left_alone(portoland, tmp_path):
    path = tmp_path / 'precious'
    path.write_text('data')
    process = start(portoland, tmp_path, path)
    _, text = process.communicate(timeout=20)
    assert process.returncode == 1 and 'not a socket' in text
    assert path.read_text() == 'data'


# ---- query and check ----

def test_query(server):
    at = '@127.0.0.1:%d' % server.port
    run = server.tool('query', at, 'www.' + ZONE)
    assert run.returncode == 0 and 'www.control.test. 300 IN A 192.0.2.2\n' in run.stdout and 'flags qr aa' in run.stdout
    assert server.tool('query', at, 'www.' + ZONE, '--short').stdout == '192.0.2.2\n'
    assert server.tool('query', at, 'none.' + ZONE).returncode == 1
    assert server.tool('query', at, 'elsewhere.example.').returncode == 1
    result = json.loads(server.tool('query', at, 'ns.' + ZONE, 'AAAA', '--tcp', '--nsid', '--json').stdout)
    assert (result['rcode'], result['transport']) == ('NOERROR', 'TCP')
    assert result['answer'] == [{'name': 'ns.control.test.', 'ttl': 300, 'class': 'IN', 'type': 'AAAA', 'rdata': '2001:db8::1'}]
    assert result['edns']['options'] == [{'code': 3, 'text': 'nsid "test"'}]


def test_query_goes_to_tcp_when_truncated(server):
    result = json.loads(server.tool('query', '@127.0.0.1:%d' % server.port, 'long.' + ZONE, 'TXT', '--json').stdout)
    assert result['transport'] == 'TCP' and result['bytes'] > 2400


def test_query_transfers(server):
    run = server.tool('query', '@127.0.0.1:%d' % server.port, ZONE, 'AXFR')
    lines = run.stdout.splitlines()
    assert run.returncode == 0 and len(lines) == 7
    assert ' SOA ' in lines[0] and lines[0] == lines[-1]
    run = server.tool('query', '@127.0.0.1:%d' % server.port, 'other.', 'AXFR')
    assert run.returncode == 1 and 'transfer refused' in run.stderr


def test_query_passes_over_forgeries(portolan):
    """Datagrams with another id, another question or without QR do not end the wait."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fake:
        fake.bind(('127.0.0.1', 0))
        fake.settimeout(10)
        process = subprocess.Popen([portolan, 'query', '@127.0.0.1:%d' % fake.getsockname()[1], 'a.example.', '--json', '--no-edns'],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        query, client = fake.recvfrom(4096)
        reply = query[:2] + b'\x84\x00' + query[4:]
        for wrong in (b'', b'x', query, bytes([reply[0] ^ 1]) + reply[1:], reply.replace(b'\x01a', b'\x01b')):
            fake.sendto(wrong, client)
        fake.sendto(reply, client)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and json.loads(out)['rcode'] == 'NOERROR'
    assert '5 datagrams passed over' in err


def test_query_without_a_server(portolan):
    run = subprocess.run([portolan, 'query', '@127.0.0.1:%d' % peers.free_port(), 'a.', '--timeout', '1'], capture_output=True, text=True,
                         timeout=20, check=False)
    assert run.returncode == 2 and 'refused' in run.stderr


def verdicts(server, *words):
    run = server.tool('check', '127.0.0.1:%d' % server.port, '--json', *words)
    return run.returncode, {finding['probe']: finding['verdict'] for finding in json.loads(run.stdout)['findings']}


def test_check_finds_nothing_wrong(server):
    status, found = verdicts(server)
    assert status == 0
    assert found == {'udp': 'good', 'tcp': 'good', 'tcp-pipelining': 'good', 'edns': 'good', 'edns-version': 'good', 'edns-unknown': 'good',
                     'open-recursion': 'good', 'transfer': 'good', 'amplification': 'good', 'version': 'note', 'hostname': 'good',
                     'identity': 'good', 'response': 'good', 'opcode': 'good', 'questions': 'good', 'garbage': 'good'}
    assert 'Nothing is wrong.' in server.tool('check', '127.0.0.1:%d' % server.port).stdout


def test_check_sees_an_open_transfer_and_a_foreign_zone(server):
    status, found = verdicts(server, '--zone', ZONE)
    assert (status, found['transfer'], found['zone']) == (1, 'bad', 'good')
    status, found = verdicts(server, '--zone', 'elsewhere.test')
    assert (status, found['transfer'], found['zone']) == (1, 'good', 'bad')


def test_check_sees_a_resolver_that_answers_responses(portolan):
    """A fake that recurses (badly), echoes, knows no EDNS and no TCP. Whom else it would recurse for cannot be seen from here."""
    import threading
    stop = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fake:
        fake.bind(('127.0.0.1', 0))
        fake.settimeout(0.2)

        def serve():
            while not stop.is_set():
                try:
                    query, client = fake.recvfrom(4096)
                except TimeoutError:
                    continue
                if len(query) >= 12:
                    fake.sendto(query[:2] + bytes([query[2] | 0x80, 0x83]) + query[4:10] + b'\0\0' + query[12:][:question_end(query)], client)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            run = subprocess.run([portolan, 'check', '127.0.0.1:%d' % fake.getsockname()[1], '--json', '--timeout', '1'],
                                 capture_output=True, text=True, timeout=60, check=False)
        finally:
            stop.set()
            thread.join()
    found = {finding['probe']: finding['verdict'] for finding in json.loads(run.stdout)['findings']}
    assert run.returncode == 1
    assert (found['udp'], found['tcp'], found['edns'], found['open-recursion'], found['resolution'], found['response']) == \
        ('good', 'bad', 'bad', 'good', 'bad', 'bad')


def question_end(query):
    at = 12
    while at < len(query) and query[at]:
        at += query[at] + 1
    return at + 5 - 12


def test_check_of_nothing(portolan):
    run = subprocess.run([portolan, 'check', '127.0.0.1:%d' % peers.free_port(), '--timeout', '1'], capture_output=True, text=True, timeout=30,
                         check=False)
    assert run.returncode == 2 and 'It does not answer.' in run.stdout
