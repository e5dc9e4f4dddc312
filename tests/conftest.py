"""What every Python test finds: tests/lib on the module path, and the programs under test."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / 'lib'))

import peers  # noqa: E402


@pytest.fixture(scope='session')
def portoland():
    """Path of the server under test."""
    path = peers.PROGRAMS / 'portoland'
    assert path.exists(), 'no %s: run `make build`, or set PORTOLAN_BIN' % path
    return str(path)


@pytest.fixture(scope='session')
def portolan():
    """Path of the tool under test."""
    path = peers.PROGRAMS / 'portolan'
    assert path.exists(), 'no %s: run `make build`, or set PORTOLAN_BIN' % path
    return str(path)


@pytest.fixture(scope='session')
def data_directory():
    """The directory of real-world data, when there is one here."""
    path = os.environ.get('PORTOLAN_DATA')
    if not path or not Path(path).is_dir():
        pytest.skip('PORTOLAN_DATA is not set')
    return Path(path)
