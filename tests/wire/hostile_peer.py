"""A peer that breaks the milter protocol, another client's message meanwhile, and the worker's resources."""

import contextlib
import os
import struct
from pathlib import Path

from reply_milter.core.token.mint import MintedAddress
from tests.support.processes.daemon_process import wait_until
from tests.wire.milter_alone import Milter
from tests.wire.milter_client import ALL_ACTIONS, ALL_STEPS, CONTINUE, INSERT_HEADER, Answer, Mta

_SOON = 20.0  # seconds; a worker ends in milliseconds what its peer has ended, on a machine that has time
_PATIENCE = 15.0
_SPARE = 6  # descriptors and threads that come and go by themselves: connections to the store, libmilter's pool


class Peer:
    """Connections to the milter's socket that stay open until the end of the ``with``, after any input."""

    def __init__(self, milter: Milter) -> None:
        self._milter = milter
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def connect(self, steps: int = ALL_STEPS, negotiate: bool = True) -> Mta:
        """One more connection."""
        return self._open.enter_context(Mta(self._milter.socket, steps, negotiate))

    def negotiates(
        self, version: int = 6, actions: int = ALL_ACTIONS, steps: int = ALL_STEPS, more: bytes = b""
    ) -> Mta:
        """A connection on which only that was said."""
        mta = self.connect(negotiate=False)
        mta.send(b"O", struct.pack("!III", version, actions, steps) + more)
        return mta

    def says(self, *octets: bytes, negotiate: bool = True) -> Mta:
        """A connection on which the peer says something that is no packet. It may be hung up on in between."""
        mta = self.connect(negotiate=negotiate)
        with contextlib.suppress(ConnectionError):
            for piece in octets:
                mta.socket.sendall(piece)
        return mta

    def is_in_a_message(self, steps: int = ALL_STEPS) -> tuple[Mta, MintedAddress]:
        """A connection on which a genuine reply has come as far as its header."""
        mta, minted = self.connect(steps), self._milter.mint()
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"<{minted.address}>", minted.address).code == CONTINUE
        return mta, minted


class Bystander:
    """A client whose message begins before a peer misbehaves, and ends meanwhile."""

    def __init__(self, milter: Milter, patience: float = _PATIENCE) -> None:
        self._minted = milter.mint()
        self._mta = Mta(milter.socket)
        self._mta.socket.settimeout(patience)
        self._mta.connect()
        self._mta.mail()
        assert self._mta.rcpt(f"<{self._minted.address}>", self._minted.address).code == CONTINUE

    def __enter__(self) -> "Bystander":
        return self

    def __exit__(self, *_: object) -> None:
        self._mta.socket.close()

    def finishes(self) -> Answer:
        """The rest of the message."""
        fields = {"From": "alice@client.example", "In-Reply-To": f"<{self._minted.message_id}>", "Message-ID": "<1@x>"}
        for name, value in fields.items():
            self._mta.header(name, value)
        self._mta.body(b"Yes.\r\n")
        return self._mta.end_of_message()


def is_served(milter: Milter, tries: int = 1) -> bool:
    """Return whether a new client's message, or its retry, is accepted and sealed."""
    for _ in range(tries):
        with contextlib.suppress(TimeoutError), Bystander(milter, _PATIENCE / tries) as newcomer:
            return was_taken(newcomer.finishes())
    return False


def was_taken(answer: Answer) -> bool:
    """Whether this is the answer to a good reply."""
    return answer.code == CONTINUE and [code for code, _ in answer.edits] == [INSERT_HEADER]


class Footprint:
    """What the one worker holds, noted before a peer misbehaves."""

    def __init__(self, milter: Milter) -> None:
        self._milter = milter
        (self._worker,) = milter.daemon.workers()
        self._descriptors, self._threads = self._held("fd"), self._held("task")
        self._tracebacks = milter.daemon.log().count("Traceback")

    def _held(self, what: str) -> int:
        return len(os.listdir(Path(f"/proc/{self._worker}/{what}")))

    def comes_back(self) -> None:
        """The same worker, without an internal error, uses no more resources than before."""
        assert self._milter.daemon.workers() == [self._worker], "the worker died"
        assert self._milter.daemon.log().count("Traceback") == self._tracebacks, self._milter.daemon.log()[-2000:]
        wait_until(lambda: self._held("fd") <= self._descriptors + _SPARE, _SOON, "descriptors come back")
        wait_until(lambda: self._held("task") <= self._threads + _SPARE, _SOON, "threads come back")
