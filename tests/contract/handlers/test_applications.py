"""Discourse and GitLab get messages by the calls that their own receivers make, and are believed as those answer."""

import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.handlers.applications import token
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config.destinations import read_destination
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.encoding.toml_table import Table
from reply_milter.core.verdict.destination import Discourse, MailRoom
from reply_milter.ports.delivery import Deliverer
from tests.contract.handlers.given import NAMES, reply
from tests.support.hosts.mail_calls import KEY, SECRET, MailCalls
from tests.support.processes.ports import free_port


@pytest.fixture
def calls() -> Iterator[MailCalls]:
    """The applications' endpoints."""
    running = MailCalls()
    yield running
    running.close()


def made(kind: str, url: str, folder: Path, **more: object) -> Deliverer:
    """As a configuration would make it."""
    (folder / "key").write_text(KEY + "\n")
    (folder / "secret").write_bytes(base64.b64encode(SECRET) + b"\n")
    files = {"discourse": ("api_key_file", "key"), "mail_room": ("secret_file", "secret")}
    name, file = files[kind]
    problems: list[str] = []
    values = {"type": kind, "url": url, name: str(folder / file), "timeout_seconds": 2, **more}
    destination = read_destination(Table(values, "", problems))
    assert isinstance(destination, Discourse | MailRoom) and not problems
    return deliverer_for(destination, WallClock(), NAMES)


KINDS = ("discourse", "mail_room")


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_arrives_octet_for_octet(calls: MailCalls, tmp_path: Path, kind: str) -> None:
    """With the key, or the token, that the application asks for."""
    given = reply()  # of one second
    assert made(kind, calls.url, tmp_path).process(given) == Done()
    assert calls.taken == [given.envelope.message]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_copy_is_done_and_comes_to_nothing(calls: MailCalls, tmp_path: Path, kind: str) -> None:
    """Discourse says 200 to what it has seen."""
    deliverer, given = made(kind, calls.url, tmp_path), reply()
    assert [deliverer.process(given) for _ in range(2)] == [Done(), Done()]
    assert (calls.seen, len(calls.taken)) == (2, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(500, Later), (502, Later), (503, Later), (429, Later), (401, Later), (404, Later), (302, Later),
     (400, Never), (403, Never), (413, Never), (422, Never), (200, Done), (204, Done)],
)  # fmt: skip
def test_the_status_decides(calls: MailCalls, tmp_path: Path, kind: str, answer: int, outcome: type) -> None:
    """As for webhooks: 500 of a GitLab whose queue takes nothing is no refusal."""
    calls.answer = answer
    assert isinstance(made(kind, calls.url, tmp_path).process(reply()), outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_an_application_that_is_not_there_is_asked_again(tmp_path: Path, kind: str) -> None:
    """And the log says so."""
    outcome = made(kind, f"http://127.0.0.1:{free_port()}", tmp_path).process(reply())
    assert isinstance(outcome, Later) and "could not be reached" in outcome.why


@pytest.mark.parametrize(("kind", "file"), [("discourse", "key"), ("mail_room", "secret")])
@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"AAAA\n", b"two\nlines"])
def test_without_its_key_nothing_is_sent(
    calls: MailCalls, tmp_path: Path, kind: str, file: str, content: bytes | None
) -> None:
    """It is read for each reply: a new one needs no reload, and one that is gone loses nothing."""
    deliverer = made(kind, calls.url, tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    if (kind, content) == ("discourse", b"AAAA\n"):  # a key by its form, and the wrong one
        assert deliverer.process(reply()) == Never("Discourse answered 403")
        return
    assert isinstance(deliverer.process(reply()), Later)
    assert calls.seen == 0


@pytest.mark.parametrize(("kind", "file"), [("discourse", "key"), ("mail_room", "secret")])
@pytest.mark.parametrize("other", ["/dev/zero", "pipe", "folder"])
def test_something_else_in_its_place_is_not_waited_for(
    calls: MailCalls, tmp_path: Path, kind: str, file: str, other: str
) -> None:
    """A pipe without a writer, a device without an end: the reply waits, and the hook goes on."""
    deliverer = made(kind, calls.url, tmp_path)
    (tmp_path / file).unlink()
    if other == "pipe":
        os.mkfifo(tmp_path / file)
    elif other == "folder":
        (tmp_path / file).mkdir()
    else:
        (tmp_path / file).symlink_to(other)
    assert isinstance(deliverer.process(reply()), Later)
    assert calls.seen == 0


def test_a_token_is_of_its_moment() -> None:
    """GitLab takes none of the future: clocks differ by seconds."""
    calls = MailCalls()
    try:
        now = int(time.time())
        heard = [calls.judge("/api/v4/internal/mail_room/incoming_email",
                 {"Gitlab-Mailroom-Api-Request": token(SECRET, at, "n")}, b"x")[0]
                 for at in (now, now + 4, now + 20, now - 70)]  # fmt: skip
        assert heard == [200, 200, 401, 401]
    finally:
        calls.close()


@pytest.mark.parametrize(
    ("url", "more", "called"),
    [
        ("https://talk.example.com", "", "https://talk.example.com/admin/email/handle_mail"),
        ("https://example.com/forum/", "", "https://example.com/forum/admin/email/handle_mail"),
        ("https://a.example/admin/email/handle_mail", "", "https://a.example/admin/email/handle_mail"),
        (
            "https://git.example",
            "service_desk_email",
            "https://git.example/api/v4/internal/mail_room/service_desk_email",
        ),
        ("http://gitlab:8080", "incoming_email", "http://gitlab:8080/api/v4/internal/mail_room/incoming_email"),
    ],
)
def test_the_call_is_found_behind_the_applications_url(url: str, more: str, called: str) -> None:
    """Given whole, it is taken as it is."""
    kind = {"type": "mail_room", "secret_file": "/s", "mailbox_type": more} if more else {
        "type": "discourse", "api_key_file": "/k"}  # fmt: skip
    problems: list[str] = []
    found = read_destination(Table({**kind, "url": url}, "", problems))
    assert not problems and isinstance(found, Discourse | MailRoom) and found.url == called


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"type": "discourse", "url": "http://talk.example.com", "api_key_file": "/k"}, "url: must be an https:// URL"),
        ({"type": "discourse", "url": "https://t.example"}, "api_key_file: is missing"),
        ({"type": "discourse", "url": "https://t.example", "api_key_file": "k"}, "api_key_file: must be an absolute"),
        ({"type": "mail_room", "url": "gitlab", "secret_file": "/s"}, "url: must be an http:// or https:// URL"),
        ({"type": "mail_room", "url": "https://g.example", "secret_file": "/s", "mailbox_type": "x"}, "mailbox_type:"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], problem: str) -> None:
    """In the words of the configuration."""
    problems: list[str] = []
    read_destination(Table(values, "", problems))
    assert problems and problems[0].startswith(problem)
