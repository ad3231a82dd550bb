"""One mail host for all system tests of a module; starting one takes a second or two."""

from collections.abc import Iterator

import pytest

from site_under_test import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A Postfix with Debian's chrooted master.cf and a daemon that is not root."""
    running = Site()
    try:
        yield running.start()
    finally:
        running.stop()
