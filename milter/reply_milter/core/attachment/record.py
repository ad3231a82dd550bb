"""What ``attach`` puts on record: an object of JSON, by which ``detach`` takes everything back.

Members: ``version`` (1), ``folder`` (of the configuration), ``choice``, ``changes`` (a list of [service, name, before,
after]), ``before``, ``found`` and ``after`` (the texts of both files). Octets that are no UTF-8 are surrogates.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from reply_milter.core.attachment.change import FILES, Change, Texts
from reply_milter.core.attachment.wanted import Choice

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """``before``: the files without us. ``after``: as they were written; ``changes`` lead from one to the other.

    ``found``: the files as ``attach`` found them. If it is killed, that is what they still are.
    """

    folder: str
    choice: Choice
    changes: tuple[Change, ...]
    before: Texts
    found: Texts
    after: Texts

    def knows(self, file: str, found: Texts) -> bool:
        """Return whether a file is as ``attach`` left it, or as it found it: then ``before`` is the same without us."""
        return found[file] in (self.found[file], self.after[file])

    def write(self) -> str:
        """Return the JSON."""
        changes = [[one.service, one.name, one.before, one.after] for one in self.changes]
        members = {"version": _VERSION, "folder": self.folder, "choice": asdict(self.choice), "changes": changes}
        texts = {"before": dict(self.before), "found": dict(self.found), "after": dict(self.after)}
        return json.dumps({**members, **texts}, indent=1) + "\n"


def read(text: str) -> Record:
    """Read what ``Record.write`` wrote.

    Raises:
        ValueError: it is something else.
    """
    members = json.loads(text)
    try:
        if members["version"] != _VERSION:
            raise ValueError(f"is of version {members['version']}, which this program does not know")
        changes = tuple(_change(*one) for one in members["changes"])
        choice = Choice(**_checked(members["choice"]))
        texts = (_texts(members[name]) for name in ("before", "found", "after"))
        return Record(str(members["folder"]), choice, changes, *texts)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("is not what attach wrote") from error


def _change(service: str, name: str, before: str | None, after: str | None) -> Change:
    if not isinstance(service, str) or not isinstance(name, str):
        raise TypeError
    if not all(value is None or isinstance(value, str) for value in (before, after)):
        raise TypeError
    return Change(service, name, before, after)


def _checked(choice: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {name: type(value) for name, value in asdict(Choice()).items()}
    if {name: type(value) for name, value in choice.items()} != kinds:
        raise TypeError
    return dict(choice)


def _texts(members: Mapping[str, Any]) -> Texts:
    return {name: str(members[name]) for name in FILES}
