"""The steps of an application's page in docs/applications, as an operator takes them: lines that change."""

import re
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "docs/applications"
STEPS = ("Observe", "Verify", "Wrap", "Refuse")


@dataclass(frozen=True, slots=True)
class Step:
    """``lines``: of the configuration, by table; ``removes``: the table that goes."""

    name: str
    text: str
    lines: dict[str, dict[str, str]]
    removes: str

    def apply(self, handler: str, source: str) -> str:
        """Change the text of a handler, up to its ``[handler.delivery]``; ``source`` is where the users are here."""
        tables = _tables(handler)
        for table, values in self.lines.items():
            tables.setdefault(table, {}).update(values)
        if "[handler.verify]" in self.lines:
            tables["[handler.verify]"]["source"] = f'"file:{source}"'
        tables.pop(self.removes, None)
        return "".join(f"{table}\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
                       for table, values in tables.items())  # fmt: skip


def steps(application: str) -> list[Step]:
    """All steps of a page, in order."""
    page = (_FOLDER / f"{application}.md").read_text(encoding="utf-8")
    section = page.partition("## Switching on\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?ms)^\d\. \*([^*]+)\*(.*?)(?=^\d\. |\Z)", section)
    return [Step(name, text, _tables(_block(text)), _removed(text)) for name, text in found]


def _block(text: str) -> str:
    """The first block of code is configuration; what follows, commands."""
    found = re.search(r"(?m)(?:^ {7}.*\n)+", text)
    return found[0] if found else ""


def _removed(text: str) -> str:
    found = re.search(r"take out the table `(\[[\w.]+\])`", " ".join(text.split()))
    return found[1] if found else ""


def _tables(text: str) -> dict[str, dict[str, str]]:
    """Lines of TOML by table, keys in order; comments go."""
    tables: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        written = line.partition("  #")[0].strip()
        if written.startswith("["):
            current = tables.setdefault(written, {})
        elif written:
            key, _, value = written.partition(" = ")
            current[key] = value
    return tables
