"""However a notification's header is written, it leaves without the key, with our address in its place, or not at all.

Input: lines ``NAME:VALUE``, folded as in a message; a native address stands in Reply-To before all of them.
"""

from reply_milter.core.mail.edited import edited
from reply_milter.core.wrapping.outward import Outbound, WrapError, wrap
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.outward_keys import Keys
from reply_text.syntax.mailbox import mailboxes
from tests.fuzz.octets import text
from tests.support.fakes import FORM, KEYRING, NOW
from tests.support.wrapped_mail import handler_of, unwrapped

KEY = "AGCQVBAEAFIKZB4KJ2ME7QX3NB4KJ2ME7QX3NB4KJ2ME7QX3NB4KJ2ME7QX3NAA"
NATIVE = f"incoming+{KEY}@git.example.com"
WORDS = (
    b"Reply-To:", b"\nReply-To: ", b"\nReferences:", b"\nIn-Reply-To:", b"\nList-Unsubscribe:", b"\nList-Post:",
    b"\nX-Any:", b"\nSubject:", b"\nFrom:", NATIVE.encode(), KEY.encode(), KEY.lower().encode(), KEY[:20].encode(),
    f"<mailto:{NATIVE}?subject=x>".encode(), f"<reply-{KEY}@git.example.com>".encode(), b"<https://git.example.com/>",
    f"=?utf-8?q?{KEY}?=".encode(), b"=?utf-8?b?", b"?=", b"%2B", b"%40", b"<", b">", b"(", b")", b'"', b"\\", b",",
    b";", b":", b"@", b" ", b"\n\t", b"\r", b"\0", b"\xff", "\u00fc".encode(), b"Shop: ", b"a@b.test",
)  # fmt: skip
_HANDLER = handler_of("gitea")


def one_input(octets: bytes) -> None:
    """Wrap it, and look at what leaves."""
    fields = [("Reply-To", f"Shop <{NATIVE}>"), ("Message-ID", "<a@git.example.com>")]
    for line in text(octets).replace("\n\t", "\f").replace("\n ", "\f").split("\n"):
        name, colon, value = line.partition(":")
        if colon and name.isascii() and name.isprintable() and name.strip():
            fields.append((name.strip(), value.replace("\f", "\n\t")))
    draft = Draft(fields)
    try:
        wrapped = wrap(draft, Outbound(("jane@example.org",), "4Q1", NOW), _HANDLER, KEYRING, FORM)
    except WrapError as error:
        assert KEY.lower() not in str(error).lower() and str(error).isascii()
        return
    assert wrapped is not None
    left = edited(fields, draft.edits())
    assert not Keys([KEY]).field_with_one(left)
    assert mailboxes(left[0][1]) == [wrapped.minted[0].address]
    references = "".join(value for name, value in left if name.lower() == "references")
    assert unwrapped(wrapped.minted[0].address, references).original == NATIVE
    assert _others(left) == _others(fields)
    for field in left:
        assert field in fields or all(line.strip() for line in field[1].split("\n")[1:]), "a line of blanks"


def _others(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields that no notification of this application has a key in."""
    named = ("reply-to", "references", "in-reply-to", "list-")
    return [(name, value) for name, value in fields if not name.lower().startswith(named)]
