"""Tell an attribution by its form, directly above a quote: no word of it needs to be known.

Gmail translates the word for writing into some seventy languages, and puts date, name and address into the order of
each. In prose, an address in brackets, a date, a year and a time hardly ever stand together on a line that ends in a
colon, above a line that begins with ``>``. For texts of at most some hundred characters.
"""

import re

from reply_text import moments, words

_SHORT = 60  # characters of `NAME wrote:`
_SHORT_WORDS = 4  # words of its name
_TAIL_WORDS = 7  # words behind the address, in a line without a colon: a date in any language
_VERB_WORDS = 4  # words behind address, date and time, in front of the colon

_BRACKETED = re.compile(r"[<(\[](?:mailto:)?[^\s<>()\[\]@]{1,128}@[^\s<>()\[\]@]{1,255}[>)\]]")
# Nextcloud: `"Shop" shop@example.com - 26 November 2026 15:41`. A name without quotes needs brackets at its address.
_NAME_FIRST = re.compile(
    r"\W{0,3}(?:\"[^\"]{0,100}\"\s?[<(\[]?|(?:[^\s\d\W]\S{0,30} ){0,3}[<(\[])"
    r"[^\s<>()\[\]@]{1,128}@[^\s<>()\[\]@]{1,255}"
    r"[>)\]]?\s?[,;|:\u2013\u2014-]{1,2}\s"
)
# Gmail until 2016, where the sender had no address: `2016-03-03 17:21 GMT+01:00 Some One`.
_ZONED = re.compile(r"\d{4}-\d\d-\d\d \d{1,2}:\d\d GMT[+-]\d\d:\d\d \D{1,80}")


def attributes(text: str) -> bool:
    """Whether the line, directly above a quote, says whose words follow."""
    if text.endswith((*words.COLONS, *words.OTHER_COLONS)):
        return _ends_in_a_verb(text) and _BRACKETED.search(text) is not None and moments.is_dated(text)
    if _ZONED.fullmatch(text):
        return True
    named = _NAME_FIRST.match(text)
    tail = text[named.end() :] if named else ""
    return len(tail.split()) <= _TAIL_WORDS and moments.is_dated(tail)


def is_short(line: str) -> bool:
    """Whether the line is but a name, a word for writing and a colon: `The Shop writes:`."""
    text = line.strip()
    if len(text) > _SHORT or not text.endswith(words.COLONS):
        return False
    found = words.WROTE.search(text)
    if found is None or text[found.end() :].strip(" \xa0\u202f") not in words.COLONS:
        return False
    name = text[: found.start()].split()
    while name and name[-1] in words.AUXILIARIES:
        name.pop()
    return 0 < len(name) <= _SHORT_WORDS and name[0].casefold() not in words.NO_NAMES and all(map(_is_of_a_name, name))


def _ends_in_a_verb(text: str) -> bool:
    """Whether few words and no comma stand behind the last number or bracket: a sentence would go on."""
    tail = text[max(map(text.rfind, ">)]0123456789")) + 1 :]
    return len(tail.split()) <= _VERB_WORDS and not set(tail) & set(",;!?\u060c")


def _is_of_a_name(word: str) -> bool:
    """Whether the word may be one of a name. A language without capitals has no other words in such a line."""
    return word in words.NAME_PARTICLES or not (word[0].islower() or any(map(str.isdigit, word)))
