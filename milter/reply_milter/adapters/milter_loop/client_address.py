"""A client's IP address, written as libmilter's Python binding writes it: one spelling for each."""

import socket

from reply_milter.core.milter_protocol.arguments import Client

_V6_MARK = "IPv6:"  # Sendmail writes it


def client_address(client: Client) -> str | None:
    """Return the address; empty for a client that has none, None where it is no address."""
    if client.family not in b"46":
        return ""
    text = client.address.decode("latin-1")
    try:
        if client.family == ord("4"):
            return socket.inet_ntoa(socket.inet_aton(text))
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text.removeprefix(_V6_MARK)))
    except (OSError, ValueError):
        return None
