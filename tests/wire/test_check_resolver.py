"""What `portolan check` says of servers that resolve: for whom, and how well."""

import fcntl
import json
import os
import re
import socket
import struct

import peers
import pytest
import streams
import zones

ROOT = """$ORIGIN .
$TTL 300
@ SOA ns. hostmaster. 1 3600 900 604800 300
@ NS ns.
ns A 192.0.2.1
"""


@pytest.fixture(scope='module')
def root(tmp_path_factory, portoland):
    """A signed root zone, its server, and its key as a trust anchor."""
    path = tmp_path_factory.mktemp('root') / 'root.zone'
    path.write_text(ROOT)
    try:
        signed = zones.sign(path, '.', 'ldns')
    except zones.SigningFailed as error:
        pytest.skip(str(error))
    with peers.Portolan([peers.Zone('.', signed)], settings='resolver: no') as running:
        running.anchor = ' '.join(re.search(r'^\.\s+\d+\s+IN\s+DNSKEY\s+257 3 .*?(?=;|$)', signed.read_text(), flags=re.M).group(0).split())
        yield running


def check(server):
    run = server.tool('check', '%s:%d' % (server.address, server.port), '--json')
    findings = json.loads(run.stdout)['findings']
    return run.returncode, {one['probe']: one['verdict'] for one in findings}, {one['probe']: one['text'] for one in findings}


def resolving(root, more='', **others):
    settings = 'resolver:\n  trust-anchors: ["%s"]\n  forward: { ".": "127.0.0.1:%d" }\n%s' % (root.anchor, root.port, more)
    return peers.Portolan([], settings=settings, **others)


def test_a_good_resolver(root, portolan):
    with resolving(root) as server:
        status, verdicts, texts = check(server)
        assert status == 0 and 'bad' not in verdicts.values(), texts
        assert (verdicts['open-recursion'], verdicts['resolution'], verdicts['validation']) == ('good', 'good', 'good'), texts


def test_a_resolver_that_does_not_validate(root, portolan):
    with resolving(root, '  validate: no\n') as server:
        status, verdicts, texts = check(server)
        assert (status, verdicts['resolution'], verdicts['validation']) == (0, 'good', 'note'), texts


def test_a_resolver_that_can_reach_nothing(portolan):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(('127.0.0.1', 0))
        settings = 'resolver: { validate: no, forward: { ".": "127.0.0.1:%d" } }' % closed.getsockname()[1]
        closed.close()
        with peers.Portolan([], settings=settings) as server:
            status, verdicts, texts = check(server)
    assert (status, verdicts['open-recursion'], verdicts['resolution']) == (1, 'good', 'bad') and 'validation' not in verdicts, texts
    assert re.search(r'SERVFAIL \(extended error 2[23]: .*127\.0\.0\.1', texts['resolution']), texts


def test_a_server_that_resolves_for_others_only(root, portolan):
    with resolving(root, '  allow: [192.0.2.0/24]\n') as server:
        status, verdicts, texts = check(server)
        assert (status, verdicts['open-recursion']) == (0, 'good') and 'resolution' not in verdicts, texts


def at_an_address_of_its_own(zone, address, verdict, status):
    """Asked at an address that is not a loopback's, from there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        own = b'lo:1'.ljust(16, b'\0') + struct.pack('=HH4s', socket.AF_INET, 0, socket.inet_aton(address)).ljust(24, b'\0')
        fcntl.ioctl(control, 0x8916, own)  # SIOCSIFADDR
    with peers.Portolan([peers.Zone('.', zone)], address=address, settings='resolver: { allow: any }') as server:
        result, verdicts, texts = check(server)
    assert (result, verdicts['open-recursion'], verdicts['resolution']) == (status, verdict, 'good'), texts


@pytest.mark.skipif(os.geteuid() != 0, reason='takes root')
@pytest.mark.parametrize('address,verdict,status', [('198.51.100.7', 'bad', 1), ('10.1.2.3', 'note', 0)])
def test_whom_it_resolves_for(address, verdict, status, tmp_path, portolan):
    path = tmp_path / 'root.zone'
    path.write_text(ROOT)
    result = streams.in_namespace(lambda: at_an_address_of_its_own(path, address, verdict, status))
    if result is None:
        pytest.skip('no network namespaces here')
    assert result == ''
