"""The tests' own signer (tests/lib/zone_signer.c), whose zones the simulator's DNSSEC world is made of, against other people's verifiers:
what it signs without faults is good to ldns, to the tool and to verify_tool, and always the same."""

import subprocess
import time

import peers
import pytest

import zones

ORIGIN = 'rich.test.'
ALGORITHMS = {5: 'RSASHA1', 7: 'RSASHA1-NSEC3-SHA1', 8: 'RSASHA256', 10: 'RSASHA512', 13: 'ECDSAP256SHA256', 14: 'ECDSAP384SHA384', 15: 'ED25519', 16: 'ED448'}


@pytest.fixture(scope='module')
def directory():
    path = peers.PROGRAMS.parent / 'tests'
    assert (path / 'sign_tool').exists(), 'no sign_tool in %s: scripts/test builds it' % path
    return path


def sign(directory, tmp_path, denial, algorithm, seed=1):
    path = tmp_path / 'zone'
    path.write_text(zones.rich(ORIGIN, seed=seed, random_names=40))
    run = subprocess.run([directory / 'sign_tool', ORIGIN, path, denial, str(algorithm), str(int(time.time()))], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    signed = tmp_path / 'signed'
    signed.write_text(run.stdout)
    return signed


@pytest.mark.parametrize('denial', ['nsec', 'nsec3', 'optout'])
@pytest.mark.parametrize('algorithm', ALGORITHMS)
def test_ldns_verifies(directory, tmp_path, denial, algorithm):
    signed = sign(directory, tmp_path, 'nsec' if algorithm == 5 else denial, algorithm)
    run = subprocess.run(['ldns-verify-zone', signed], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, (run.stdout + run.stderr)[-2000:]


@pytest.mark.parametrize('denial', ['nsec', 'nsec3', 'optout'])
@pytest.mark.parametrize('seed', [1, 2])
def test_chain_says_what_the_zone_says(directory, tmp_path, denial, seed):
    signed = sign(directory, tmp_path, denial, 13, seed)
    run = subprocess.run([directory / 'verify_tool', ORIGIN, signed, str(int(time.time())), '600'], capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize('algorithm', ALGORITHMS)
def test_portolan_verifies(portolan, directory, tmp_path, algorithm):
    signed = sign(directory, tmp_path, 'nsec', algorithm)
    command = [portolan, 'zone', 'check', '--quiet', '--policy', 'all=ignore', '--verify', ORIGIN, str(signed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, '')


def test_is_repeatable(directory, tmp_path):
    now = str(int(time.time()))
    path = tmp_path / 'zone'
    path.write_text(zones.rich(ORIGIN, random_names=5))
    for algorithm in ALGORITHMS:
        runs = [subprocess.run([directory / 'sign_tool', ORIGIN, path, 'nsec', str(algorithm), now], capture_output=True, check=True, timeout=60).stdout for _ in range(2)]
        assert runs[0] == runs[1] and len(runs[0]) > 1000
