"""Check the message itself, at end of message; docs/flow.md has the order."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple, final

from reply_milter.core.mail import domain, headers
from reply_milter.core.rules import auto_reply
from reply_milter.core.rules.authentication import Authentication
from reply_milter.core.rules.auto_reply import Fields
from reply_milter.core.rules.thread import ThreadFinding, ThreadMatch, bind, candidates
from reply_milter.core.token.address import AddressForm, parse_plain
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.verify import Checked, Facts
from reply_milter.core.verdict.handler import ContextKind
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import MALFORMED_MESSAGE, Reason
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.unwrap import unwrap
from reply_text.syntax.mailbox import mailboxes

_ENCODED_WORD: Final = "=?"  # RFC 2047 section 2; some readers decode it within an address
_NO_THREAD: Final = ThreadFinding(ThreadMatch.NONE)
_COSTLY_DOMAINS: Final = 64  # non-ASCII domains per message that are compared with ours; each takes half a millisecond


class SenderMatch(StrEnum):
    """Whether the author is the person that the notification was sent to."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


@final
class Message:
    """The parts of a message that the rules read. Field names in lower case; ``size`` in octets, header and body.

    ``fields``: without equal copies (``headers.without_twins``). ``authors``: the addresses of all From fields.
    ``longest_name``: octets of the longest field name. ``sender``: the argument of MAIL FROM, empty if there was none.
    ``has_controls``: a field holds control characters; looked for only where an application reads the header.
    """

    def __init__(
        self,
        null_sender: bool,
        fields: Fields,
        field_count: int,
        field_octets: int,
        size: int,
        longest_name: int = 0,
        sender: str = "",
        has_controls: bool = False,
    ) -> None:
        self.null_sender: Final = null_sender
        self.fields: Final = headers.without_twins(fields)
        self.field_count: Final = field_count
        self.field_octets: Final = field_octets
        self.size: Final = size
        self.authors: Final = [address for value in fields.get("from", ()) for address in mailboxes(value)]
        self.longest_name: Final = longest_name
        self.sender: Final = sender
        self.has_controls: Final = has_controls

    def first(self, name: str) -> str:
        """Return the first value of a field, or an empty text."""
        values = self.fields.get(name)
        return values[0] if values else ""

    @property
    def author(self) -> str:
        """The author's address; empty for no author, or several."""
        return self.authors[0] if len(self.authors) == 1 else ""


class Bindings(NamedTuple):
    """How the message relates to the token, and whether a milter before us vouches for its author.

    ``asked``: whether an ``authserv_id`` is configured; without one, a missing result is no finding. ``plain``: what a
    wrapped address stands for, where that is known.
    """

    thread: ThreadFinding
    sender: SenderMatch
    auth: Authentication
    asked: bool = False
    plain: Plain | None = None


def bindings(
    message: Message,
    checked: Checked,
    facts: Facts | None,
    form: AddressForm,
    keyring: Keyring,
    auth: Authentication,
    asked: bool = False,
    native: Plain | None = None,
) -> Bindings:
    """Compare a message with the token that it was sent to. ``auth``: the result of the milters before us.

    ``native``: an application's own address that was verified, which binds no thread.
    """
    if native is not None:
        return Bindings(_NO_THREAD, _sender(message, checked, facts), auth, asked, native)
    thread, plain = _NO_THREAD, None
    named = message.first("in-reply-to"), message.first("references")
    if checked.handler.context is ContextKind.THREAD:
        thread = bind(checked.key, checked.token.context, candidates(*named), form.own_domains)
    elif checked.handler.context is ContextKind.WRAPPED:
        copy = facts.original if facts is not None else None
        match, plain = unwrap(checked, keyring, *named, copy, form.accept_domains)
        thread = ThreadFinding(match)
    return Bindings(thread, _sender(message, checked, facts), auth, asked, plain)


def findings(
    message: Message, bound: Bindings, form: AddressForm, max_message_bytes: int, strictly: bool = False
) -> Iterator[Finding]:
    """Return the findings, in the order in which they decide. ``strictly``: see ``is_strictly_malformed``."""
    if is_malformed(message) or (strictly and is_strictly_malformed(message)):
        yield Finding(Reason.MALFORMED, MALFORMED_MESSAGE)
    found = (
        (Reason.TOO_LARGE, message.size > max_message_bytes),
        (Reason.AUTO_REPLY, auto_reply.is_automatic(message.fields)),
        (Reason.BOUNCE, message.null_sender or auto_reply.is_report(message.fields)),
        (Reason.LOOP, is_loop(message, form)),
        (Reason.THREAD_MISMATCH, bound.thread.match is ThreadMatch.MISMATCH),
        (Reason.THREAD_ABSENT, bound.thread.match is ThreadMatch.ABSENT),
        (Reason.SENDER_MISMATCH, bound.sender is SenderMatch.MISMATCH),
        (Reason.SENDER_UNKNOWN, bound.sender is SenderMatch.UNKNOWN),
        (Reason.AUTH_FAIL, bound.auth is Authentication.FAIL),
        (Reason.AUTH_NONE, bound.asked and bound.auth is Authentication.NONE),
    )
    for reason, applies in found:
        if applies:
            yield Finding.of(reason)


def is_strictly_malformed(message: Message) -> bool:
    """Whether an application might read this message otherwise than we do, though mail programs write such as well.

    Control characters in the header; an author that is no Dot-string, or stands in an encoded word.
    """
    return message.has_controls or parse_plain(message.author) is None or _ENCODED_WORD in message.author


def is_malformed(message: Message) -> bool:
    """Return whether there is not exactly one author, a field occurs with two values, or the header is too long."""
    return (
        headers.are_doubled(message.fields)
        or len(message.fields.get("from", ())) != 1
        or len(message.authors) != 1
        or message.field_count > headers.FIELDS_LIMIT
        or message.field_octets > headers.OCTETS_LIMIT
        or message.longest_name > headers.NAME_LIMIT
    )


def is_loop(message: Message, form: AddressForm) -> bool:
    """Whether one of our own addresses is From, Sender or Reply-To: our mail came back."""
    addresses = list(message.authors)
    for name in ("sender", "reply-to"):
        for value in message.fields.get(name, ()):
            addresses += mailboxes(value)
    written = [address.rpartition("@") for address in addresses if len(address) <= domain.ADDRESS_OCTETS]
    domains = dict.fromkeys(at_domain for local, _, at_domain in written if form.owns_local(local.replace('"', "")))
    beyond_ascii = [name for name in domains if not name.isascii()]
    passed_over = set(beyond_ascii[_COSTLY_DOMAINS:])
    return any(form.owns_domain(name) for name in domains if name not in passed_over)


def _sender(message: Message, checked: Checked, facts: Facts | None) -> SenderMatch:
    """Compare the author with the addresses on file; without any, with the token's sender tag.

    Never with both: 15 bits can be guessed, and a match would override the addresses on file.
    """
    on_file = facts.addresses if facts is not None else ()
    if not checked.token.sender and not on_file:
        return SenderMatch.UNKNOWN
    author = domain.normalise(message.author)
    if author is None:
        return SenderMatch.MISMATCH
    matches = author in on_file if on_file else checked.key.sender(author) == checked.token.sender
    return SenderMatch.MATCH if matches else SenderMatch.MISMATCH
