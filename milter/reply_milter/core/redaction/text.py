"""Remove our reply addresses from what an application will show, because anybody who reads one can use it.

Mail programs copy the address that they answer into attributions, links and fields. These forms are found:

* MAILBOX DELIMITER and anything, at an accept domain; with the delimiter ``-`` only with the length of a token;
* MAILBOX DELIMITER and a GLOB, whatever follows, because a token works at our domain wherever it was written;
* a GLOB, at an accept domain; without a MAILBOX, only this form.

``+``, ``@`` and dots may be percent-encoded, once or more, or be character references; letters in either case;
``<wbr>`` anywhere. The extension becomes ``redacted``, everything else stays, so that a second pass changes nothing.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import idna

from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.token import KEY_LENGTH, USER_LENGTH

WORD = "redacted"
_EXTENSION_LIMIT = 128  # characters of "anything": twice what a local part may have
_ANYTHING = r"""[^\s@<>"(),:\\\[\]]"""
_BREAK = r"(?:<wbr ?/?>)?"  # Gmail puts it into long words of HTML
_NAMES = {"+": "plus", "@": "commat", ".": "period", "-": "hyphen", "_": "lowbar"}
# A letter or digit before it makes it another address, unless it ends an encoded octet.
_BEGINNING = r"(?:(?<![A-Za-z0-9._+-])|(?<=[%=][0-9A-Fa-f][0-9A-Fa-f]))"


def redact(text: str, form: AddressForm) -> str:
    """Remove our reply addresses from ``text``. Idempotent; linear in ``text``."""
    once = _pass(text, form)
    # A shortened extension may bring another one within the limit of length: a second pass finds that.
    return text if once == text else _pass(once, form)


def _pass(text: str, form: AddressForm) -> str:
    return pattern(form).sub(lambda found: (found["prefix"] or found["bare"] or "") + WORD, text)


@lru_cache(maxsize=8)
def pattern(form: AddressForm) -> re.Pattern[str]:
    """Return a pattern for reply addresses up to the domain. Group ``prefix`` or ``bare`` precedes the extension."""
    domains = "|".join(spelling for name in sorted(form.accept_domains) for spelling in _domain(name))
    at_us = rf"""["']?{_BREAK}(?:{_spelled("@")}|=){_BREAK}(?:{domains})(?![A-Za-z0-9-]|\.[A-Za-z0-9])"""
    user, rest = rf"[0-9a-f](?:{_BREAK}[0-9a-f]){{{USER_LENGTH - 1}}}", KEY_LENGTH + form.checksum_length
    token_text = rf"{user}(?:{_BREAK}[a-z2-7]){{{rest}}}(?![A-Za-z0-9])"
    prefix = "".join(_spelled(character) + _BREAK for character in form.prefix)
    length = f"{{{form.token_length}}}" if form.delimiter == "-" else f"{{1,{_EXTENSION_LIMIT}}}?"
    alternatives = [
        rf"{_BEGINNING}(?P<prefix>{prefix})(?:(?!{_BEGINNING}{prefix}){_BREAK}{_ANYTHING}){length}(?={at_us})",
        rf"(?P<bare>{prefix}){token_text}",
    ]
    if not form.mailbox:
        alternatives = ["(?P<prefix>)(?P<bare>)(?!)"]  # a whole domain would match
    return re.compile("|".join([*alternatives, rf"{_BEGINNING}{token_text}(?={at_us})"]), re.IGNORECASE)


def _domain(name: str) -> Iterator[str]:
    """Yield the patterns of a domain: as A-labels, and as people write them."""
    yield _BREAK.join(_spelled(character) for character in name)
    try:
        written = idna.decode(name)
    except idna.IDNAError:
        return
    if written != name:
        yield re.escape(written)


def _spelled(character: str) -> str:
    """Return the pattern of a character in text, in URLs (RFC 3986), in quoted-printable, and in HTML."""
    if character.isalnum():
        return character
    code = f"{ord(character):02x}"
    spellings = [
        re.escape(character), f"%(?:25){{0,4}}{code}", f"={code}", f"&#0{{0,5}}{ord(character)};?",
        f"&#x0{{0,5}}{code};?",
    ]  # fmt: skip
    if character in _NAMES:
        spellings.append(f"&{_NAMES[character]};")
    return f"(?:{'|'.join(spellings)})"
