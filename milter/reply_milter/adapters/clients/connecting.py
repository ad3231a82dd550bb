"""A stream connection, to a unix socket or over TCP."""

import socket


def connected(path: str, host: str, port: int, seconds: float) -> socket.socket:
    """Connect to the unix socket ``path``, or to ``host`` and ``port`` if that is empty; ``seconds`` is its time-out.

    Raises:
        OSError: nothing accepts the connection.
    """
    if not path:
        over_tcp = socket.create_connection((host, port), seconds)
        # A packet that needs no answer is acknowledged after 40 ms only; the next one must not wait for that.
        over_tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return over_tcp
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection
