"""The names in third-party libraries that this program relies on, checked before the first use.

Some are private (attributes that begin with ``_``, of redis-py), and a release may remove them or change their meaning.
Then the program ends with one line that says so, instead of a traceback or wrong results. This room imports nothing
of the others: that import could fail for the same reason.
"""

import inspect
import os
import re
from collections.abc import Iterable, Iterator
from importlib import import_module, metadata
from typing import Any

from reply_milter.libraries.table import AIOHTTP, IMAPCLIENT, LIBRARIES, YARL, Library

__all__ = [
    "IMAPCLIENT",
    "LIBRARIES",
    "OURS",
    "POSTING",
    "Library",
    "LibraryError",
    "check",
    "problem_apart",
    "unlike",
]

OURS = "reply-milter"
POSTING = (AIOHTTP, YARL)
_NAME = re.compile(r"(?P<module>[\w.]+):(?P<path>[\w.()]+?)(?:\[(?P<parameters>[\w,]+)\])?")


class LibraryError(Exception):
    """A library is not what this program was written for; the message says which one, and what to install.

    ``status``: the exit status of a command, of sysexits.h.
    """

    status = os.EX_CONFIG


def check(*libraries: Library) -> None:
    """Check all names of ``libraries``, by default of those that every command needs.

    Raises:
        LibraryError: a name is missing.
    """
    for library in libraries or LIBRARIES:
        missing = [name for name in library.names if not _is_there(name)]
        if missing:
            raise LibraryError(_message(library.distribution, f"has no {', '.join(_plain(missing))}"))


def problem_apart(*needed: Library) -> str:
    """Return what ``check`` says of ``needed``, empty for nothing; a child process runs it.

    So the supervisor, which does not use the library itself, does not keep it in its memory and its children's.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            check(*needed)
        except Exception as error:  # noqa: BLE001 # the parent reports it
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        problem = answer.read().decode()
    os.waitpid(pid, 0)
    return problem


def unlike(distribution: str, how: str) -> LibraryError:
    """Return the error for a library that behaves differently; ``how`` says it ("counts otherwise")."""
    return LibraryError(_message(distribution, how))


def _is_there(name: str) -> bool:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name}: must be MODULE:NAME or MODULE:NAME[PARAMETER,...]")
    try:
        thing: Any = import_module(found["module"])
        for step in found["path"].split("."):
            thing = getattr(thing, step.removesuffix("()"))
            thing = thing() if step.endswith("()") else thing
    except (ImportError, AttributeError, TypeError):
        return False
    return found["parameters"] is None or _takes(thing, found["parameters"].split(","))


def _takes(thing: Any, parameters: Iterable[str]) -> bool:
    """Return whether ``thing`` takes ``parameters`` by name; True where Python does not know (C code).

    For a class, the constructors of all its bases count: one with ``**kwargs`` passes them on.
    """
    makers = [vars(base).get("__init__", object) for base in thing.__mro__] if isinstance(thing, type) else [thing]
    known: set[str] = set()
    for maker in makers:
        try:
            known |= inspect.signature(maker).parameters.keys()
        except (TypeError, ValueError):
            return True
    return known.issuperset(parameters)


def _plain(names: Iterable[str]) -> Iterator[str]:
    for name in list(names)[:3]:  # one line, even if everything has changed
        yield name.replace(":", ".").replace("[", " with ").replace("]", "")


def _message(distribution: str, how: str) -> str:
    good = _required(distribution)
    return (
        f"{distribution} {_version(distribution)} {how}: this program was written for {distribution}{good}; "
        f"install that (pip install '{distribution}{good}'), or the reply-milter package with its own libraries"
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _required(distribution: str) -> str:
    """Return the versions that pyproject.toml requires, from our own metadata."""
    try:
        lines = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:
        return ""
    for line in lines:
        found = re.match(rf"{re.escape(distribution)}(?:\[[\w,]*\])?\s*(?P<versions>[<>=!~][^;\s]*)", line)
        if found:
            return found["versions"]
    return ""
