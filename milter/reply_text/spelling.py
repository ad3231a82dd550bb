"""Spell lines plainly before they are compared: without invisible characters, digits as in ASCII.

Programs put controls of direction around names and addresses in Arabic, Hebrew and Persian, and write dates in the
digits of the user's script. What is kept of a reply is written as it came.
"""

from reply_text.lines import Line

# U+061C, U+200E and U+200F, U+202A to U+202E, U+2066 to U+2069 turn the direction; the other two show nothing.
_INVISIBLE = "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
# Zero in Arabic, Persian, Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam, Thai, Lao,
# Tibetan, Burmese, Khmer, Mongolian, and the wide form of East Asia. One to nine follow each.
_ZEROS = "\u0660\u06f0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0\u0f20\u1040\u17e0\u1810\uff10"
_PLAIN: dict[int, str | None] = {
    **{ord(character): None for character in _INVISIBLE},
    **{ord(zero) + digit: str(digit) for zero in _ZEROS for digit in range(10)},
}


def plain(line: Line) -> Line:
    """Return the line in its plain spelling, which remembers how it was written."""
    if line.text.isascii():
        return line
    text = line.text.translate(_PLAIN)
    return line if text == line.text else line._replace(text=text, written=line.shown)
