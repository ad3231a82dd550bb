"""An application hands in a notification, a user's mail program answers: both ways through a real Postfix."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.site_under_test import Arrived
from tests.support.hosts.submission_site import SubmissionSite

pytestmark = pytest.mark.system

_SHAPES = sorted((Path(__file__).parent / "shapes").glob("*.eml"))
_ABSENT = [path for path in _SHAPES if "# thread: absent" in path.read_text()]
_SES = "<0102019abcdef012-3456789a-bcde-f012-3456-789abcdef012-000000@email.amazonses.com>"
_SUBJECT = "Somebody commented"


@pytest.fixture(scope="module")
def host() -> Iterator[SubmissionSite]:
    """A host whose application sends and whose users answer."""
    running = SubmissionSite()
    try:
        yield running.start()
    finally:
        running.stop()


def notified(host: SubmissionSite, name: str, user: int, handler: str = "issue") -> Arrived:
    """Hand a notification in at the submission service; what its recipient got."""
    me = f"jane.{name}@example.com"
    lines = [
        f"X-Reply-Mint: handler={handler}; user={user}; locator=shop/{name}",
        "From: Shop <shop@example.com>", f"To: {me}", f"Subject: {_SUBJECT}", f"X-Seq: to-{name}",
        "", "Somebody wrote something.", "",
    ]  # fmt: skip
    code, text = host.submit("\r\n".join(lines).encode(), [me])
    assert code == 250, text
    (found,) = host.site.arrived("X-Seq", f"to-{name}", 1, "people")
    return found


def answer(shape: str, notification: Arrived, name: str) -> tuple[str, str, bytes]:
    """Envelope sender, reply address, and the whole answer."""
    notes = dict(re.findall(r"(?m)^# (\w+): (.*)$", shape))
    me, (to,) = f"jane.{name}@example.com", notification.values("Reply-To")
    (identifier,), references = notification.values("Message-ID"), notification.values("References")
    values = {
        "seen": _SES if notes.get("relay") else identifier,
        "references": " ".join(references),
        "to": to,
        "me": me,
        "me_capital": me.title(),
        "subject": _SUBJECT,
        "subject_q": _SUBJECT.replace(" ", "_"),
        "unique": f"{zlib.crc32(name.encode()):08x}",
    }

    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], text)

    message = f"X-Seq: from-{name}\n" + re.sub(r"(?m)\A(#.*\n)+", "", shape)
    return filled(notes.get("sender", "{me}")), to, filled(message).replace("\n", "\r\n").encode()


@pytest.mark.parametrize("path", _SHAPES, ids=lambda path: path.stem)
def test_the_answer_of_a_mail_program_names_user_and_thread(host: SubmissionSite, path: Path) -> None:
    """Accepted, in the right name, about the right thing; or, where it names no thread, refused with what to do."""
    shape, name = path.read_text(), path.stem
    user = 1000 + _SHAPES.index(path)
    sender, to, message = answer(shape, notified(host, name, user), name)
    heard = host.site.send([f"<{to}>"], message, f"<{sender}>")
    if path in _ABSENT:
        assert heard.startswith("550 5.7.1 Use Reply on the message"), heard
        return
    assert heard.startswith("250"), heard
    (found,) = host.site.arrived("X-Seq", f"from-{name}", 1)
    assert isinstance(found.tags, dict), found.fields
    wanted = {"user": str(user), "handler": "issue", "thread": "match", "sender": "match", "locator": f"shop/{name}"}
    assert wanted.items() <= found.tags.items()


@pytest.mark.parametrize(
    "path", [path for path in _SHAPES if "# thread: absent" in path.read_text()], ids=lambda p: p.stem
)
def test_a_lenient_handler_takes_an_answer_that_names_no_thread(host: SubmissionSite, path: Path) -> None:
    """The token still names the user; the verdict says that the thread is absent."""
    shape, name = path.read_text(), f"{path.stem}.lenient"
    sender, to, message = answer(shape, notified(host, name, 2000, "lenient"), name)
    heard = host.site.send([f"<{to}>"], message, f"<{sender}>")
    assert heard.startswith("250"), heard
    (found,) = host.site.arrived("X-Seq", f"from-{name}", 1)
    assert isinstance(found.tags, dict), found.fields
    assert {"user": "2000", "thread": "absent", "sender": "match"}.items() <= found.tags.items()


def test_every_shape_names_its_source() -> None:
    """A header shape without a source is a guess."""
    assert len(_SHAPES) >= 20
    assert all(re.match(r"# source: \S", path.read_text()) for path in _SHAPES)
