"""The closed internet for these tests: made once, kept in build/internet. The process that runs the tests moves into a network namespace
of its own; where that is not allowed, or the servers cannot be had, all of them are skipped with the reason.

PORTOLAN_LEAVES sets the number of leaf zones (300; 20000 is the full internet). PORTOLAN_QUESTIONS sets how many questions are compared."""

import fcntl
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1]
sys.path.insert(0, str(HERE))

import network  # noqa: E402
import peers  # noqa: E402
import servers  # noqa: E402
import world as worlds  # noqa: E402

LEAVES = int(os.environ.get('PORTOLAN_LEAVES', 300))
NEEDED = ['nsd', 'knotd', 'named', 'unbound', 'kresd', 'ldns-signzone', 'dnssec-signzone', 'kzonesign']


@pytest.fixture(scope='session')
def namespace():
    missing = [name for name in NEEDED if peers.peer_program(name) is None]
    if missing:
        pytest.skip('not here: %s (scripts/peers unpacks them)' % ', '.join(missing))
    try:
        network.enter()
    except network.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope='session')
def internet(namespace):
    """The servers of the world, running."""
    kept = TREE / 'build' / 'internet'
    kept.mkdir(parents=True, exist_ok=True)
    with open(kept / ('%d.lock' % LEAVES), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = worlds.make(kept / str(LEAVES), LEAVES)
    with servers.Internet(made) as running:
        yield running


@pytest.fixture(scope='session')
def world(internet):
    return internet.world


def _resolver(kind, world):
    with servers.RESOLVERS[kind](world) as server:
        assert servers.wait_for(server, 'com.'), '%s resolves nothing: %s' % (kind, server.log()[-3000:])
        yield server


@pytest.fixture(scope='module')
def portolan_resolver(world, portoland):
    yield from _resolver('portolan', world)


@pytest.fixture(scope='module')
def unbound(world):
    yield from _resolver('unbound', world)


@pytest.fixture(scope='module')
def kresd(world):
    yield from _resolver('kresd', world)
