"""Write a reply as JSON: the object that Postmark posts for inbound mail, with one member of ours, ``Reply``.

``MessageID`` is the idempotency key; Postmark's is not the message's, either. ``MailboxHash``, which has the part after
the plus sign at Postmark, is the token id: the token itself is never in the JSON.
"""

import base64
import json

from reply_milter.core.delivery.reply import Reply
from reply_text import Attachment, Mailbox

_NAMELESS = "attachment"  # applications expect a name


def write(reply: Reply) -> bytes:
    """Write the object, in UTF-8."""
    return json.dumps(members(reply), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def members(reply: Reply) -> dict[str, object]:
    """Return the members of the object."""
    read = reply.content
    return {
        "Reply": _ours(reply),
        "MessageID": reply.id,
        "MailboxHash": reply.sealed.token_id,
        "From": read.author.address,
        "FromName": read.author.name,
        "FromFull": _person(read.author),
        "To": ", ".join(_written(person) for person in read.to),
        "ToFull": [_person(person) for person in read.to],
        "Cc": ", ".join(_written(person) for person in read.cc),
        "CcFull": [_person(person) for person in read.cc],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": _recipient(reply),
        "ReplyTo": ", ".join(_written(person) for person in read.reply_to),
        "Subject": read.subject,
        "Date": read.date,
        "TextBody": read.text,
        "HtmlBody": read.html,
        "StrippedTextReply": read.stripped,
        "Tag": "",
        "MessageStream": "inbound",
        "Headers": [{"Name": name, "Value": value} for name, value in read.fields],
        "Attachments": [_attachment(attachment) for attachment in read.attachments],
    }


def _recipient(reply: Reply) -> str:
    """The application's own address where one of ours stood for it; ours is a secret."""
    return reply.envelope.recipient if reply.sealed.road else f"redacted@{reply.sealed.recipient_domain}"


def _ours(reply: Reply) -> dict[str, object]:
    sealed = reply.sealed
    return {
        "id": sealed.id,
        "user": sealed.user,
        "handler": sealed.handler,
        "context": str(sealed.context),  # text, because it exceeds 2^53 and some languages would round it
        "thread": sealed.thread or None,
        "locator": sealed.locator or None,
        "replied_to": sealed.replied_to,
        "sender": sealed.sender or None,
        "auth": sealed.auth or None,
        "reason": sealed.reason,
        "replay": sealed.replay or None,
        "issued": sealed.issued,
        "expires": sealed.expires,
        "flaws": sorted(reply.content.flaws),
        **({"class": sealed.road, "recipient": reply.envelope.recipient} if sealed.road else {}),
    }


def variables(reply: Reply) -> dict[str, str]:
    """Return the member ``Reply`` as environment variables, for programs that read the message themselves."""
    given = {name: value for name, value in _ours(reply).items() if value is not None and not isinstance(value, list)}
    return {f"REPLY_{name.upper()}": str(value) for name, value in given.items()}


def _person(person: Mailbox) -> dict[str, str]:
    return {"Email": person.address, "Name": person.name, "MailboxHash": ""}


def _written(person: Mailbox) -> str:
    """Write a mailbox as in a header field, its name quoted (RFC 5322 section 3.2.4): a name can't fake an address."""
    name = person.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{person.address}>' if name else person.address


def _attachment(attachment: Attachment) -> dict[str, object]:
    return {
        "Name": attachment.name or _NAMELESS,
        "Content": base64.b64encode(attachment.octets).decode("ascii"),
        "ContentType": attachment.content_type,
        "ContentLength": len(attachment.octets),
        "ContentID": attachment.content_id,
    }
