"""Pages name what is there: modules in docs/flow.md, commands in the README, files and headings in links."""

import re
import tomllib
from pathlib import Path

import pytest

from reply_milter.cli import main
from reply_milter.core.wrapping.presets import PRESETS

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "milter" / "reply_milter"
_FLOORS = ("core", "flows", "adapters")  # of several rooms
_ROOMS = ("core", "flows", "adapters", "ports", "cli", "config")


def test_the_flow_page_names_modules_that_are_there() -> None:
    """A file, or a folder of files."""
    named = re.findall(rf"`((?:{'|'.join(_ROOMS)})/[\w/.]+)`", (_ROOT / "docs" / "flow.md").read_text())
    assert len(named) > 15
    missing = [name for name in named if not any((_SOURCE / f"{name}{end}").exists() for end in ("", ".py"))]
    assert missing == []


def _rooms() -> set[str]:
    """Folders of the package with modules in them, at the depth at which the map names them."""
    parents = {path.parent.relative_to(_SOURCE).parts for path in _SOURCE.rglob("*.py")}
    return {"/".join(parts[:2] if parts[0] in _FLOORS else parts[:1]) for parts in parents if parts}


def _rows() -> dict[str, str]:
    """Rows of the table of docs/architecture.md: what the map says of each room."""
    page = (_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z_/]+)` \| (.*) \|$", page)
    assert len(rows) == len(dict(rows)), "a room has two rows"
    return dict(rows)


def test_the_map_names_each_room_and_no_other() -> None:
    """One row each."""
    assert set(_rows()) == _rooms() | {"reply_text", "reply_text/syntax"}


@pytest.mark.parametrize("floor", _FLOORS)
def test_the_map_names_what_stands_beside_the_rooms_of_a_floor(floor: str) -> None:
    """Else nobody finds a module that several rooms share."""
    modules = {path.stem for path in (_SOURCE / floor).glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", _rows()[floor])) == modules


def test_the_map_draws_the_layers_that_are_held() -> None:
    """Those of import-linter, from the top."""
    page = (_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["name"]: one for one in settings["tool"]["importlinter"]["contracts"]}
    layers = [re.findall(r"(?:reply_milter\.)?(\w+)", layer) for layer in contracts["imports point down"]["layers"]]
    drawn = [names.split(", ") for names in re.findall(r"(?m)^ {4}([a-z_]+(?:, [a-z]+)*) {2,}", page)]
    assert drawn == layers


def test_a_public_module_stands_at_the_top_and_nothing_else() -> None:
    """What has no room is imported by other people's programs."""
    assert {path.stem for path in _SOURCE.glob("*.py")} == {"__init__", "__main__", "mint", "plugin"}


def _anchor(heading: str) -> str:
    """What a heading is called in a link, by the rule of the usual forges."""
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def _leads_nowhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    if not target.exists():
        return True
    headings = re.findall(r"(?m)^#+ (.*)$", target.read_text()) if anchor else []
    return bool(anchor) and anchor not in map(_anchor, headings)


def test_links_lead_to_files_and_headings_that_are_there() -> None:
    """All links of all pages within the project."""
    pages = [
        page for folder in (".", "docs", "contrib", "grafana", "milter", "tests") for page in _pages(_ROOT / folder)
    ]
    links = [(page, link) for page in pages for link in re.findall(r"(?<!\\)\]\(([\w./#-]+)\)", page.read_text())]
    assert len(links) > 50
    assert [f"{page.relative_to(_ROOT)}: {link}" for page, link in links if _leads_nowhere(page, link)] == []


def test_the_index_names_every_page() -> None:
    """docs/README.md: each page of docs/, and the index of each folder with one of its own."""
    docs = _ROOT / "docs"
    indexed = {path.parent for path in docs.glob("*/README.md")}
    pages = {path for path in docs.rglob("*") if path.suffix in (".md", ".5", ".8") and path.parent not in indexed}
    pages |= {folder / "README.md" for folder in indexed}
    links = re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", (docs / "README.md").read_text(encoding="utf-8"))
    targets = {(docs / link).resolve() for link in links}
    named = {path / "README.md" if path.is_dir() else path for path in targets}
    assert sorted(pages - named - {docs / "README.md"}) == []


def _pages(folder: Path) -> list[Path]:
    return list(folder.glob("*.md") if folder == _ROOT else folder.rglob("*.md"))


def test_the_readme_names_commands_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the running program; the man page has all of them."""
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = set(re.findall(r"(?m)^    ([a-z-]+) ", capsys.readouterr().out))
    assert len(commands) > 10
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?m)(?:^ {4}|`)reply-milter ([a-z][a-z-]*)", readme))
    assert len(named) > 5
    assert named <= commands


def test_the_readme_shows_pictures_that_are_there() -> None:
    """With words for who does not see them."""
    shown = re.findall(r"!\[([^]]+)\]\(([^)]+)\)", (_ROOT / "README.md").read_text(encoding="utf-8"))
    assert [path for _, path in shown if not (_ROOT / path).is_file()] == []
    assert len(shown) == 2 and all(len(words) > 20 for words, _ in shown)


def test_the_readme_stays_a_first_page() -> None:
    """Six lines install it; and one reads to its end."""
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    install = readme.split("## Install\n")[1].split("## ")[0]
    assert len(re.findall(r"(?m)^ {4}\S", install)) == 6
    assert len(readme.splitlines()) <= 180


def test_the_readme_counts_what_there_is() -> None:
    """Alerts with their runbooks, failure cases, and applications that are wrapped."""
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    rules = "".join(path.read_text(encoding="utf-8") for path in (_ROOT / "grafana/rules").glob("*.yaml"))
    assert f"{len(re.findall(r'(?m)^ *- alert:', rules))} alerts with a runbook each" in readme
    applications = {name.lower() for name in re.findall(r"\b([A-Z][a-z]+[A-Z]?[a-z]*)\b", readme)} | {"gitlab"}
    assert set(PRESETS) - {"generic"} <= applications
