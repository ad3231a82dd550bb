"""PROVISIONAL: replaced by the text branch."""

from dataclasses import dataclass

from reply_milter.core.address import AddressForm


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content_id: str
    octets: bytes
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    text: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    text: str
    html: str
    stripped: str
    subject: str
    date: str
    author: Address
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    truncated: bool = False


def read(message: bytes, form: AddressForm, marker: str, limits: Limits) -> Content:
    from reply_milter.core.message_file import split

    fields, body = split(message)
    text = body.decode("utf-8", "replace")
    named = {n.lower(): v.strip() for n, v in fields}
    return Content(
        text,
        "",
        text.split("On Mon, ")[0].split("\n>")[0].strip(),
        named.get("subject", ""),
        named.get("date", ""),
        Address("", named.get("from", "")),
        fields=tuple((n, v.strip()) for n, v in fields),
    )
