"""X-Reply-Mint: the one field by which an application asks for a reply address.

A tag list as in RFC 6376 section 3.2, white space anywhere: ``handler=NAME; user=ID; locator=PATH``, or
``context=NUMBER`` instead of the locator. Like Moodle's inbound message handlers, it names who may answer what. An
application that has a secret to show adds ``key=SECRET``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reply_milter.core.token import token
from reply_milter.core.token.mint import MintError

FORM = "handler=NAME; user=ID; locator=PATH (or context=NUMBER), and key=SECRET where one is set"
_TAGS = frozenset({"handler", "user", "locator", "context", "key"})
_KEY = "key="
_SEVERAL = "?"  # too short to be a secret
_BLANK = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
# What a refusal may repeat of a tag's name or number: shorter than any secret, which may stand in the wrong place.
_REPEATED = re.compile(r"[A-Za-z0-9._+-]{1,12}|[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MintRequest:
    """What an application asks for. ``locator`` is empty and ``context`` None where it named none.

    Its key is no part of it: see ``key_of``.
    """

    handler: str
    user: int
    locator: str
    context: int | None


def read(value: str) -> MintRequest:
    """Read the value of the field.

    Raises:
        MintError: a tag is missing, doubled, unknown, or no number where one is needed; says which, and no secret.
    """
    tags: dict[str, str] = {}
    for part in _BLANK.sub("", value).removesuffix(";").split(";"):
        name, equals, text = part.partition("=")
        if not equals or name not in _TAGS or not text:
            raise MintError(f"must be {FORM}{_mistake(name, equals)}")
        if name in tags:
            raise MintError(f"a tag occurs twice: {name}")
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


def key_of(values: Sequence[str]) -> str:
    """The key in the field's ``values``, also where the rest can't be read; empty where there is none.

    One guess per message: if there are several keys, none of them counts.
    """
    parts = [part for value in values for part in _BLANK.sub("", value).split(";")]
    keys = [part.removeprefix(_KEY) for part in parts if part.startswith(_KEY)]
    return _SEVERAL if len(keys) > 1 else "".join(keys)


def _mistake(name: str, equals: str) -> str:
    """Say what is wrong with a tag; empty where it can't be named."""
    if name in _TAGS:
        return f"; {name} has no value" if equals else ""
    return f"; {name} is no tag" if equals and _REPEATED.fullmatch(name) else ""


def _number(text: str, what: str, limit: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) >= limit:
        given = f", not {text}" if _REPEATED.fullmatch(text) else ""
        raise MintError(f"{what} must be a number between 0 and {limit - 1}{given}")
    return int(text)
