"""Scenarios need a network namespace and libfaketime (scripts/peers unpacks it); without, they are skipped with the reason."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import driver  # noqa: E402
import network  # noqa: E402
import stage as stages  # noqa: E402


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
