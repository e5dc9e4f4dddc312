"""scripts/run, which `make run` ends in: which port, what it says, several at once, and nothing left behind."""

import os
import shutil
import signal
import socket
import subprocess
import time

import peers
import pytest
import streams

ZONE = 'example.com.'


@pytest.fixture
def tree(tmp_path, portoland, portolan):
    """A tree with the script, the example zone and the programs under test."""
    (tmp_path / 'build').mkdir()
    os.symlink(portoland, tmp_path / 'build' / 'portoland')
    os.symlink(portolan, tmp_path / 'build' / 'portolan')
    for name in ('scripts/run', 'examples/example.zone'):
        (tmp_path / name).parent.mkdir()
        shutil.copy(peers.TREE / name, tmp_path / name)
    for folder in (tmp_path, *tmp_path.parents):  # whoever the server becomes must reach its zone
        if folder.stat().st_uid == os.geteuid() and folder.parent != folder:
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


class Run:
    def __init__(self, tree, name):
        self.log = tree / name
        with open(self.log, 'wb') as output:
            self.process = subprocess.Popen([tree / 'scripts' / 'run'], cwd=tree, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        until = time.monotonic() + 20
        while 'Ctrl-C ends the server.' not in self.text():
            assert self.process.poll() is None and time.monotonic() < until, self.text()
            time.sleep(0.02)

    def text(self):
        return self.log.read_text()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


def words_after(text, first):
    return next(line.split() for line in text.splitlines() if line.strip().startswith(first))


def side_by_side(tree):
    first = Run(tree, 'first')
    assert 'Portolan serves example.com on port 53 (UDP and TCP) of 127.0.0.1 and ::1.' in first.text()
    assert 'All other names it resolves for this machine' in first.text() and words_after(first.text(), 'dig @127.0.0.1 example.org')
    second = Run(tree, 'second')
    assert 'Not on port 53: UDP port 53 of 127.0.0.1 is taken by portoland (process ' in second.text()
    assert 'on port 5300 (UDP and TCP)' in second.text()
    for run, port in ((first, 53), (second, 5300)):
        assert [peers.soa_rcode(address, port, ZONE) for address in ('127.0.0.1', '::1')] == [0, 0]
        status = subprocess.run(words_after(run.text(), './build/portolan --socket'), cwd=tree, capture_output=True, text=True, check=False, timeout=20)
        assert (status.returncode, 'dns://127.0.0.1:%d,' % port in status.stdout) == (0, True), status
    assert first.end() == 0 and second.end() == 0
    assert peers.soa_rcode('127.0.0.1', 53, ZONE) is None
    zone = tree / 'build' / 'run' / '53' / 'example.com.zone'
    zone.write_text(zone.read_text() + 'edited A 192.0.2.99\n')
    assert Run(tree, 'third').end() == 0
    assert 'edited' in zone.read_text()


def taken_by_others(tree):
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(('::1', 53))
        tcp.listen()
        udp.bind(('127.0.0.1', 5300))
        run = Run(tree, 'log')
        assert 'Not on port 53: TCP port 53 of ::1 is taken by python3 (process %d).' % os.getpid() in run.text()
        assert 'Not on port 5300: UDP port 5300 of 127.0.0.1 is taken by python3 (process %d).' % os.getpid() in run.text()
        assert 'on port 5301' in run.text()
        assert run.end() == 0


@pytest.mark.parametrize('function', [side_by_side, taken_by_others])
def test_ports(tree, function):
    result = streams.in_namespace(lambda: function(tree))
    if result is None:
        pytest.skip('a network namespace takes root')
    assert result == ''


def test_the_server_does_not_outlive_the_script(tree):
    """A reader of its output that goes away ends it: no server is left behind that nobody knows of."""
    process = subprocess.Popen([tree / 'scripts' / 'run'], cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    try:
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
    assert b'server.stopped' in log, log
