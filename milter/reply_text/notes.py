"""Find the header that Notes puts above the message that is answered: in columns, or each field in a box.

Columns: sender and date on the left, the labels on the right, each value on a line below its label, all moved in by
blanks. Boxes: a label between two rows, its value between two more.
"""

import re
from itertools import takewhile

from reply_text import moments, words
from reply_text.lines import Line
from reply_text.words import Label

_LINES = 40
_LINE_CHARACTERS = 500
_BLANK_LINES = 20
_CELLS = 12  # of a line
_CHARACTERS = 2000
_MOVED_IN = " " * 5
_GAP = re.compile(r"\s{2,}")
_BOX = re.compile(r"\|-{3,200}>\s*")
_BOXED_LABEL = re.compile(r"\|\s{0,9}[^|:\uff1a]{1,30}[:\uff1a]\s*\|\s*")
_BOXES = 2


def end(lines: list[Line], index: int) -> int | None:
    """Return the line behind the header that begins at ``index``; None if there is none."""
    if lines[index].text.startswith("|-"):
        return _boxes_end(lines[index : index + _LINES], index)
    return _columns_end(lines[index : index + _LINES], index) if _begins_columns(lines, index) else None


def _begins_columns(lines: list[Line], index: int) -> bool:
    """Whether the line is moved in, and the last above it that is not blank is not. So each line is read once."""
    above = (line for line in reversed(lines[max(0, index - _BLANK_LINES) : index]) if not line.blank)
    return lines[index].text.startswith(_MOVED_IN) and not next(above, Line("")).text.startswith(_MOVED_IN)


def _boxes_end(lines: list[Line], index: int) -> int | None:
    """Return the line behind at least two boxes with labels."""
    if not _is_labelled_box(lines, 0):
        return None
    boxed = list(takewhile(lambda line: line.text.lstrip(" ").startswith(("|", ">")), lines))
    labelled = sum(_is_labelled_box(boxed, place) for place in range(len(boxed)))
    return index + len(boxed) if labelled >= _BOXES else None


def _is_labelled_box(lines: list[Line], place: int) -> bool:
    box = lines[place : place + 3]
    return len(box) == 3 and _is_box(box[0]) and _is_boxed_label(box[1]) and _is_box(box[2])


def _is_box(line: Line) -> bool:
    return _BOX.fullmatch(line.text[:_LINE_CHARACTERS]) is not None


def _is_boxed_label(line: Line) -> bool:
    return _BOXED_LABEL.fullmatch(line.text[:_LINE_CHARACTERS]) is not None


def _columns_end(lines: list[Line], index: int) -> int | None:
    """Return the line behind columns with the labels of recipient and subject, an address, and a date with its time."""
    moved_in = list(takewhile(lambda line: line.blank or line.text.startswith(_MOVED_IN), lines))
    cells = [cell for line in moved_in for cell in _cells(line)]
    labels = {words.LABELS.get(cell.partition(":")[0].casefold()) for cell in cells}
    if not {Label.TO, Label.SUBJECT} <= labels:
        return None
    text = " ".join(cells)[:_CHARACTERS]
    return index + len(moved_in) if "@" in text and moments.is_dated(text) else None


def _cells(line: Line) -> list[str]:
    return [cell for cell in _GAP.split(line.text[:_LINE_CHARACTERS].strip(), _CELLS) if cell]
