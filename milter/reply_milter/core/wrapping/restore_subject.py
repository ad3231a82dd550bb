"""The Subject that an application sees: decoded once and written anew, and with the thread's tag where that decides."""

import re

from reply_text import encoded_words

_TAG = re.compile(r"\[[^\[\]]*\]")
_ANSWERS = re.compile(r"(?:(?:re|aw|sv|vs|antw|ang|fwd?|wg|tr|rif|odp)\s?:\s*+)++", re.IGNORECASE)
_PASSES = 8  # of decoding, and of nested brackets; what is left after them goes, too


def shown(value: str) -> str:
    """The text of a Subject field, as a reader shows it."""
    return encoded_words.decode(value)


def with_tag(value: str, tag: str) -> str:
    """The text of a Subject field without any tag but ``tag``, which may be empty.

    Applications with one address for all threads look for their tag anywhere, some after decoding twice; one of them
    takes settings from what else stands in brackets. So no bracket stays, and nothing that could be decoded.
    """
    text = _untagged(_decoded(value)).strip()
    answers = _ANSWERS.match(text)
    rest = text[answers.end() :] if answers else text
    return " ".join(" ".join(("Re:" if answers else "", tag, rest)).split())


def _decoded(value: str) -> str:
    text = shown(value)
    for _ in range(_PASSES):
        again = shown(text)
        if again == text:
            break
        text = again
    return text.replace("=?", " ")


def _untagged(text: str) -> str:
    for _ in range(_PASSES):
        fewer = _TAG.sub(" ", text)
        if fewer == text:
            break
        text = fewer
    return text.replace("[", " ").replace("]", " ")
