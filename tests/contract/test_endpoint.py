"""``test-endpoint`` on real endpoints: a good one passes, and each fault is found."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from tests.support.hosts.receiver import SECRET, Receiver
from tests.support.processes.ports import free_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An application's endpoint."""
    running = Receiver()
    yield running
    running.close()


def trial(receiver: Receiver, *more: str) -> tuple[int, dict[str, bool]]:
    """Exit status, and what was found good. The secret comes by standard input: no process list shows that."""
    argv = [sys.executable, "-m", "reply_milter", "test-endpoint", receiver.url, "--timeout", "3", "--json"]
    given = ["--secret-file", "-"]
    done = subprocess.run([*argv, *given, *more], capture_output=True, text=True, timeout=60, input=f"{SECRET}\n")
    assert done.stderr == ""
    return done.returncode, {check["name"]: check["good"] for check in json.loads(done.stdout)}


def test_a_good_endpoint_passes(receiver: Receiver) -> None:
    """Everything that can be tried was tried."""
    status, found = trial(receiver, "--count-url", f"{receiver.url}/{{id}}")
    assert status == 0, found
    assert len(found) == 9
    assert all(found.values())


def test_an_endpoint_that_posts_twice_fails(receiver: Receiver) -> None:
    """The very thing that the id is for."""
    receiver.idempotent = False
    status, found = trial(receiver, "--count-url", f"{receiver.url}/{{id}}")
    assert status == 1
    bad = {name for name, good in found.items() if not good}
    assert bad == {"one effect of a reply that came twice", "one effect of a reply that came 4 times at once"}


def test_an_endpoint_that_checks_no_signature_fails(receiver: Receiver) -> None:
    """Anybody could post in anybody's name."""
    receiver.checks_signatures = False
    status, found = trial(receiver)
    assert status == 1
    bad = {name for name, good in found.items() if not good}
    assert bad == {"refuses a wrong signature", "refuses no signature", "refuses a signature of an hour ago"}


@pytest.mark.parametrize("answer", [500, 409, 302])
def test_an_endpoint_that_does_not_take_what_it_has_fails(receiver: Receiver, answer: int) -> None:
    """A reply that is there already is success."""
    seen: set[str] = set()

    def once(request: object) -> int:
        identifier = request.headers["webhook-id"]  # type: ignore[attr-defined]
        if identifier in seen:
            return answer
        seen.add(identifier)
        return 204

    receiver.answer = once
    status, found = trial(receiver)
    assert status == 1
    assert not found["takes the same reply again"]
    assert found["takes a reply"]


