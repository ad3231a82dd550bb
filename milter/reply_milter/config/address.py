"""``[address]``: what reply addresses look like."""

from reply_milter.core.encoding.toml_table import Table, one_of
from reply_milter.core.mail import domain
from reply_milter.core.token.address import MAILBOX, RESERVED, AddressForm
from reply_milter.core.token.token import CHECKSUM_FLOOR


def read_address(table: Table) -> AddressForm:
    """Read ``[address]``."""
    mailbox = table.take("mailbox", "reply", _mailbox)
    delimiter = table.take("delimiter", "+", one_of("+", "-"))
    mint_domain = _domain(table, "mint_domain", table.need("mint_domain", "reply.example.com"))
    names = table.strings("accept_domains", [mint_domain])
    accept = frozenset(_domain(table, "accept_domains", name) for name in names)
    if mint_domain not in accept:
        table.problem("mint_domain", f"{mint_domain} is not among accept_domains: its replies would never be ours")
    table.unknown()
    form = AddressForm(mailbox, delimiter, mint_domain, accept)
    if form.too_long:
        table.problem("mailbox", f"{mailbox!r} leaves no room for a checksum of 80 bits: at most 15 characters")
    return form


def address_warnings(form: AddressForm) -> tuple[str, ...]:
    """Return what an operator may have overlooked."""
    if form.checksum_length != CHECKSUM_FLOOR:
        return ()
    return (f"address.mailbox: {form.mailbox!r} leaves a checksum of only 80 bits, the least that is allowed",)


def _mailbox(value: str) -> str | None:
    if value and (not MAILBOX.fullmatch(value) or ".." in value):
        return f"must be a-z, 0-9, and . _ - inside, without '..': {value!r} is not"
    return f"{value!r} is reserved (RFC 2142): its mail is not ours to decide about" if value in RESERVED else None


def _domain(table: Table, key: str, name: str) -> str:
    ascii_name = domain.to_ascii(name)
    if not domain.is_host_name(ascii_name or ""):
        table.problem(key, f"{name!r} is not a domain name")
    return ascii_name or ""
