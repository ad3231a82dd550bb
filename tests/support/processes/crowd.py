"""A program that connects to a port of 127.0.0.1 in a loop, and holds what it has: ``crowd.py PORT HOW``.

HOW: ``hold`` says nothing, ``close`` hangs up at once, ``hello`` begins with TLS and goes no further, ``ask`` asks for
the metrics and does not read them. With ``-spread`` behind it, from ever other addresses of 127.0.0.0/8. Writes a line
when it has begun in earnest, and ends when its standard input does.
"""

import contextlib
import itertools
import os
import select
import socket
import sys
from collections import deque

HELD = 900
SAID = {
    "hold": b"",
    "close": b"",
    "hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "ask": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
}


def main() -> None:
    """Crowd the port."""
    port, (how, _, spread) = int(sys.argv[1]), sys.argv[2].partition("-")
    held: deque[socket.socket] = deque()
    for number in itertools.count():
        held.append(_connected(port, how, number if spread else 0))
        while len(held) > (20 if how == "close" else HELD):
            held.popleft().close()
        if number == HELD:
            os.write(1, b"begun\n")
        if number % 50 == 0 and select.select([0], [], [], 0)[0]:
            return


def _connected(port: int, how: str, number: int) -> socket.socket:
    client = socket.socket()
    client.settimeout(1.0)
    with contextlib.suppress(OSError):
        if number:
            client.bind((f"127.{1 + number // 65000 % 250}.{number // 250 % 256}.{2 + number % 250}", 0))
        client.connect(("127.0.0.1", port))
        client.sendall(SAID[how])
    return client


if __name__ == "__main__":
    main()
