"""However ids are written, few come out, short, without brackets or white space, and each is found again by itself.

Input: an In-Reply-To value, and behind a NUL one of References.
"""

from reply_milter.core.mail import message_id
from reply_milter.core.rules.thread import candidates
from reply_text.syntax import message_ids
from reply_text.syntax.message_ids import CANDIDATES, identifiers
from tests.fuzz.octets import text

WORDS = (
    b"<", b">", b"(", b")", b",", b" ", b"\n\t", b"\0", b'"', b"\\", b"@", b"<a@b>",
    b"<project/issue/12/1767139200.x@reply.test>", b"/", b"/1", b"/01", b".", b"..", b"~", b"=?utf-8?q?<a@b>?=",
    b"\xff", "\u2028".encode(), b"\x0b", b"undefined",
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Find the ids in it, forwards and backwards."""
    answered, _, references = text(octets).partition("\0")
    for value in (answered, references):
        _finds(value)
    ids = candidates(answered, references)
    assert len(ids) <= CANDIDATES
    assert all(0 < len(identifier) <= 998 for identifier in ids)
    for identifier in ids:
        _means_one_thing(identifier)


def _finds(value: str) -> None:
    everything = identifiers(value, len(value) + 1)
    assert identifiers(value) == everything[:CANDIDATES]
    assert identifiers(value, last_first=True) == everything[::-1][:CANDIDATES]
    for identifier in everything:
        assert not any(character in "<>" or character.isspace() for character in identifier)
        assert identifiers(f"<{identifier}>") == [identifier]
    if everything:
        assert message_ids.own_id(value) == everything[0]


def _means_one_thing(identifier: str) -> None:
    thread = message_id.parse(identifier)
    if thread is not None:
        assert message_id.is_locator(thread.locator)
        start = message_id.write(thread.locator, thread.replied_to, "", "")[:-1]
        assert identifier.startswith(start) and identifier.lower().endswith(f"@{thread.domain}")
    if message_id.is_usable(identifier):
        assert identifiers(f"<other@example.com>\n\t<{identifier}>") == ["other@example.com", identifier]
