"""Recognise the line that Outlook draws above the message that is answered, in a ``style`` attribute.

Outlook writes `border:none;border-top:solid #E1E1E1 1.0pt`. Programs through which the mail passes spell it anew: the
sides one by one, the values in another order, the colour as `rgb(225, 225, 225)`, or style, width and colour of all
sides apart. The colour tells the line from lines that people draw.
"""

import re

_DECLARATIONS = 40  # of one style
_SIDES = ("top", "right", "bottom", "left")
_COLOURS = frozenset({"#b5c4df", "#e1e1e1", "#cccccc"})
_WIDTHS = frozenset({"1pt", "1.0pt"})
_PADDINGS = ("3pt", "3.0pt")  # between the line and what stands below it
_VALUE = re.compile(r"rgb\([\d\s,]{5,30}\)|[^\s()]{1,40}")
_NUMBER = re.compile(r"\d{1,3}")


def is_outlooks(style: str) -> bool:
    """Whether the style has Outlook's line on top, and none at the other sides."""
    sides = _sides(style)
    top, others = sides["top"], [sides[side] for side in _SIDES[1:]]
    if not ("solid" in top and top & _COLOURS and top & _WIDTHS) or any("solid" in other for other in others):
        return False
    return all("none" in other for other in others) or any(padding in style for padding in _PADDINGS)


def _sides(style: str) -> dict[str, set[str]]:
    """Return the values that hold for each side, the last of each kind."""
    sides: dict[str, set[str]] = {side: set() for side in _SIDES}
    for declaration in style.lower().split(";", _DECLARATIONS)[:_DECLARATIONS]:
        name, _, value = declaration.partition(":")
        _set(sides, name.strip(), [_plain(word) for word in _VALUE.findall(value)])
    return sides


def _set(sides: dict[str, set[str]], name: str, values: list[str]) -> None:
    parts = name.split("-")
    if parts[0] != "border" or not values:
        return
    if parts[1:] in (["style"], ["width"], ["color"]):
        for side, value in zip(_SIDES, _for_all_sides(values), strict=True):
            sides[side].add(value)
    elif parts[1:2] and parts[1] in _SIDES:
        sides[parts[1]] = set(values) if len(parts) == 2 else sides[parts[1]] | set(values)
    elif parts == ["border"]:
        sides.update({side: set(values) for side in _SIDES})


def _for_all_sides(values: list[str]) -> list[str]:
    """Return the values for top, right, bottom and left, of which CSS lets all but the first be left out."""
    top, right = values[0], values[1] if len(values) > 1 else values[0]
    return [top, right, values[2] if len(values) > 2 else top, values[3] if len(values) > 3 else right]


def _plain(value: str) -> str:
    """Return a colour `rgb(225, 225, 225)` as `#e1e1e1`, any other value as it is."""
    if not value.startswith("rgb("):
        return value
    numbers = [int(number) for number in _NUMBER.findall(value)]
    return "#" + "".join(f"{number:02x}" for number in numbers) if len(numbers) == 3 else value
