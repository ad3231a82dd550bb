"""Give a reply back to the application that knows nothing of us: its own address, and a header that we wrote.

Applications obey headers. Some take a key from To, Cc, Delivered-To, References or Received; some let Resent-From win
over From; and their readers differ on every oddity. So no field of the message stays as it came: the header is written
anew, from the fields below and no others. The body stays, octet by octet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate

from reply_milter.core.rules import auto_reply
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.restore_content import WRITERS, content_field
from reply_milter.core.wrapping.restore_header import (
    Header,
    author_address,
    author_field,
    is_plain_address,
    read_header,
)
from reply_milter.core.wrapping.restore_ids import HoldsKey, plain_ids, thread_id
from reply_milter.core.wrapping.restore_lines import folded, unstructured
from reply_milter.core.wrapping.restore_subject import shown, with_tag
from reply_milter.core.wrapping.wrap import Road, Wrap

_DATE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,:+-().")
_DATE_LIMIT = 100
_ANSWERED = ("no", "auto-generated", "auto-replied", "auto-notified")  # RFC 3834 section 5, RFC 5436 section 2.7.1
_METHODS = {"pass": "dmarc=pass", "fail": "dmarc=fail"}


@dataclass(frozen=True, slots=True)
class Restoring:
    """What the seal says, and where we are. ``plain``: what the address stands for; ``road``: the class it came by.

    ``identifier``: the id of the verdict; ``auth``: what earlier milters said of the author; ``authserv_id``, ``host``:
    our names in Authentication-Results and Received; ``received``: Unix seconds, the same at each try.
    """

    plain: Plain
    wrap: Wrap
    road: Road
    identifier: str
    auth: str
    authserv_id: str
    host: str
    received: int


@dataclass(frozen=True, slots=True)
class Restored:
    """``recipient``: of the envelope, the application's own address. ``message``: with the line ends it came with."""

    recipient: str
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unrestorable:
    """The message can't be given to the application. ``why``: a few words for the log, without content."""

    why: str


def restore(message: bytes, restoring: Restoring) -> Restored | Unrestorable:
    """Write ``message`` anew for the application. Linear in ``message``; never raises, whatever its octets are."""
    original = restoring.plain.original
    if not _is_configured(restoring) or not is_plain_address(original):
        return Unrestorable("the original address is none that its handler's settings name now")
    thread = restoring.plain.thread
    if thread is not None and not thread.tag and not thread_id(thread.message_id):
        return Unrestorable("the id of its thread can't be written")
    header = read_header(message)
    if isinstance(header, str):
        return Unrestorable(header)
    content = [content_field(name, header.first(name)) for name in WRITERS if header.first(name)]
    lines = [written for written in content if written]
    if None in content:
        return Unrestorable("its Content-Type has no boundary that can be written")
    text = "\n".join([*_fields(header, restoring), *lines, "", ""])
    return Restored(original, text.encode("ascii").replace(b"\n", header.line_end) + header.body)


def _is_configured(restoring: Restoring) -> bool:
    """Whether the original is an address of its class as the settings have it now."""
    wrap, original = restoring.wrap, restoring.plain.original
    match restoring.road:
        case Road.OPEN:
            return any(pattern.match(original) for pattern in wrap.open)
        case Road.BOUNCE:
            return any(pattern.match(original) for pattern in wrap.bounces)
        case Road.NATIVE:
            local, _, domain = original.rpartition("@")
            return wrap.native_form(local, domain)
        case Road.WRAPPED:
            named = restoring.plain.thread is not None
            return wrap.address.match(original) is not None and named is wrap.is_for_everybody


def _fields(header: Header, restoring: Restoring) -> Iterator[str]:
    yield f"Received: by {restoring.host} with LMTP id {restoring.identifier};\n {formatdate(restoring.received)}"
    yield _authentication_results(header, restoring)
    yield author_field(header.author, _holds_key(restoring.wrap))
    yield f"To: {restoring.plain.original}"
    yield from _thread(header, restoring)
    yield from _date(header, restoring)
    yield f"Message-ID: {_message_id(header, restoring)}"
    yield from _automatic(header)
    if "mime-version" in header.fields:
        yield "MIME-Version: 1.0"


def _authentication_results(header: Header, restoring: Restoring) -> str:
    """RFC 8601. What we found is about the author's domain, as DMARC's is, and is named so."""
    found = _METHODS.get(restoring.auth)
    if found is None:
        return f"Authentication-Results: {restoring.authserv_id}; none"
    name = author_address(header.author).rpartition("@")[2]
    return folded("Authentication-Results", [f"{restoring.authserv_id};", found, f"header.from={name}"])


def _thread(header: Header, restoring: Restoring) -> Iterator[str]:
    """Subject, In-Reply-To and References; for an address that is everybody's, those of the thread that we minted for.

    A stranger's mail to an open address of such an application names no thread, as its ids and tags are its keys.
    """
    thread, subject = restoring.plain.thread, header.fields.get("subject")
    strict = thread is not None or (restoring.wrap.is_for_everybody and restoring.road is not Road.NATIVE)
    if subject is not None or (thread is not None and thread.tag):
        value = subject[0] if subject else ""
        yield unstructured("Subject", with_tag(value, thread.tag if thread else "") if strict else shown(value))
    if strict:
        ids = [written for written in [thread_id(thread.message_id) if thread else ""] if written]
        named = {"In-Reply-To": ids, "References": ids}
    else:
        holds_key = _holds_key(restoring.wrap)
        named = {name: plain_ids(header.first(name.lower()), holds_key) for name in ("In-Reply-To", "References")}
    for name, ids in named.items():
        if ids:
            yield folded(name, ids)


def _date(header: Header, restoring: Restoring) -> Iterator[str]:
    date = header.first("date").replace("\t", " ")
    sound = date and len(date) <= _DATE_LIMIT and set(date) <= _DATE_CHARACTERS
    if sound and not _holds_key(restoring.wrap)(date):
        yield f"Date: {date}"


def _message_id(header: Header, restoring: Restoring) -> str:
    """The message's own, or one made of the reply's id: applications tell by it what they have already."""
    ids = plain_ids(header.first("message-id"), _holds_key(restoring.wrap))
    return ids[0] if len(ids) == 1 else f"<{restoring.identifier}@{restoring.host}>"


def _automatic(header: Header) -> Iterator[str]:
    """Auto-Submitted and Precedence as the milter judged them; other signs of a machine are written as the former."""
    fields = header.fields
    said = [auto_reply.keyword(value) for value in fields.get("auto-submitted", ())]
    by_machine = next((word for word in said if word not in ("", "no")), "")
    bulk = auto_reply.bulk_word(fields)
    if by_machine or (auto_reply.is_automatic(fields) and not bulk):
        yield f"Auto-Submitted: {by_machine if by_machine in _ANSWERED else 'auto-replied'}"
    elif "no" in said:
        yield "Auto-Submitted: no"
    if bulk:
        yield f"Precedence: {bulk}"


def _holds_key(wrap: Wrap) -> HoldsKey:
    return wrap.address.key_form.finds_in
