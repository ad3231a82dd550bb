"""A recipient is ours in its one plain spelling alone, and what would be delivered to us is never ordinary.

Input: the RCPT argument, and behind a NUL the MTA's reading of it (``{rcpt_addr}``), if it gives one.
"""

from reply_milter.core.token.address import (
    AddressForm,
    Misspelt,
    Ordinary,
    Recipient,
    ReplyAddress,
    classify,
    parse_plain,
)
from tests.fuzz.octets import text
from tests.support.fakes import DOMAIN, FORM

WORDS = (
    b"reply+", b"reply", b"reply-", b"@", f"@{DOMAIN}".encode(), b"@reply.test.", b"@example.com", b"<", b">", b"\0",
    b'"', b"\\", b"%", b"!", b"(", b")", b":", b",", b" ", b"\t", b"postmaster", "\u212a".encode(), "\u017f".encode(),
    b"\xff", b"00000000ff", b"bcdefghijklmnopqrstuvw", b"xyz234567abcdefghijklmnopq", b"[127.0.0.1]", b"reply\xc2\xadx",
)  # fmt: skip
FORMS = (
    FORM,
    AddressForm("reply", "-", DOMAIN, frozenset({DOMAIN})),
    AddressForm("", "+", DOMAIN, frozenset({DOMAIN})),
    AddressForm("a.reply-box", "+", DOMAIN, frozenset({DOMAIN, "xn--bcher-kva.test"})),
)


def one_input(octets: bytes) -> None:
    """Classify it under each form of addresses."""
    argument, nul, resolved = text(octets).partition("\0")
    for form in FORMS:
        _check(form, argument, resolved if nul else None)


def _check(form: AddressForm, argument: str, resolved: str | None) -> None:
    found = classify(form, argument, resolved)
    if isinstance(found, ReplyAddress):
        _is_plain(form, found, argument, resolved)
    plain = parse_plain(argument)
    if plain is not None and form.owns(*plain):
        assert not isinstance(found, Ordinary), "plainly ours, and let through"
    if resolved is not None and "@" in resolved and form.owns(*resolved.rsplit("@", 1)):
        assert not isinstance(found, Ordinary), "the MTA delivers it to us, and it is let through"
    if argument.isascii():
        other = classify(form, argument.swapcase(), resolved)
        assert _kind(other) == _kind(found), "the case of letters makes a difference"


def _is_plain(form: AddressForm, found: ReplyAddress, argument: str, resolved: str | None) -> None:
    """Nothing is left to interpret: the spelling is the address, in brackets or bare."""
    spelled = f"{found.local}@{found.domain}"
    assert argument.strip("<>").lower() == spelled.lower()
    assert form.owns(found.local, found.domain) and form.begins_plainly(found.local)
    assert classify(form, f"<{spelled}>", resolved) == found
    assert classify(form, spelled, spelled.lower() if resolved is None or "@" in resolved else found.local) == found


def _kind(found: Recipient) -> tuple[type, bool]:
    return type(found), isinstance(found, Misspelt) and found.disagreement