@pytest.mark.parametrize(
    "url,words",
    [
        ("http://127.0.0.1:9/", "Connection refused"),
        ("http://nothing.invalid/", "Name or service not known"),
        ("https://RECEIVER/", "WRONG_VERSION_NUMBER"),
    ],
    ids=["refused", "no such host", "no TLS"],
)
def test_no_answer_is_reported_in_words_and_once(receiver: Receiver, url: str, words: str) -> None:
    """The cause, as the operator needs it; signatures are no question then."""
    place = receiver.url.removeprefix("http://").partition("/")[0]
    argv = [sys.executable, "-m", "reply_milter", "test-endpoint", url.replace("RECEIVER", place)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    heard, advice = done.stdout.splitlines()
    assert heard.startswith("FAIL takes a reply: the webhook could not be reached: ") and words in heard
    assert advice == "     there is no answer, so nothing more was tried"


def test_counts_are_asked_without_the_proxy_of_a_shell(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies take none either."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    status, found = trial(receiver, "--count-url", f"{receiver.url}/{{id}}")
    assert status == 0, found


@pytest.mark.parametrize(
    "said,heard",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x1b[2J", "?[2J"),
        (b"\xff no HTTP\r\n\r\n", "BadStatusLine"),
    ],
)
def test_what_a_count_says_does_nothing_to_the_terminal(receiver: Receiver, said: bytes, heard: str) -> None:
    """Nor does it end the command."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):  # the test's end closes the socket
                while True:
                    connection, _peer = server.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(said)

        answering = threading.Thread(target=answer)
        answering.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/{{id}}"
        words = [sys.executable, "-m", "reply_milter", "test-endpoint", receiver.url, "--count-url", url]
        done = subprocess.run(words, capture_output=True, text=True)
        server.shutdown(socket.SHUT_RDWR)
        answering.join()
    assert done.returncode == 1 and f"FAIL one effect of a reply that came twice: {heard}\n" in done.stdout


def test_the_secret_may_lie_in_a_file(receiver: Receiver, tmp_path: Path) -> None:
    """With white space around it, as editors leave it."""
    (tmp_path / "secret").write_text(f"\n {SECRET} \n")
    status, _ = trial(receiver, "--secret-file", str(tmp_path / "secret"))
    assert status == 0


@pytest.mark.parametrize(
    "arguments,status",
    [
        (["ftp://x/"], 64),
        (["http://x/", "--secret-file", "-"], 64),
        (["http://x/", "--count-url", "/count"], 64),
        (["http://x/", "--secret-file", "/nowhere"], 66),
        (["http://x/", "--secret-file", "/dev/null"], 65),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], status: int) -> None:
    """EX_USAGE, EX_NOINPUT or EX_DATAERR; what is no secret is not shown, either."""
    argv = [sys.executable, "-m", "reply_milter", "test-endpoint", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, input="hunter2hunter2")
    assert done.returncode == status
    assert done.stderr.count("\n") == 1 and "hunter2" not in done.stderr
    assert done.stdout == ""


def smtp_trial(*more: str) -> tuple[int, list[str]]:
    """Exit status, and what is said of an SMTP server."""
    argv = [sys.executable, "-m", "reply_milter", "test-endpoint", "--timeout", "5", *more]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).splitlines()


class Picky(Sink):
    """Takes mail of one recipient."""

    async def handle_RCPT(self, server: object, session: object, envelope: Any, address: str, options: object) -> str:  # noqa: N802 # aiosmtpd's name
        """Or never."""
        if address != "incoming@zulip.example.com":
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 Ok"


def test_an_smtp_server_is_tried_with_the_settings_of_its_handler(tmp_path: Path) -> None:
    """A reply that it takes, twice; one that it refuses; a handler that wants TLS; nobody there."""
    controller = Controller(Picky(), hostname="127.0.0.1", port=free_port())
    controller.start()
    address = f"inet:{controller.port}@127.0.0.1"
    recipient = ("--recipient", "incoming@zulip.example.com")
    try:
        took = ["ok   takes a reply: taken", "ok   takes the same reply again: taken"]
        assert smtp_trial(address, *recipient) == (0, took)
        status, said = smtp_trial(address)
        assert (status, said[0]) == (1, "FAIL takes a reply: the SMTP server answered 550")
        init = ["init", str(tmp_path / "etc"), "--domain", "reply.test", "--state-dir", str(tmp_path / "state")]
        subprocess.run([sys.executable, "-m", "reply_milter", *init], check=True, capture_output=True, timeout=60)
        settings = tmp_path / "etc/reply-milter.toml"
        delivery = f'\n[handler.delivery]\ntype = "smtp"\naddress = "{address}"\ntls = "starttls"\n[delivery]\n'
        settings.write_text(settings.read_text() + delivery)
        status, said = smtp_trial(address, *recipient, "--config", str(settings))
        assert (status, said[0]) == (1, "FAIL takes a reply: the SMTP server does not offer STARTTLS")
    finally:
        controller.stop()
    status, said = smtp_trial(address)
    assert (status, said[0]) == (1, "FAIL takes a reply: the SMTP conversation failed: ConnectionRefusedError")


@pytest.mark.parametrize(
    "arguments",
    [("inet:x@y",), ("inet:25@h", "--count-url", "http://x/"), ("http://127.0.0.1:9/", "--recipient", "a@b.example")],
)
def test_options_of_the_one_are_none_of_the_other(arguments: tuple[str, ...]) -> None:
    """EX_USAGE, in one line."""
    status, said = smtp_trial(*arguments)
    assert (status, len(said)) == (64, 1)
