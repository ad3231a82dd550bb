"""The compiled build: what it is made of, that it is never made unasked, and that it says what it is.

``make compiled-test`` runs these, too, on the compiled modules.
"""

import importlib
import importlib.util
import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest

from reply_milter import __version__, cli
from reply_milter.wiring import build

_ROOT = Path(__file__).parents[3]
_ASKED = os.environ.get("REPLY_MILTER_COMPILED") == "1"


def _setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compiled_setup", _ROOT / "setup.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_PATHS: list[str] = _setup().paths()


def test_each_module_to_compile_is_there_and_named_once() -> None:
    """Whoever moves one changes setup.py, too."""
    assert [path for path in _PATHS if not (_ROOT / path).is_file()] == []
    assert len(_PATHS) == len(set(_PATHS)) > 40


@pytest.mark.parametrize("value", [None, "0", "", "yes"])
def test_nothing_is_compiled_unasked(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Neither an installation nor the Debian package needs a C compiler."""
    monkeypatch.delenv("REPLY_MILTER_COMPILED", raising=False)
    if value is not None:
        monkeypatch.setenv("REPLY_MILTER_COMPILED", value)
    assert _setup().extensions() == []


@pytest.mark.parametrize("path", _PATHS)
def test_what_was_asked_for_is_what_runs(path: str) -> None:
    """A module that silently stayed interpreted would be tested for nothing."""
    name = path.removeprefix("milter/").removesuffix(".py").replace("/", ".")
    file = importlib.import_module(name).__file__ or ""
    assert file.endswith(tuple(EXTENSION_SUFFIXES)) is _ASKED


def test_a_build_says_what_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads a log or a report of a fault must know which of the two ran."""
    assert build.is_compiled() is _ASKED
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"reply-milter {__version__}{', compiled' if _ASKED else ''}\n"
    monkeypatch.setattr(build, "is_compiled", lambda: True)
    assert build.version() == f"{__version__}, compiled"
