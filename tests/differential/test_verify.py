"""Validation against other people's signers: BIND, ldns and Knot DNS sign a rich zone with every algorithm and every denial; verify_tool
(tests/lib/verify_tool.c) must find every signature valid, every changed one not, and must hear from the NSEC and NSEC3 records exactly
what the zone's data says."""

import lzma
import re
import subprocess
import time

import peers
import pytest

import zones

ORIGIN = 'rich.test.'
NAMES = 1500  # random names asked about
SIGNERS = ['bind', 'ldns', 'knot']
ALGORITHMS = ['RSASHA1', 'RSASHA1-NSEC3-SHA1', 'RSASHA256', 'RSASHA512', 'ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519', 'ED448']
DENIALS = ['nsec', 'nsec3', 'optout']


@pytest.fixture(scope='module')
def tool():
    path = peers.PROGRAMS.parent / 'tests' / 'verify_tool'
    if not path.exists():
        pytest.skip('no %s' % path)
    return str(path)


def judge(tool, origin, path, seconds, names):
    run = subprocess.run([tool, origin, str(path), str(seconds), str(names)], capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    return {line.split()[0]: line.split() for line in run.stdout.splitlines()}


def sign(path, signer, denial, algorithm):
    try:
        return zones.sign(path, ORIGIN, signer, denial, algorithm)
    except zones.SigningFailed as failure:
        pytest.skip(str(failure)[:200])


@pytest.mark.parametrize('signer', SIGNERS)
@pytest.mark.parametrize('algorithm', ALGORITHMS)
def test_every_algorithm(tool, tmp_path, signer, algorithm):
    path = tmp_path / 'zone'
    path.write_text(zones.rich(ORIGIN, random_names=40))
    denial = 'nsec' if algorithm == 'RSASHA1' else 'nsec3'
    figures = judge(tool, ORIGIN, sign(path, signer, denial, algorithm), int(time.time()), 50)
    assert int(figures['signatures'][1]) > 300
    assert int(figures['signatures'][3]) > 1000


@pytest.mark.parametrize('signer', SIGNERS)
@pytest.mark.parametrize('denial', DENIALS)
@pytest.mark.parametrize('seed', [1, 2])
def test_every_denial(tool, tmp_path, signer, denial, seed):
    path = tmp_path / 'zone'
    path.write_text(zones.rich(ORIGIN, seed=seed))
    figures = judge(tool, ORIGIN, sign(path, signer, denial, 'ECDSAP256SHA256'), int(time.time()), NAMES)
    kind, _, proven, _, opt_out, _, refused = figures['denial'][1:]
    assert kind == ('NSEC' if denial == 'nsec' else 'NSEC3')
    assert int(refused) > NAMES and int(proven) > (NAMES // 5 if denial == 'optout' else NAMES)
    assert (int(opt_out) > 0) == (denial == 'optout')


@pytest.mark.parametrize('maker', [zones.apex_wildcard, zones.child, zones.tiny])
@pytest.mark.parametrize('denial', DENIALS)
def test_small_zones(tool, tmp_path, maker, denial):
    path = tmp_path / 'zone'
    path.write_text(maker(ORIGIN))
    judge(tool, ORIGIN, sign(path, 'bind', denial, 'ECDSAP256SHA256'), int(time.time()), NAMES)


def test_root_of_2017(tool, tmp_path, data_directory):
    path = tmp_path / 'root'
    path.write_bytes(lzma.open(data_directory / 'root' / 'root-2017-signed.zone.xz').read())
    signatures = len(re.findall(rb'\sIN\s+RRSIG\s', path.read_bytes()))
    figures = judge(tool, '.', path, '20170825000000', 1000)
    assert int(figures['signatures'][1]) == signatures
    assert figures['keys'][3] == '1'


@pytest.mark.parametrize('signer', SIGNERS)
def test_zone_check_verify(portolan, tmp_path, signer):
    """The tool finds what was changed behind the signer's back, and nothing else."""
    path = tmp_path / 'zone'
    path.write_text(zones.rich(ORIGIN, random_names=0))
    signed = sign(path, signer, 'nsec', 'ECDSAP256SHA256')
    command = [portolan, 'zone', 'check', '--quiet', '--policy', 'all=ignore', '--verify', ORIGIN, str(signed)]
    good = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (good.returncode, good.stderr) == (0, '')
    text, count = re.subn(r'192\.0\.2\.60\b', '192.0.2.61', signed.read_text())
    assert count == 1
    signed.write_text(text)
    bad = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert bad.returncode == 1
    assert bad.stderr.count('error:') == 1 and 'the signature over A by key' in bad.stderr and '[rrsig-invalid]' in bad.stderr
