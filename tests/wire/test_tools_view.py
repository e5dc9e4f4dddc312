"""What the tools of operators see of a running server: dig, kdig, drill, nmap, nc, telnet, ss."""

import os
import re
import shutil
import socket
import subprocess

import peers
import pytest
import zones

ZONE = 'tools.test.'


@pytest.fixture(scope='module')
def zone(tmp_path_factory):
    path = tmp_path_factory.mktemp('tools') / 'zone'
    path.write_text(zones.rich(ZONE, random_names=5))
    return peers.Zone(ZONE, path, {'allow-transfer': '[127.0.0.1]'})


@pytest.fixture(scope='module')
def server(zone, portoland):
    with peers.Portolan([zone], settings='resolver: no') as running:
        yield running


def tool(name, *words, timeout_s=60, given=''):
    path = shutil.which(name, path='%s:/usr/sbin:/sbin' % os.environ.get('PATH', ''))
    if path is None:
        pytest.skip(name + ' is not installed')
    run = subprocess.run([path, *words], capture_output=True, text=True, timeout=timeout_s, check=False, input=given)
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize('transport', ['+notcp', '+tcp'])
def test_dig(server, transport):
    status, text = tool('dig', '@127.0.0.1', '-p', str(server.port), transport, 'www.' + ZONE, 'A')
    assert status == 0
    assert 'status: NOERROR' in text and re.search(r'flags: qr aa rd;', text) and 'WARNING: recursion requested but not available' in text
    assert re.search(r'^www\.tools\.test\.\s+1200\s+IN\s+CNAME\s+host\.tools\.test\.$', text, flags=re.M)
    assert re.search(r'^host\.tools\.test\.\s+1200\s+IN\s+A\s+192\.0\.2\.1$', text, flags=re.M)
    assert not re.search('malformed|extra bytes|mismatch|Warning: ID', text, flags=re.I)


def test_dig_of_a_resolver(zone, portoland):
    """Zones that are served beside resolving are answered with AA and RA; names of special use are known (RFC 6761)."""
    with peers.Portolan([zone]) as server:
        status, text = tool('dig', '@127.0.0.1', '-p', str(server.port), 'host.' + ZONE, 'A')
        assert status == 0 and 'flags: qr aa rd ra;' in text and 'WARNING' not in text
        status, text = tool('dig', '@127.0.0.1', '-p', str(server.port), '-x', '127.0.0.1')
        assert status == 0 and 'flags: qr rd ra;' in text and re.search(r'\sPTR\s+localhost\.$', text, flags=re.M) and 'WARNING' not in text


def test_dig_options(server):
    status, text = tool('dig', '@127.0.0.1', '-p', str(server.port), '+norec', '+nsid', '+expire', '+dnssec', ZONE, 'SOA')
    assert status == 0 and 'flags: qr aa;' in text and 'WARNING' not in text and 'flags: do' in text


def test_dig_transfer(server):
    status, text = tool('dig', '@127.0.0.1', '-p', str(server.port), ZONE, 'AXFR', '+nocomments')
    assert status == 0 and 'Transfer failed' not in text
    assert len(re.findall(r'\sSOA\s', text)) == 2 and 'XFR size: ' in text


@pytest.mark.parametrize('options', [['+notcp'], ['+tcp'], ['+tcp', '+keepopen'], ['+bufsize=512', '+ignore']])
def test_kdig(server, options):
    status, text = tool('kdig', '@127.0.0.1', '-p', str(server.port), *options, 'host.' + ZONE, 'AAAA')
    assert status == 0 and 'status: NOERROR' in text and '2001:db8::1' in text and 'WARNING' not in text.replace('WARNING: recursion', '')


def test_drill(server):
    status, text = tool('drill', '-p', str(server.port), '@127.0.0.1', ZONE, 'MX')
    assert status == 0 and 'rcode: NOERROR' in text and 'mail.tools.test.' in text


def test_version(server):
    status, text = tool('dig', '@127.0.0.1', '-p', str(server.port), '+short', 'version.bind', 'CH', 'TXT')
    assert status == 0 and text.strip() == '"Portolan"'


def test_nc(server):
    status, text = tool('nc', '-zv', '-w', '3', '127.0.0.1', str(server.port))
    assert status == 0 and 'succeeded' in text
    status, text = tool('nc', '-zuv', '-w', '1', '127.0.0.1', str(server.port))
    assert status == 0


def test_telnet(server):
    """A person who types at the port gets a closed connection, and nobody else notices."""
    status, text = tool('telnet', '127.0.0.1', str(server.port), given='GET / HTTP/1.0\r\n\r\n', timeout_s=30)
    assert 'Connected to 127.0.0.1' in text
    assert peers.soa_rcode('127.0.0.1', server.port, ZONE) == 0


def test_ss(server):
    status, text = tool('ss', '-tulnpH', 'sport = :%d' % server.port)
    assert status == 0
    kinds = {line.split()[0] for line in text.splitlines()}
    assert kinds == {'udp', 'tcp'}, text
    for line in text.splitlines():
        assert line.split()[4] == '127.0.0.1:%d' % server.port
        if 'users:' in line:
            assert 'portoland' in line and 'pid=%d' % server.pid in line


def on_port_53(path):
    """A server on port 53 of a loopback address that nobody else uses, where nmap asks as for DNS at once; on any port where that cannot be had."""
    try:
        with peers.Portolan([peers.Zone(ZONE, path)], address='127.53.53.1', port=53) as running:
            yield running
            return
    except RuntimeError:
        pass
    with peers.Portolan([peers.Zone(ZONE, path)]) as running:
        yield running


def test_nmap(tmp_path, portoland):
    """-sU and -sS take root; without it the connect scan sees the same over TCP."""
    path = tmp_path / 'zone'
    path.write_text(zones.tiny(ZONE))
    for server in on_port_53(path):
        common = ['-Pn', '-n', '-sV', '-p', 'T:%d,U:%d' % (server.port, server.port), server.address]
        status, text = tool('nmap', '-sU', '-sS', *common, timeout_s=240) if os.geteuid() == 0 else (1, 'requires root')
        if 'Operation not permitted' in text or 'requires root' in text:
            status, text = tool('nmap', '-sT', *common, timeout_s=240)
        else:
            assert re.search(r'^%d/udp\s+open\s+domain\b' % server.port, text, flags=re.M), text
        assert status == 0 and re.search(r'^%d/tcp\s+open\s+domain\b' % server.port, text, flags=re.M), text


def test_closed_afterwards(tmp_path, portoland):
    """Nothing listens once the server has ended."""
    path = tmp_path / 'zone'
    path.write_text(zones.tiny(ZONE))
    with peers.Portolan([peers.Zone(ZONE, path)]) as running:
        port = running.port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        assert sock.connect_ex(('127.0.0.1', port)) != 0
