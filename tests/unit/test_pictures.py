"""The pictures of the README: drawn from what the program says, alike on each machine."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from reply_milter.core.mail.headers import MINT, VERDICT
from tools.pictures.__main__ import FOLDER
from tools.pictures.demonstration import PictureError, demonstration, excerpt
from tools.pictures.flow import HEIGHT, WIDTH, flow
from tools.pictures.terminal import Run, runs, terminal

_SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_of_the_flow_is_what_the_tool_draws() -> None:
    """``make pictures`` writes it."""
    assert (FOLDER / "flow.svg").read_text(encoding="utf-8") == flow()
    assert MINT in flow() and VERDICT in flow()


@pytest.mark.parametrize("name", ["flow.svg", "demo.svg"])
def test_a_picture_is_whole_and_loads_nothing(name: str) -> None:
    """Well-formed, with a title; no script, font or image from elsewhere: the page that shows it is a stranger's."""
    text = Path(FOLDER / name).read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 # our own
    assert root.find(f"{_SVG}title") is not None
    assert {one.tag.removeprefix(_SVG) for one in root.iter()} <= {
        "svg", "title", "defs", "marker", "path", "rect", "text", "circle", "g",
    }  # fmt: skip
    assert "href" not in text and "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_nothing_of_the_flow_lies_outside() -> None:
    """A text that grows is seen here before it is cut off."""
    for one in ET.fromstring(flow()).iter(f"{_SVG}text"):  # noqa: S314 # our own
        half = len(one.text or "") * float(one.attrib["font-size"]) * 0.31
        assert half <= float(one.attrib["x"]) <= WIDTH - half, one.text
        assert 0 < float(one.attrib["y"]) < HEIGHT


def test_a_line_is_split_at_its_colours() -> None:
    """Each run at its column."""
    assert list(runs("a \x1b[31mno\x1b[0m b\x1b[1mc")) == [
        Run(0, "", "a "), Run(2, "31", "no"), Run(4, "", " b"), Run(6, "1", "c"),
    ]  # fmt: skip


def test_text_stays_text() -> None:
    """Marks of XML in a line are shown."""
    drawn = terminal(['<a> & \x1b[32m"b"\x1b[0m'], 20, "t")
    texts = [one.text for one in ET.fromstring(drawn).iter(f"{_SVG}text")]  # noqa: S314 # our own
    assert texts == ["t", "<a> &", '"b"']


TABLE = """Starting.
more
WHAT WAS SENT   WHAT
an expired address   550 expired on 2031-02-03
sender mismatch: x
"""


def test_the_table_is_drawn_and_its_date_is_always_the_same() -> None:
    """The picture must not differ from day to day."""
    assert excerpt(TABLE) == ["Starting.", "", "WHAT WAS SENT   WHAT"]
    assert demonstration(TABLE) == demonstration(TABLE.replace("2031-02-03", "2032-03-04"))


def test_a_demonstration_without_a_table_is_not_drawn() -> None:
    """A picture of an error would be shown for months."""
    with pytest.raises(PictureError, match="no table"):
        excerpt("Starting.\nit failed\n")
