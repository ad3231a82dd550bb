"""Applications that know nothing of us, on a real mail host: what leaves holds no key, and what comes back is theirs.

A notification goes in by SMTP as its application sends it, leaves to a sink, is answered as mail programs do from what
left; the answer is decided at SMTP time, sealed, handed to the hook, restored, and reaches the application's server.
"""

import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from urllib.parse import unquote

import pytest

from reply_milter.core.wrapping.presets import PRESETS
from tests.support.hosts.mail_sink import Taken
from tests.support.hosts.wrapping_site import DOMAINS, WrappingSite
from tests.support.mail_programs import Answer, fields_of, ours, reply_addresses, value_of
from tests.support.notifications import APPLICATIONS, CAPTURED_NAMES, SPELLINGS, Case, captured, handmade

pytestmark = pytest.mark.system

ALLOWED = {
    "received", "authentication-results", "from", "to", "subject", "in-reply-to", "references", "date", "message-id",
    "auto-submitted", "precedence", "mime-version", "content-type", "content-transfer-encoding", "content-disposition",
    "content-language",
}  # fmt: skip
ADDED_BY_POSTFIX = {"received", "return-path"}


@pytest.fixture(scope="module")
def host() -> Iterator[WrappingSite]:
    """A host that wraps ten applications."""
    running = WrappingSite()
    try:
        yield running.start()
    finally:
        running.stop()


def leave(host: WrappingSite, case: Case) -> Taken:
    """Submit a notification; how it left."""
    code, text = host.submit(case.message, [case.recipient], sender=case.sender)
    assert code == 250, text
    return host.world.with_text(case.name, said=host.site.daemon.log()[-800:])[-1]


def answer(host: WrappingSite, left: Taken, case: Case, program: str = "plain") -> Answer:
    """Answer it; the milter takes the answer."""
    made = Answer(left.message, case.recipient, program)
    heard = host.site.send([f"<{made.to}>"], made.message, sender=f"<{case.recipient}>")
    assert heard.startswith("250"), heard
    return made


def handed_over(host: WrappingSite, made: Answer) -> Taken:
    """What the application got."""
    (found,) = host.applications.with_text(made.identifier, said=host.site.daemon.log()[-800:])
    return found


def readings(header: bytes) -> Iterator[str]:
    """A header as it stands, unfolded, decoded and percent-decoded; without white space, quotes, and case."""
    text = header.decode("utf-8", "replace")
    unfolded = re.sub(r"\r\n([ \t])", r"\1", text)
    decoded = "\n".join(_decoded(line) for line in unfolded.split("\r\n"))
    for one in (text, unfolded, decoded):
        for shown in (one, unquote(one), unquote(unquote(one))):
            yield re.sub(r"[\s\"\\]+", "", shown).lower()


def _decoded(line: str) -> str:
    try:
        return str(make_header(decode_header(line)))
    except (ValueError, LookupError):
        return line


def check_left(case: Case, left: Taken) -> None:
    """No key in its header; the rest octet for octet, and the body."""
    kept = b"".join(field for name, field in fields_of(left.header) if name not in case.kept)
    for shown in readings(kept):
        assert not [key for key in case.keys if key.lower() in shown], left.header.decode(errors="replace")
    given, came = fields_of(case.message.partition(b"\r\n\r\n")[0] + b"\r\n"), fields_of(left.header)
    unnamed = [field for name, field in came if name not in case.changed | ADDED_BY_POSTFIX]
    assert unnamed == [field for name, field in given if name not in case.changed]
    assert left.body == case.message.partition(b"\r\n\r\n")[2]
    assert left.recipients == (case.recipient,) and len(ours(left.message).partition("@")[0]) <= 64


def check_restored(case: Case, made: Answer, got: Taken) -> None:
    """To is the original, and no other key stands in a header of allowed fields alone; the body as it was."""
    fields = fields_of(got.header)
    names = [name for name, _ in fields]
    assert set(names) <= ALLOWED and len(names) == len(set(names)), names
    assert got.recipients == (case.native,) and value_of(got.message, "to") == case.native
    assert value_of(got.message, "from").endswith(case.recipient) or f"<{case.recipient}>" in value_of(
        got.message, "from"
    )
    assert value_of(got.message, "message-id") == f"<{made.identifier}>"
    assert "x-reply-token=pass" in value_of(got.message, "authentication-results")
    assert got.body == made.message.partition(b"\r\n\r\n")[2]
    others = b"".join(field for name, field in fields if name not in ("to", "received", "message-id"))
    for shown in readings(others):
        assert not [key for key in case.keys if key.lower() in shown], got.header.decode()
        assert "w1." not in shown and "reply+" not in shown, got.header.decode()
    if case.thread is not None:
        check_thread(case.thread, got)


def check_thread(thread: tuple[str, str], got: Taken) -> None:
    """The thread that the address was minted for, and no other."""
    identifier, tag = thread
    assert value_of(got.message, "in-reply-to") == value_of(got.message, "references") == f"<{identifier}>"
    subject = _decoded(value_of(got.message, "subject"))
    assert re.findall(r"\[[^]]*\]", subject) == [tag], subject


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("application", APPLICATIONS)
def test_a_notification_leaves_without_its_key_and_its_answer_comes_back(
    host: WrappingSite, application: str, spelling: str
) -> None:
    """However the application writes its address."""
    case = handmade(application, spelling)
    left = leave(host, case)
    check_left(case, left)
    made = answer(host, left, case)
    check_restored(case, made, handed_over(host, made))


def test_what_stands_around_the_address_stays(host: WrappingSite) -> None:
    """Display name, folding, group, the other addresses."""
    for spelling in ("comma", "folded", "group", "two", "utf-8", "encoded"):
        case = handmade("discourse", spelling, f"around {spelling}")
        left = leave(host, case)
        given = [field for name, field in fields_of(case.message) if name == "reply-to"]
        came = [field for name, field in fields_of(left.header) if name == "reply-to"]
        assert [field.replace(ours(left.message).encode(), case.native.encode()) for field in came] == given
        assert reply_addresses(left.message)[1:] == reply_addresses(case.message)[1:]


@pytest.mark.parametrize("name", CAPTURED_NAMES)
def test_what_running_applications_sent(host: WrappingSite, name: str) -> None:
    """Mailman's key is in From, Redmine and Roundup have one address for everybody."""
    case = captured(name)
    left = leave(host, case)
    check_left(case, left)
    if case.application == "mailman":
        assert value_of(left.message, "from") == "dev-confirm@lists.example.com"
    made = answer(host, left, case)
    check_restored(case, made, handed_over(host, made))


@pytest.mark.parametrize("program", ["plain", "python", "capitals", "without References", "without In-Reply-To"])
@pytest.mark.parametrize("application", ["gitea", "gitlab", "discourse", "moodle", "redmine"])
def test_every_mail_program_brings_back_what_counts(host: WrappingSite, application: str, program: str) -> None:
    """The capsule, in whatever spelling; or the notification's own id, and the store's copy."""
    case = handmade(application, "plain", f"answered {program}")
    left = leave(host, case)
    made = answer(host, left, case, program)
    check_restored(case, made, handed_over(host, made))


def test_no_preset_is_left_out() -> None:
    """Each application is looked at here."""
    looked_at = {*APPLICATIONS, *(name.partition("-")[0] for name in CAPTURED_NAMES)}
    assert looked_at == set(DOMAINS) == set(PRESETS) - {"generic"}
