"""Clients of a host for a ``Load``: by SMTP to a real MTA, or at the milter socket in the MTA's place."""

import smtplib
import time
from collections.abc import Sequence
from pathlib import Path

from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.verdict_header import SealProblem, unseal
from reply_text.syntax.message_file import split
from tests.faults.letters import Letter
from tests.faults.retrying import UNTAGGED, Answer
from tests.wire.milter_client import CHANGE_HEADER, CONTINUE, DISCARD, INSERT_HEADER, REPLYCODE, TEMPFAIL, Mta
from tests.wire.milter_client import Answer as Said

_SESSION = 20  # messages on one connection, as an MTA keeps one for a while
ALICE = "alice@client.example"


class Stopwatch:
    """Times commands: the ``last`` one, and the ``slowest``."""

    def __init__(self) -> None:
        self.last = self.slowest = 0.0
        self._began = time.monotonic()

    def begin(self) -> None:
        """Start timing a command."""
        self._began = time.monotonic()

    def end(self) -> None:
        """Stop timing: the answer arrived, or the connection was lost."""
        self.last = time.monotonic() - self._began
        self.slowest = max(self.slowest, self.last)


class SmtpClient:
    """Sends by SMTP to 127.0.0.1 ``port``."""

    def __init__(self, port: int, timeout: float = 60.0) -> None:
        self._port, self._timeout = port, timeout
        self._client: smtplib.SMTP | None = None
        self._left = 0

    def attempt(self, letter: Letter) -> Answer:
        """See ``retrying.Client``. Starts a new session after a 4xx: Postfix repeats it within one."""
        watch = Stopwatch()
        try:
            client = self._connected(watch)
            text = self._send(client, letter, watch)
        except (smtplib.SMTPException, OSError):
            watch.end()
            self.close()
            return Answer("", watch.last, watch.slowest)
        if text[:1] != "2":
            self.close()
        return Answer(text, watch.last, watch.slowest)

    def close(self) -> None:
        """See ``retrying.Client``."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self, watch: Stopwatch) -> smtplib.SMTP:
        if self._client is None or not self._left:
            self.close()
            watch.begin()
            self._client = smtplib.SMTP("127.0.0.1", self._port, timeout=self._timeout)
            self._client.ehlo("client.example")
            watch.end()
            self._left = _SESSION
        self._left -= 1
        return self._client

    @staticmethod
    def _send(client: smtplib.SMTP, letter: Letter, watch: Stopwatch) -> str:
        commands = (f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{letter.minted.address}>", "DATA")
        for command in commands:
            watch.begin()
            code, text = client.docmd(command)
            watch.end()
            if code >= 400:
                return f"{code} {text.decode()}"
        watch.begin()
        client.send(letter.message + b".\r\n")
        code, text = client.getreply()
        watch.end()
        return f"{code} {text.decode()}"


class MilterClient:
    """Talks to the milter socket as an MTA. Reads the verdict that the milter inserts into an accepted message."""

    def __init__(self, path: Path, seal_keys: Sequence[bytes], timeout: float = 15.0) -> None:
        self._path, self._seal_keys, self._timeout = path, seal_keys, timeout
        self._mta: Mta | None = None
        self._left = 0

    def attempt(self, letter: Letter) -> Answer:
        """See ``retrying.Client``."""
        watch = Stopwatch()
        try:
            said = self._send(self._connected(watch), letter, watch)
        except OSError:
            watch.end()
            self.close()
            return Answer("", watch.last, watch.slowest)
        arrival = arrived(said, letter, self._seal_keys) if said.code == CONTINUE else ""
        return Answer(in_words(said), watch.last, watch.slowest, arrival)

    def close(self) -> None:
        """See ``retrying.Client``."""
        if self._mta is not None:
            self._mta.socket.close()
            self._mta = None

    def _connected(self, watch: Stopwatch) -> Mta:
        if self._mta is None or not self._left:
            self.close()
            watch.begin()
            self._mta = opened(self._path, self._timeout)
            watch.end()
            self._left = _SESSION
        self._left -= 1
        return self._mta

    def _send(self, mta: Mta, letter: Letter, watch: Stopwatch) -> Said:
        watch.begin()
        said = ask_for(mta, letter)
        watch.end()
        if said.code != CONTINUE:
            mta.abort()
            return said
        hand_over(mta, letter)
        watch.begin()
        said = mta.end_of_message(f"4B{letter.seq:08X}")
        watch.end()
        return said


def opened(path: Path, timeout: float) -> Mta:
    """Connect to the milter, and send the client's address."""
    mta = Mta(path, timeout=timeout)
    try:
        mta.connect()
    except OSError:
        mta.socket.close()
        raise
    return mta


def ask_for(mta: Mta, letter: Letter) -> Said:
    """Send MAIL and RCPT; return the answer to RCPT."""
    mta.mail(f"<{ALICE}>")
    address = letter.minted.address
    return mta.rcpt(f"<{address}>", address)


def hand_over(mta: Mta, letter: Letter) -> None:
    """Send header and body, without the end of message."""
    fields, body = split(letter.message)
    for name, value in fields:
        mta.header(name, value.strip())
    mta.body(body)


def in_words(said: Said) -> str:
    """Return the answer that an SMTP client would get."""
    words = {CONTINUE: "250 queued", DISCARD: "250 discarded", TEMPFAIL: "451 4.7.1 by the milter's word"}
    return said.text if said.code == REPLYCODE else words[said.code]


def arrived(said: Said, letter: Letter, seal_keys: Sequence[bytes]) -> str:
    """Return the replay tag of the verdict in the milter's edits; UNTAGGED if its seal does not match the message."""
    inserted = [data[4:].split(b"\0") for code, data in said.edits if code == INSERT_HEADER]
    verdicts = [words[1].decode() for words in inserted if words[0].decode() == VERDICT]
    assert not any(code == CHANGE_HEADER for code, _ in said.edits), "nothing was there to be changed"
    tags = unseal(verdicts, seal_keys)
    digest = BodyDigest()
    digest.feed(split(letter.message)[1])
    if isinstance(tags, SealProblem) or tags["body"] != digest.text():
        return UNTAGGED
    return tags["replay"]
