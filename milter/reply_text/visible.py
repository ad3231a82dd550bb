"""Tell text that shows something from text that does not, and words of a program from those of an author."""

import re
import unicodedata

# Shown as nothing, though Unicode calls them letters, marks or symbols: fillers, the blank Braille pattern, joiners.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(map(chr, range(0xFE00, 0xFE10)))
_HIDDEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # not Cn: an emoji may be younger than our tables
_NOTICE_CHARACTERS = 300
_NOTICE_LINES = 8
_PHRASE = 4  # words of a line that are looked for
_NOTICE = re.compile(r"html|\bmime\b|multi-?part", re.IGNORECASE)
_WORD = re.compile(r"\w+")


def is_blank(text: str) -> bool:
    """Whether ``text`` shows nothing: white space, and characters that no program draws. Linear."""
    return all(map(_is_hidden, text))


def may_be_notice(plain: str) -> bool:
    """Whether plain text is blank, or may only ask to read the HTML beside it, in whatever language."""
    return is_blank(plain) or (len(plain) <= _NOTICE_CHARACTERS and _NOTICE.search(plain) is not None)


def is_notice(plain: str, page: str) -> bool:
    """Whether the author's words stand in the HTML alone, whose text is ``page``: it repeats nothing of ``plain``."""
    if not may_be_notice(plain) or is_blank(page):
        return False
    shown = f" {' '.join(_words(page))} "
    phrases = [" ".join(_words(line)[:_PHRASE]) for line in plain.split("\n")[:_NOTICE_LINES]]
    return not any(f" {phrase} " in shown for phrase in phrases if phrase)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _is_hidden(character: str) -> bool:
    return character.isspace() or character in _BLANKS or unicodedata.category(character) in _HIDDEN
