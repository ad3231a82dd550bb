"""Both engines: what one of them does on the wire, the other does, too."""

import pytest

from tests.support.processes.engine import ENGINES


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """What speaks the milter protocol."""
    return str(request.param)
