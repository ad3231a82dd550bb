"""Plug-ins: found by their entry points, or refused in words."""

from pathlib import Path

import pytest

from reply_milter.adapters.handlers.plugins import PlugInError, load_plug_in
from reply_milter.core.verdict.destination import PlugIn
from tests.contract.handlers.given import reply


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings a handler, as pip would install it."""
    (tmp_path / "take_it.py").write_text(
        "class Taker:\n"
        "    name, description = 'taker', 'for tests'\n"
        "    def __init__(self, settings):\n"
        "        self.place = settings['place']\n"
        "    def process(self, reply):\n"
        "        with open(self.place, 'a') as file:\n"
        "            file.write(f'{reply.user} {reply.context} {reply.locator} {reply.text}')\n"
        "def broken(settings):\n"
        "    raise ValueError('no such place')\n"
        "def without(settings):\n"
        "    return object()\n"
    )
    metadata = tmp_path / "take_it-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: take-it\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[reply_milter.handlers]\ntaker = take_it:Taker\nbroken = take_it:broken\nwithout = take_it:without\n"
        "absent = nothing_here:x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_plug_in_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """It gets its settings, and returns nothing where all went well."""
    taker = load_plug_in(PlugIn("taker", {"place": str(tmp_path / "out")}))
    assert taker.process(reply()) is None
    assert (tmp_path / "out").read_text().startswith("0 0 test/endpoint A test by reply-milter")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "name,sentence",
    [
        ("nothing", "there is no plug-in 'nothing' .installed: absent, broken, taker, without."),
        ("broken", "does not take these settings: no such place"),
        ("without", "has no method process"),
        ("absent", "No module named"),
        ("taker", "does not take these settings: 'place'"),
    ],
)
def test_a_plug_in_that_cannot_be_used_says_why(name: str, sentence: str) -> None:
    """One line, when the configuration is read."""
    with pytest.raises(PlugInError, match=sentence):
        load_plug_in(PlugIn(name, {}))
