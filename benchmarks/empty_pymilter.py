"""The reference: two milters on pymilter that do nothing. Arguments: SOCKET, WORKERS, and ``plain`` or ``spare``.

``plain`` is the first example of pymilter's documentation: a class whose callbacks all return CONTINUE. ``spare`` gets
only the steps that reply-milter gets, answers only those that it answers, and skips bodies. So its cost is that of
pymilter and libmilter, and the difference to reply-milter's cost is reply-milter's own.
"""

import os
import sys

import Milter


class Plain(Milter.Base):  # type: ignore[misc]
    """Gets every step and answers each."""

    def connect(self, *_: object) -> int:
        """A client."""
        return int(Milter.CONTINUE)

    def hello(self, *_: object) -> int:
        """HELO."""
        return int(Milter.CONTINUE)

    def envfrom(self, *_: object) -> int:
        """MAIL."""
        return int(Milter.CONTINUE)

    def envrcpt(self, *_: object) -> int:
        """RCPT."""
        return int(Milter.CONTINUE)

    def header(self, *_: object) -> int:
        """A field."""
        return int(Milter.CONTINUE)

    def eoh(self) -> int:
        """End of header."""
        return int(Milter.CONTINUE)

    def body(self, _chunk: bytes) -> int:
        """A piece of the body."""
        return int(Milter.CONTINUE)

    def eom(self) -> int:
        """End of message."""
        return int(Milter.CONTINUE)


class Spare(Milter.Base):  # type: ignore[misc]
    """Gets the steps that reply-milter gets."""

    @Milter.noreply  # type: ignore[untyped-decorator]
    def connect(self, *_: object) -> int:
        """A client."""
        return int(Milter.CONTINUE)

    @Milter.noreply  # type: ignore[untyped-decorator]
    def envfrom(self, *_: object) -> int:
        """MAIL."""
        return int(Milter.CONTINUE)

    def envrcpt(self, *_: object) -> int:
        """RCPT."""
        return int(Milter.CONTINUE)

    @Milter.noreply  # type: ignore[untyped-decorator]
    def header(self, *_: object) -> int:
        """A field."""
        return int(Milter.CONTINUE)

    def body(self, _chunk: bytes) -> int:
        """The first piece of the body is the last."""
        return int(Milter.SKIP)

    def eom(self) -> int:
        """End of message."""
        return int(Milter.CONTINUE)


def serve(kind: str, socket: str, workers: int) -> None:
    """Answer on one listening socket from ``workers`` processes, until killed. Sets libmilter up as ``runmilter``."""
    Milter.factory = {"plain": Plain, "spare": Spare}[kind]
    Milter.set_flags(Milter.ADDHDRS)
    run = Milter.milter.main

    def fork_and_run() -> None:
        for _ in range(workers - 1):
            if os.fork() == 0:
                break
        run()

    Milter.milter.main = fork_and_run
    Milter.runmilter("empty", f"unix:{socket}", 0)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
