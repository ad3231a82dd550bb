"""Another LMTP server: the envelope, its answers, its silence."""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.verdict.destination import LmtpRelay
from tests.contract.handlers.given import NAMES, now, reply
from tests.support.processes.daemon_process import USER, wait_until


@dataclass
class Sink:
    """Postfix's smtp-sink as an LMTP server that keeps what it takes, and misbehaves as its flags say."""

    folder: Path
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, *flags: str) -> LmtpRelay:
        """One more of them."""
        place = self.folder / f"lmtp{len(self.running)}"
        command = ["/usr/sbin/smtp-sink", "-L", "-d", f"{self.folder}/taken/%M.", *flags, f"unix:{place}", "10"]
        if os.geteuid() == 0:
            command[1:1] = ["-u", USER]
        self.running.append(subprocess.Popen(command, cwd=self.folder))
        wait_until(place.exists, 10, "smtp-sink listens")
        return LmtpRelay(path=str(place), timeout_seconds=2)

    def taken(self) -> list[str]:
        """What it has."""
        return [path.read_text() for path in (self.folder / "taken").iterdir()]

    def stop(self) -> None:
        """End all."""
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """In a folder that its user can reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "taken").mkdir()
        (folder / "taken").chmod(0o777)
        made = Sink(folder)
        yield made
        made.stop()


def test_lmtp_hands_on_with_the_envelope(sink: Sink) -> None:
    """Or with another recipient, where the configuration says so."""
    relay = sink.start()
    assert deliverer_for(relay, now(), NAMES).process(reply()) == Done()
    assert deliverer_for(replace(relay, recipient="replies@example.com"), now(), NAMES).process(reply()) == Done()
    texts = sink.taken()
    assert all("X-Mail-Args: <jane@example.org>" in text for text in texts)
    assert sum("X-Rcpt-Args: <reply@reply.example.com>" in text for text in texts) == 1
    assert sum("X-Rcpt-Args: <replies@example.com>" in text for text in texts) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_what_an_lmtp_server_refuses_is_never_and_what_it_defers_is_later(sink: Sink, command: str) -> None:
    """At each step."""
    assert deliverer_for(sink.start("-f", command), now(), NAMES).process(reply()) == Never(
        "the LMTP server answered 500"
    )
    assert deliverer_for(sink.start("-r", command), now(), NAMES).process(reply()) == Later(
        "the LMTP server answered 450"
    )


def test_an_lmtp_server_that_is_away_or_silent_is_later(sink: Sink, tmp_path: Path) -> None:
    """One bound on everything."""
    assert isinstance(deliverer_for(LmtpRelay(path=str(tmp_path / "nothing")), now(), NAMES).process(reply()), Later)
    start = time.monotonic()
    assert isinstance(
        deliverer_for(replace(sink.start("-w", "30"), timeout_seconds=1), now(), NAMES).process(reply()), Later
    )
    assert time.monotonic() - start < 4


Ending = Callable[[socket.socket], None]


def lmtp_server(ending: Ending, banner: Ending, *announced: bytes, pause: float = 0) -> LmtpRelay:
    """One conversation that takes a message, after a pause, and then does ``ending`` in answer to QUIT."""
    listening = socket.create_server(("127.0.0.1", 0))

    def converse() -> None:
        client, _ = listening.accept()
        with listening, client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            banner(client)
            for line in lines:
                word = line[:4].upper()
                if word == b"QUIT":
                    return ending(client)
                client.sendall(b"".join(b"250-%s\r\n" % name for name in announced if word == b"LHLO"))
                client.sendall(b"354 go on\r\n" if word == b"DATA" else b"250 2.0.0 Ok\r\n")
                while word == b"DATA" and lines.readline() != b".\r\n":
                    pass
                time.sleep(pause if word == b"DATA" else 0)
                client.sendall(b"250 2.0.0 Taken\r\n" if word == b"DATA" else b"")
        return None

    threading.Thread(target=converse, daemon=True).start()
    return LmtpRelay(host="127.0.0.1", port=listening.getsockname()[1], timeout_seconds=1)


def greets(client: socket.socket) -> None:
    """As it should."""
    client.sendall(b"220 here\r\n")


def says(text: bytes, pause: float = 0) -> Ending:
    """Octet by octet, if there is a pause."""

    def talk(client: socket.socket) -> None:
        for start in range(0, len(text), 1 if pause else len(text)):
            client.sendall(text[start : start + (1 if pause else len(text))])
            time.sleep(pause)

    return talk


@pytest.mark.parametrize("ending", [says(b"421 4.3.2 going down\r\n"), says(b"221 " + b"x" * 20, 0.3)])
def test_what_an_lmtp_server_says_to_quit_changes_nothing(ending: Ending) -> None:
    """It has taken the message: handed over once more, it would have it twice."""
    start = time.monotonic()
    assert deliverer_for(lmtp_server(ending, greets), now(), NAMES).process(reply()) == Done()
    assert time.monotonic() - start < 1


def test_an_lmtp_server_that_drips_its_greeting_is_later_and_soon() -> None:
    """The bound holds from the first octet on."""
    start = time.monotonic()
    found = deliverer_for(lmtp_server(greets, says(b"220 " + b"x" * 20, 0.3)), now(), NAMES).process(reply())
    assert isinstance(found, Later)
    assert time.monotonic() - start < 4


class Named(HostNames):
    """A name server that knows three addresses of a host."""

    def addresses(self, host: str, seconds: float) -> list[str]:
        """See ``ports.delivery.Names``."""
        return ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def test_an_lmtp_server_with_several_addresses_has_all_of_the_time() -> None:
    """To connect, each address has its share; who took longer than that to answer was given up, and got it twice."""
    relay = replace(lmtp_server(greets, greets, pause=2.5), host="several.example", timeout_seconds=6)
    assert deliverer_for(relay, now(), Named()).process(reply()) == Done()


def test_an_address_that_is_not_ascii_needs_smtputf8() -> None:
    """Without it the reply can never be handed on (RFC 6531 section 3.1): no accident, and no bounce."""
    handed = reply()
    handed = replace(handed, envelope=replace(handed.envelope, sender="jürgen@example.org"))
    able = lmtp_server(greets, greets, b"localhost", b"SMTPUTF8")
    assert deliverer_for(able, now(), NAMES).process(handed) == Done()
    found = deliverer_for(lmtp_server(greets, greets), now(), NAMES).process(handed)
    assert found == Never("the LMTP server does not offer SMTPUTF8, and an address is not ASCII")
