"""Scenarios need a network namespace and libfaketime (scripts/peers unpacks it); without, they are skipped with the reason."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import authority  # noqa: E402
import driver  # noqa: E402
import network  # noqa: E402
import stage as stages  # noqa: E402
import world  # noqa: E402

UNPROMPTED = '60.0.99.1'


@pytest.fixture(scope='session')
def namespace(portoland):
    if driver.fake_clock_library() is None:
        pytest.skip('no libfaketime here (scripts/peers unpacks it)')
    try:
        network.enter()
    except network.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def stage(namespace):
    with stages.Stage() as made:
        yield made


@pytest.fixture(scope='session', autouse=True)
def unprompted(namespace, tmp_path_factory):
    """Resolvers that follow rollovers, signal their keys, do both, do neither, beside a root of their own; nobody asks them anything."""
    key = authority.Key('.')
    root = authority.Zone('.', world.ROOT_TEXT.replace(world.ROOT, UNPROMPTED), key, driver.START_S - 86400, driver.START_S + 86400)
    with stages.Stage() as stage:
        stage.server('unprompted', [UNPROMPTED], root)
        resolvers = []
        for number, (follows, signals) in enumerate([('no', 'no'), ('no', 'yes'), ('yes', 'no'), ('yes', 'yes')]):
            settings = 'trust-anchors: "%s"\nfollow-rollovers: %s\nkey-tag-signalling: %s' % (key.ds_text(), follows, signals)
            address = '10.53.3.%d' % number
            resolvers.append(driver.Resolver(tmp_path_factory.mktemp('unprompted'), world.HINTS.replace(world.ROOT, UNPROMPTED), settings, address=address, sources=[address]))
        try:
            for resolver in resolvers:
                resolver.start()
            yield SimpleNamespace(began_s=time.monotonic(), stage=stage, resolvers=resolvers, key=key)
        finally:
            for resolver in resolvers:
                resolver.stop()
                resolver.remove()
