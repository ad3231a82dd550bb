"""Prepare a notification: mint a reply address, and make the edits that put it into the message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reply_milter.core.mail import headers, message_id
from reply_milter.core.mail.headers import Append, Delete, Edit, Replace
from reply_milter.core.notification.application import some
from reply_milter.core.notification.mint_request import MintRequest, read
from reply_milter.core.token.address import AddressForm, parse_plain
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.mint import LOCATOR_FORM, MESSAGE_ID_FORM, MintedAddress, MintError, Order, mint
from reply_milter.core.verdict.handler import HANDLER_NAME, Handler, Handlers
from reply_text.syntax import message_ids

Fields = Mapping[str, Sequence[str]]  # values by field name in lower case
_AT_MOST_ONE = ("message-id", "references")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notification on its way. ``recipient``: a bare address, or empty where it can't be bound.

    ``queue_id`` is the MTA's; ``now`` in Unix seconds; ``unique``: letters and digits unlike any before.
    """

    fields: Fields
    recipient: str
    queue_id: str
    now: int
    unique: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was minted, for which handler, and the edits to be made in order."""

    minted: MintedAddress
    handler: Handler
    edits: tuple[Edit, ...]


def prepare(outgoing: Outgoing, handlers: Handlers, keyring: Keyring, form: AddressForm) -> Prepared:
    """Mint the address that a notification asks for.

    Raises:
        MintError: the request cannot be met, or its message is malformed; says what to do.
    """
    request, handler = _request(outgoing, handlers)
    if headers.are_doubled(headers.without_twins(outgoing.fields, _AT_MOST_ONE), _AT_MOST_ONE):
        raise MintError("a message has at most one Message-ID and one References field")
    given = _given_id(outgoing)
    order = Order(
        user=request.user,
        now=outgoing.now,
        context=request.context,
        message_id=f"<{given}>" if given and request.context is None else "",
        locator="" if given and request.context is None else request.locator,
        recipient=outgoing.recipient,
        unique=outgoing.unique,
    )
    if request.locator and not message_id.is_locator(request.locator):
        raise MintError(LOCATOR_FORM)
    minted = mint(order, handler, keyring, form)
    bound = given or minted.message_id or id_for_number(order, handler, form)
    return Prepared(minted, handler, _edits(outgoing, minted.address, bound, kept=bool(given)))


def bindable(argument: str, resolved: str | None) -> str:
    """The recipient of a RCPT argument, or as the MTA reads it, as a bare address; empty for odd spellings."""
    plain = parse_plain(argument) or (parse_plain(resolved) if resolved else None)
    return "@".join(plain) if plain else ""


def _request(outgoing: Outgoing, handlers: Handlers) -> tuple[MintRequest, Handler]:
    values = outgoing.fields[headers.MINT.lower()]
    if len(values) != 1:
        raise MintError("the field occurs more than once")
    request = read(values[0])
    handler = handlers.named(request.handler)
    if handler is None:
        named = f", {request.handler}" if HANDLER_NAME.fullmatch(request.handler) else ""
        raise MintError(f"there is no such handler in the configuration{named}; there are: {some(handlers.names)}")
    return request, handler


def _given_id(outgoing: Outgoing) -> str:
    """The Message-ID that the application gave; empty where there is none, or the MTA made one up on the way.

    Raises:
        MintError: it is no id that a reply could name.
    """
    values = outgoing.fields.get("message-id", ())
    if not values:
        return ""
    ids = message_ids.identifiers(values[0], limit=2)
    if len(ids) != 1 or not message_id.is_usable(ids[0]):
        raise MintError(MESSAGE_ID_FORM)
    return "" if message_id.is_made_up(ids[0], outgoing.queue_id) else ids[0]


def id_for_number(order: Order, handler: Handler, form: AddressForm) -> str:
    """A Message-ID where the reply address holds a number: it binds nothing, but mail programs thread by it."""
    locator = f"{handler.name}/{order.context}"
    if not message_id.is_locator(locator):  # a handler's name may begin with a dot
        locator = f"{handler.id}/{order.context}"
    return message_id.write(locator, order.now, order.unique, form.mint_domain)


def _edits(outgoing: Outgoing, address: str, bound: str, kept: bool) -> tuple[Edit, ...]:
    fields = outgoing.fields
    references = headers.writable(next(iter(fields.get("references", ())), "").strip())
    edits: list[Edit] = [*headers.strip(headers.MINT, len(fields[headers.MINT.lower()]))]
    edits += _put(fields, "Reply-To", address)
    edits += _twins_off(fields, "Message-ID") if kept else _put(fields, "Message-ID", f"<{bound}>")
    # A relay that gives the message another id leaves this one here, and mail programs copy it into their replies.
    if f"<{bound}>" in references:
        edits += _twins_off(fields, "References")
    else:
        edits += _put(fields, "References", f"{references}\n\t<{bound}>" if references else f"<{bound}>")
    if "auto-submitted" not in fields:
        edits.append(Append("Auto-Submitted", "auto-generated"))
    return tuple(edits)


def _put(fields: Fields, name: str, value: str) -> list[Edit]:
    """Let ``name`` stand once, with ``value``: in place of the first there is, or below all others."""
    if not fields.get(name.lower()):
        return [Append(name, value)]
    return [*_twins_off(fields, name), Replace(name, 1, value)]


def _twins_off(fields: Fields, name: str) -> list[Edit]:
    """Let the first field called ``name`` stand alone."""
    return [Delete(name, index) for index in range(len(fields.get(name.lower(), ())), 1, -1)]
