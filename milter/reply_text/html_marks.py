"""Recognise how mail programs mark quotes, attributions and signatures in the HTML they write.

Each mark was seen in published mail of the program named beside it. Outlook on the web puts ``x_`` before ids and
classes of what it quotes.
"""

import re

from reply_text import html_borders
from reply_text.html_tokens import Start
from reply_text.lines import Role

_MARKED = frozenset({"div", "blockquote", "hr", "pre", "table"})

_ATTRIBUTIONS = frozenset({"gmail_attr", "moz-cite-prefix"})  # Gmail, Thunderbird
_SIGNATURES = frozenset(
    {
        "gmail_signature",  # Gmail
        "moz-signature",  # Thunderbird
        "protonmail_signature_block",  # Proton
        "applemailsignature",  # Apple Mail, iOS
        "signature",  # Outlook on the web
        "ms-outlook-mobile-signature",  # Outlook for iOS and Android
        "tutanota_signature",  # Tuta
    }
)
# Elements that hold only the message that is answered.
_QUOTES = frozenset(
    {
        "yahoo_quoted",  # Yahoo, AOL
        "iosymail",  # Yahoo for iOS
        "blockquote_zmail",  # Zoho
        "tutanota_quote",  # Tuta
        "mail-editor-reference-message-container",  # Outlook for Mac, new Outlook
        "isreplycontent",  # QQ, NetEase
    }
)
# Blockquotes that hold the message that is answered, and also what the author quotes by a button (Gmail, Apple Mail).
_CITATIONS = frozenset({"gmail_quote", "protonmail_quote"})
# Behind these, to the end of the message, stands the message that is answered.
_ORIGINALS = frozenset(
    {
        "appendonsend",  # Outlook on the web
        "divrplyfwdmsg",  # Outlook on the web, Hotmail
        "outlookmessageheader",  # Outlook 2003
        "stopspelling",  # Hotmail until 2013
        "replysplit",  # Outlook for Android
        "ms-outlook-mobile-reference-message",  # Outlook for iOS and Android, since 2023
        "orimsghtmlseperator",  # NetEase
        "zwchr",  # Zimbra
    }
)
_WINDOWS_MAIL_LINE = "border-top-color:rgb(229,229,229);border-top-width:1px;border-top-style:solid"


def role(tag: Start) -> Role:
    """Return the role of the element that ``tag`` opens. ORIGINAL also holds for everything behind it."""
    if tag.name not in _MARKED or not tag.raw_attributes:
        return Role.UNKNOWN
    attributes = tag.attributes()
    names = {
        name.removeprefix("x_").casefold()
        for name in f"{attributes.get('class', '')} {attributes.get('id', '')}".split()
    }
    if names & _ORIGINALS or _is_drawn_line(attributes.get("style", "")):
        return Role.ORIGINAL
    if names & _QUOTES:
        return Role.QUOTED
    if tag.name == "blockquote" and (attributes.get("type", "").lower() == "cite" or names & _CITATIONS):
        return Role.BLOCKQUOTE
    if names & _ATTRIBUTIONS:
        return Role.ATTRIBUTION
    return Role.SIGNATURE if names & _SIGNATURES or "data-signatureblock" in attributes else Role.UNKNOWN


def is_preformatted(tag: Start) -> bool:
    """Whether white space within the element is kept."""
    style = tag.attributes().get("style", "").lower() if "white-space" in tag.raw_attributes.lower() else ""
    return tag.name == "pre" or re.search(r"white-space\s*:\s*(?:pre|break-spaces)", style) is not None


def _is_drawn_line(style: str) -> bool:
    """Whether it is the line that Outlook or Windows Mail draws above `From:`."""
    if "border" not in style.lower():
        return False
    return html_borders.is_outlooks(style) or _WINDOWS_MAIL_LINE in re.sub(r"\s", "", style).lower()
