"""An X-Reply-Mint field gets the address it asks for, or a refusal that repeats a short name or number of it at most.

Input: the value of the field.
"""

import re

from reply_milter.config.sign import SignSettings
from reply_milter.core.mail import headers
from reply_milter.core.mail.headers import Append, Delete
from reply_milter.core.notification.mint_request import FORM as FIELD
from reply_milter.core.token.mint import LOCATOR_FORM
from reply_milter.core.token.verify import Checked, check_token
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.verdict import Accept, Reject
from reply_milter.flows.service import MintingRules, MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.ports import Decision, Login, Notification
from reply_text.syntax.message_ids import identifiers
from tests.fuzz.octets import text
from tests.support.fakes import DOMAIN, FORM, FORUM, ISSUE, KEYRING, NOW, FixedClock, MemoryMark, MemoryStore

WORDS = (
    b"handler=issue", b"handler=forum", b"user=42", b"user=", b"locator=shop/orders/7", b"context=7", b"context=", b";",
    b"key=", b"key=hunter2",
    b"=", b" ", b"\n\t", b"1099511627775", b"1099511627776", b"36028797018963967", b"/", b"..", b"-1", b"1_0",
    "\u0661".encode(), b"\xff", b"\0", b"%", b"\r",
)  # fmt: skip
_HANDLERS = Handlers.of([ISSUE, FORUM])


class _Silent:
    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""


_SERVICE = MintingService(
    MintingRules(FORM, KEYRING, _HANDLERS, SignSettings(None)),
    FixedClock(),
    _Silent(),
    lambda: "x1",
    MemoryStore(),
    MemoryMark(),
)


# Every refusal that a field can meet. A text that is none of these would hold more of the field: a secret, perhaps.
_SHORT = r"([A-Za-z0-9._+-]{1,12}|[0-9]{1,15})"
_TAG = "(handler|user|locator|context|key)"
_REFUSALS = re.compile(
    "|".join(
        (
            rf"{re.escape(f'must be {FIELD}')}(; {_SHORT} is no tag|; {_TAG} has no value)?",
            re.escape(f"handler and user are needed: {FIELD}"),
            f"a tag occurs twice: {_TAG}",
            r"there is no such handler in the configuration(, [a-z0-9._-]{1,32})?; there are: forum, issue",
            rf"the user id must be a number between 0 and 1099511627775(, not {_SHORT})?",
            rf"a context must be a number between 0 and 36028797018963967(, not {_SHORT})?",
            "the handler issue binds a thread: give it a Message-ID or a locator",
            "the handler forum takes a number: give it a context",
            "the handler forum needs a context: a number of your own",
            re.escape(LOCATOR_FORM),
        )
    ),
    re.ASCII,
)


def one_input(octets: bytes) -> None:
    """Submit a message with it, logged in."""
    submission = Submission(lambda: _SERVICE, "192.0.2.1")
    submission.mail("<shop@example.com>", Login("shop"))
    submission.rcpt("<jane@example.org>", "jane@example.org", True)
    submission.header(headers.MINT, text(octets))
    verdict = submission.end_of_message("4Q1")
    if isinstance(verdict, Reject):
        assert verdict.reply.code == "550" and _REFUSALS.fullmatch(verdict.reply.text.removeprefix("X-Reply-Mint: "))
        assert verdict.edits == (Delete(headers.MINT, 1),)
        return
    assert isinstance(verdict, Accept)
    assert verdict.edits[0] == Delete(headers.MINT, 1)
    added = {edit.name: edit.value for edit in verdict.edits if isinstance(edit, Append)}
    assert all(" " <= character <= "~" for value in added.values() for character in value), added
    _is_what_was_asked_for(added, re.sub(rb"[ \t\r\n]+", b"", octets).split(b";"))


def _is_what_was_asked_for(added: dict[str, str], tags: list[bytes]) -> None:
    local, _, domain = added["Reply-To"].rpartition("@")
    checked = check_token(FORM.token_text(local), FORM.checksum_length, KEYRING, _HANDLERS, NOW)
    assert domain == DOMAIN and isinstance(checked, Checked)
    (user,) = (int(tag[5:]) for tag in tags if tag.startswith(b"user="))
    assert checked.token.user == user and f"handler={checked.handler.name}".encode() in tags
    (answered,) = identifiers(added["Message-ID"])
    assert identifiers(added["References"]) == [answered]
    if checked.handler is ISSUE:
        assert checked.key.thread(answered) == checked.token.context
    else:
        assert [int(tag[8:]) for tag in tags if tag.startswith(b"context=")] == [checked.token.context]
