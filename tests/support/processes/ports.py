"""TCP ports of loopback for servers of tests that run side by side."""

import random
import socket

# Below the ports that the kernel gives to clients (ip_local_port_range): a free one of these may soon be in use. A
# Cluster's bus takes the port 10,000 above.
_PORTS = range(10_000, 22_000)
_given: set[int] = set()
_draw = random.SystemRandom()  # not the seeded generator of the tests


def free_port() -> int:
    """Return a port that no server uses now, and that this process has not had before."""
    while True:
        port = _draw.choice(_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Whether somebody takes connections at it."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
