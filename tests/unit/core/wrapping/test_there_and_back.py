"""unwrap(wrap(m)), over generated notifications and answers: the application gets its own address and thread again."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reply_milter.core.wrapping import keys
from reply_milter.core.wrapping.restore import Restored, Restoring, restore
from reply_milter.core.wrapping.wrap import Road
from tests.support.fakes import FORM, KEYRING
from tests.support.mail_programs import Answer, value_of
from tests.support.notifications import APPLICATIONS, RECIPIENT, SPELLINGS, handmade
from tests.support.wrapped_mail import handler_of, leave, unwrapped

_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)
_PROGRAMS = st.sampled_from(["plain", "python", "without In-Reply-To"])


def _fields(message: bytes) -> list[tuple[str, str]]:
    """A header as libmilter gives it: folding by LF, octets that are not UTF-8 as surrogates."""
    text = message.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape").replace("\r\n ", "\n ")
    lines = [line.partition(": ") for line in text.replace("\r\n\t", "\n\t").split("\r\n")]
    return [(name, value) for name, _, value in lines]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(APPLICATIONS), st.sampled_from(list(SPELLINGS)), _PROGRAMS, st.integers(), _WORDS, _WORDS)
def test_what_was_wrapped_comes_back(
    application: str, spelling: str, program: str, number: int, subject: str, tag: str
) -> None:
    """Its address, its recipient, its thread; an answer's own tags and keys don't."""
    recipient = f"u{number % 100}@b.co"
    case = handmade(application, spelling, f"{number}", recipient)
    handler = handler_of(application, case.native.replace(case.keys[0], "{key}") if case.keys else case.native)
    assert handler.wrap is not None
    left = leave(handler, _fields(case.message), recipient)
    (minted,) = left.minted
    glob = FORM.token_text(minted.address.rpartition("@")[0])
    kept = keys.open_capsule(KEYRING.active, KEYRING.realm, glob, minted.sealed)  # what the store has
    plain = unwrapped(minted.address, left.value("References")) if minted.capsule else kept
    assert plain is not None and plain == kept
    assert (plain.original, plain.recipient) == (case.native, recipient)
    assert (tuple(plain.thread) if plain.thread else None) == case.thread
    header = "".join(f"{name}: {value}\r\n" for name, value in left.fields).replace("\r\n", "\n").replace("\n", "\r\n")
    answer = Answer(header.encode("utf-8", "surrogateescape") + b"\r\n", recipient, program).message
    answer = answer.replace(b"Subject: ", f"Subject: [{tag} #9] {subject} ".encode(), 1)
    given = Restoring(plain, handler.wrap, Road.WRAPPED, "a" * 26, "none", "mx.test", "mx.test", 0)
    restored = restore(answer, given)
    assert isinstance(restored, Restored), restored
    assert restored.recipient == value_of(restored.message, "to") == case.native
    assert value_of(restored.message, "from").rpartition("<")[2].rstrip(">") == recipient
    assert b"w1." not in restored.message.partition(b"\r\n\r\n")[0].lower()
    if case.thread is not None:
        assert value_of(restored.message, "references") == f"<{case.thread[0]}>"


def test_another_thread_is_another_address() -> None:
    """Of one address for everybody: what it stands for differs, so does the token."""
    one, other = handmade("redmine", name="1"), handmade("redmine", name="2")
    handler = handler_of("redmine")
    minted = [leave(handler, _fields(case.message), RECIPIENT).minted[0] for case in (one, other)]
    assert minted[0].address != minted[1].address
    assert replace(one, message=b"").native == other.native
