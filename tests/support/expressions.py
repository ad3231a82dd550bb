"""Find every regular expression and every library call that reads text, in the source of all our modules.

Modules are named from within their package, those of the library with it: ``core.rules.thread``, ``reply_text.words``.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_SOURCES = Path(__file__).parents[2] / "milter"
_PACKAGES = ("reply_milter", "reply_text")
_WAYS = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})

# Libraries that read no text, or only our own: clocks, processes, containers, digests. All others read text.
_NO_READERS = frozenset(
    {
        "Milter", "_typeshed", "argparse", "asyncio", "bisect", "collections", "concurrent", "contextlib", "ctypes",
        "dataclasses", "datetime", "encodings", "enum", "fcntl", "functools", "grp", "hashlib", "hmac", "importlib",
        "itertools", "logging", "math", "mmap", "operator", "os", "pathlib", "posixpath", "pwd", "random",
        "re", "reply_milter", "reply_text", "resource", "secrets", "select", "shutil", "signal", "socket", "stat",
        "string", "struct", "subprocess", "sys", "tempfile", "threading", "time", "types", "typing", "weakref",
    }
)  # fmt: skip
_CODECS = ("candidate", "codec")  # names of variables with an expression


@dataclass(frozen=True)
class Expression:
    """A regular expression and its use. ``ways``: the called methods; ``pattern``: None if built later."""

    pattern: re.Pattern[str] | re.Pattern[bytes] | None
    ways: frozenset[str]


@cache
def _trees() -> dict[str, ast.Module]:
    paths = sorted(path for package in _PACKAGES for path in (_SOURCES / package).rglob("*.py"))
    names = [_name(path) for path in paths]
    return {name: ast.parse(path.read_text()) for name, path in zip(names, paths, strict=True)}


@cache
def expressions() -> dict[str, list[Expression]]:
    """Return expressions by ``module.NAME``, or ``module.function`` for those within one; a place may have several."""
    found: dict[str, list[Expression]] = {}
    for module, tree in _trees().items():
        for place, call in _calls(tree):
            way = _function_of(call, "re")
            if way == "compile" and place.isupper():
                values = [_module(module, place)] if f"{module}.{place}" not in found else []
                for value in values:
                    patterns = value.values() if isinstance(value, dict) else [value]
                    found[f"{module}.{place}"] = [Expression(one, _ways(module, place)) for one in patterns]
            elif way == "compile" or way in _WAYS:
                ways = frozenset({way}) if way in _WAYS else frozenset({"search"})
                found.setdefault(f"{module}.{place}", []).append(Expression(_constant(call), ways))
    return found


def library_calls() -> set[str]:
    """Return ``module: library.function``, and ``module: codec`` for codecs besides UTF-8 and ASCII."""
    found: set[str] = set()
    for module, tree in _trees().items():
        names = dict(_imported(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (called := _called(node, names)):
                found.add(f"{module}: {called}")
    return found


def _name(path: Path) -> str:
    whole = ".".join(path.relative_to(_SOURCES).with_suffix("").parts).removesuffix(".__init__")
    return whole.removeprefix("reply_milter.")


def _module(module: str, name: str) -> Any:
    whole = module if module.startswith("reply_text") else f"reply_milter.{module}"
    return getattr(importlib.import_module(whole), name)


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call with the name of its assignment or function."""
    for statement in tree.body:
        place = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        yield from _walk(statement, place.id if isinstance(place, ast.Name) else getattr(statement, "name", ""))


def _walk(node: ast.AST, place: str) -> Iterator[tuple[str, ast.Call]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        place = node.name
    if isinstance(node, ast.Call):
        yield place, node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, place)


def _function_of(call: ast.Call, module: str) -> str:
    function = call.func
    of_module = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return function.attr if of_module and function.value.id == module else ""  # type: ignore[attr-defined]


def _constant(call: ast.Call) -> re.Pattern[str] | re.Pattern[bytes] | None:
    first = call.args[0]
    written: Any = first.value if isinstance(first, ast.Constant) else None
    return re.compile(written) if written is not None else None


def _ways(module: str, name: str) -> frozenset[str]:
    """Return the methods that are called on an expression, in its own module and in others that import it."""
    elsewhere = f"{module.rpartition('.')[2]}.{name}"
    found = {way for other, owner, way in _uses() if owner == (name if other == module else elsewhere)}
    return frozenset(found or {"search"})


@cache
def _uses() -> list[tuple[str, str, str]]:
    """Yield module, owner (also of ``OWNER[key]``) and method of each call that may be an expression's."""
    return [
        (module, ast.unparse(node.value.value if isinstance(node.value, ast.Subscript) else node.value), node.attr)
        for module, tree in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in _WAYS
    ]


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Return the names in a module for libraries that read text, and for parts of these."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots = [alias.name.partition(".")[0] for alias in node.names]
            yield from ((root, root) for root in roots if root not in _NO_READERS)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] not in _NO_READERS:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _called(call: ast.Call, names: dict[str, str]) -> str:
    """Return the called function of a library; empty for any other call."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in ("encode", "decode") and call.args:
        written = ast.unparse(call.args[0]).strip("'").replace("_", "-")
        if written in _CODECS or (isinstance(call.args[0], ast.Constant) and written not in ("utf-8", "ascii")):
            return "codec"
    root, _, rest = ast.unparse(function).partition(".")
    return f"{names[root]}{'.' if rest else ''}{rest}" if root in names and "(" not in rest else ""
