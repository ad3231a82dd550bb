"""An LMTP probe: whether something greets at the delivery hook's socket."""

from reply_milter.adapters.clients.connecting import connected


def greets(path: str, host: str, port: int, seconds: float) -> bool:
    """Return whether something at a unix socket, or at ``host`` and ``port``, greets (RFC 5321 section 3.1)."""
    try:
        with connected(path, host, port, seconds) as connection:
            greeting = connection.recv(4)
            connection.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except OSError:
        return False
