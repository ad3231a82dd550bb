"""Where the page for Prometheus listens, and what is said where it can't."""

import pytest

from reply_milter.processes.sockets import open_page
from reply_milter.processes.state_folder import StartError


@pytest.mark.parametrize("host,shown", [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_port_in_use_is_reported_as_the_configuration_writes_it(host: str, shown: str) -> None:
    """So that it can be looked for there."""
    with open_page(host, 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(StartError) as told:
            open_page(host, port)
    assert str(told.value) == f"metrics.listen: cannot use {shown}:{port}: Address already in use"
