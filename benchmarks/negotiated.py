"""What a milter negotiates, asked as Postfix asks. A milter's address is a path, or ``inet:PORT`` on 127.0.0.1."""

import socket
import struct
from contextlib import suppress

from benchmarks.processes import BenchmarkError

_OFFER = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
_QUIT = struct.pack("!Ic", 1, b"Q")
_ANSWER = 17
_SECONDS = 15.0


def port_of(address: str) -> int | None:
    """The port, if it is one of TCP."""
    return int(address.removeprefix("inet:")) if address.startswith("inet:") else None


def connect(address: str) -> socket.socket:
    """Connect to a milter. Raises OSError."""
    port = port_of(address)
    made = socket.socket(socket.AF_UNIX if port is None else socket.AF_INET)
    made.settimeout(_SECONDS)
    try:
        made.connect(address if port is None else ("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


def listens(address: str) -> bool:
    """Whether it takes connections."""
    with suppress(OSError), connect(address) as made:
        made.sendall(_QUIT)
        return True
    return False


def steps_of(address: str) -> int:
    """The steps (SMFIP_*) that the milter at ``address`` declines or leaves unanswered.

    Raises:
        BenchmarkError: it does not negotiate.
    """
    with connect(address) as made:
        made.sendall(_OFFER)
        answer = b""
        while len(answer) < _ANSWER and (piece := made.recv(_ANSWER - len(answer))):
            answer += piece
        if len(answer) < _ANSWER or answer[4:5] != b"O":
            raise BenchmarkError(f"the milter at {address} does not negotiate: {answer!r}")
        made.sendall(_QUIT)
    return int(struct.unpack("!I", answer[13:])[0])
