"""The error boundary of the callbacks: an internal error defers its own message, and affects no other."""

from typing import Any

import Milter
import pytest

from reply_milter.adapters.libmilter import SIGN, VERIFY, MilterCallbacks
from reply_milter.adapters.libmilter.negotiation import Negotiation
from reply_milter.ports import Login
from tests.support.failing_conversation import FailingConversation
from tests.support.milter_context import MilterContext

STEPS = ("mail", "rcpt", "header", "body", "end_of_message", "done")


class _Counter:
    def __getattr__(self, _name: str) -> Any:
        return lambda *_arguments: None


def _message(callbacks: MilterCallbacks, ctx: MilterContext) -> list[int]:
    """The answers to a whole message, those that nobody waits for left out."""
    callbacks._mail(ctx, b"<alice@client.example>")
    answers = [callbacks._rcpt(ctx, b"<bob@example.com>")]
    callbacks._header(ctx, "From", b"alice@client.example")
    return [*answers, callbacks._body(ctx, b"hello"), callbacks._end_of_message(ctx)]


@pytest.mark.parametrize("needs", [VERIFY, SIGN], ids=["verify", "sign"])
@pytest.mark.parametrize("step", STEPS)
def test_an_error_defers_the_message_and_not_the_next(
    step: str, needs: Negotiation, caplog: pytest.LogCaptureFixture
) -> None:
    """Also at MAIL and in the header, whose callbacks can't answer: what follows of the message is deferred.

    One line of the log has the traceback, and the MTA's queue id.
    """
    conversation, ctx = FailingConversation(), MilterContext()
    callbacks = MilterCallbacks(lambda _client: conversation, needs, lambda _client: _Counter())
    callbacks._negotiate(ctx, [0x1FF, 0x1FFFFF, 0, 0])
    conversation.failing = step
    answers = _message(callbacks, ctx)
    assert Milter.TEMPFAIL in answers
    assert [record.getMessage().endswith(" queue=x") for record in caplog.records] == [True]
    assert Milter.TEMPFAIL in answers[-1:] or step in ("rcpt", "body")
    assert set(ctx.replies) == {("451", "4.3.0", "This message cannot be checked at the moment; try again later")}
    conversation.failing = ""
    assert _message(callbacks, ctx)[-1] == Milter.CONTINUE
    assert callbacks.idle


def test_an_accident_at_abort_is_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    """ABORT has no answer; a traceback is all that is left of it."""
    conversation, ctx = FailingConversation(), MilterContext()
    callbacks = MilterCallbacks(lambda _client: conversation, VERIFY, lambda _client: _Counter())
    callbacks._negotiate(ctx, [0x1FF, 0x1FFFFF, 0, 0])
    callbacks._mail(ctx, b"<alice@client.example>")
    conversation.failing = "abort"
    assert callbacks._abort(ctx) == Milter.CONTINUE
    assert callbacks.idle and "cannot abort a message queue=x\n" in caplog.text


class _LoggedIn(MilterContext):
    """A client with a login, as octets."""

    def __init__(self, login: bytes | None) -> None:
        super().__init__()
        self._login = login

    def getsymval(self, name: str) -> str:
        """As pymilter: it reads UTF-8 or raises, and gives None where there is no macro."""
        return self._login.decode() if name == "{auth_authen}" and self._login is not None else None  # type: ignore[return-value]


@pytest.mark.parametrize(
    "octets,name",
    [
        (b"shop@example.com", "shop@example.com"),
        ("\u00e9".encode(), "\u00e9"),
        (b"\xff", ""),
        (b"", ""),
        (None, ""),
    ],
)
def test_the_login_is_reported_as_it_is(octets: bytes | None, name: str) -> None:
    """To who mints, and to nobody else. What is no UTF-8 is no login: two of them could look alike."""
    for needs, expected in ((SIGN, name), (VERIFY, "")):
        told: list[Login] = []
        conversation = FailingConversation()
        conversation.mail = lambda _sender, login, told=told: told.append(login)  # type: ignore[attr-defined]
        callbacks = MilterCallbacks(lambda _client, talk=conversation: talk, needs, lambda _client: _Counter())  # type: ignore[misc]
        callbacks._mail(_LoggedIn(octets), b"<shop@example.com>")
        assert told == [Login(expected)]


@pytest.mark.parametrize("needs", [VERIFY, SIGN], ids=["verify", "sign"])
@pytest.mark.parametrize("missing", [Milter.ADDHDRS, Milter.CHGHDRS], ids=["ADDHDRS", "CHGHDRS"])
def test_an_mta_that_takes_no_edits_is_refused_at_once(
    needs: Negotiation, missing: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Else each reply would be deferred for ever; the log says what the MTA lacks."""
    ctx = MilterContext()
    callbacks = MilterCallbacks(lambda _client: FailingConversation(), needs, lambda _client: _Counter())
    assert callbacks._negotiate(ctx, [0x1FF & ~missing, 0x1FFFFF, 0, 0]) == Milter.REJECT
    assert "SMFIF_CHGHDRS" in caplog.text and ctx.getpriv() is None
