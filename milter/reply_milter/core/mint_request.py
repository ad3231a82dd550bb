"""X-Reply-Mint: the one field by which an application asks for a reply address.

A tag list as in RFC 6376 section 3.2, white space anywhere: ``handler=NAME; user=ID; locator=PATH``, or
``context=NUMBER`` instead of the locator. Like Moodle's inbound message handlers, it names who may answer what.
"""

import re
from dataclasses import dataclass

from reply_milter.core import token
from reply_milter.core.mint import MintError

FORM = "handler=NAME; user=ID; locator=PATH (or context=NUMBER)"
_TAGS = frozenset({"handler", "user", "locator", "context"})
_BLANK = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MintRequest:
    """What an application asks for. ``locator`` is empty and ``context`` None where it named none."""

    handler: str
    user: int
    locator: str
    context: int | None


def read(value: str) -> MintRequest:
    """Read the value of the field.

    Raises:
        MintError: a tag is missing, doubled, unknown, or no number where one is needed; says so in constant words.
    """
    tags: dict[str, str] = {}
    for part in _BLANK.sub("", value).removesuffix(";").split(";"):
        name, equals, text = part.partition("=")
        if not equals or name not in _TAGS or not text:
            raise MintError(f"must be {FORM}")
        if name in tags:
            raise MintError("a tag stands there twice")
        tags[name] = text
    if not {"handler", "user"} <= tags.keys():
        raise MintError(f"handler and user are needed: {FORM}")
    context = tags.get("context")
    return MintRequest(
        handler=tags["handler"],
        user=_number(tags["user"], "the user id", token.USER_LIMIT),
        locator=tags.get("locator", ""),
        context=None if context is None else _number(context, "a context", token.CONTEXT_LIMIT),
    )


def _number(text: str, what: str, limit: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) >= limit:
        raise MintError(f"{what} must be a number between 0 and {limit - 1}")
    return int(text)
