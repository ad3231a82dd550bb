"""Reads a Postfix configuration as Postfix does: through postconf(1) and postmap(1), which change nothing."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.lookup_keys import DOMAIN_LISTS
from reply_milter.core.diagnosis.postfix.site import MasterService, Site

_SECONDS = 20.0  # a table may be a database on another host
_CHROOT_BY_DEFAULT = ("", "0")  # compatibility levels at which a `-` in master.cf means yes


class PostconfError(Exception):
    """The configuration cannot be read; the message says why."""


def read(folder: str) -> Site:
    """Read the configuration in ``folder``, without the content of its tables.

    Raises:
        PostconfError: there is no Postfix, or no configuration of one.
    """
    raw = dict(_pairs(call(folder)))
    main = dict(_pairs(call(folder, "-x")))
    main["queue_directory"] = os.path.realpath(main["queue_directory"])
    for name in DOMAIN_LISTS:
        main[name] = " ".join(_expanded(main.get(name, "")))
    fields: dict[str, dict[str, str]] = {}
    for path, value in _pairs(call(folder, "-F")):
        service, _, field = path.rpartition("/")
        fields.setdefault(service, {})[field] = value
    own: dict[str, dict[str, str]] = {}
    for path, value in _pairs(call(folder, "-P")):
        service, _, name = path.rpartition("/")
        own.setdefault(service, {})[name] = value
    services = (_service(folder, main, found, own.get(name, {})) for name, found in fields.items())
    return Site(main, raw, tuple(services), entries=_entries(folder))


def ask(site: Site, keys_by_table: Mapping[str, tuple[str, ...]]) -> Site:
    """Return ``site`` with what its tables contain for the keys of ``keys_by_table``, or why they cannot be read."""
    found: dict[tuple[str, str], str] = {}
    broken: dict[str, str] = {}
    for table, keys in keys_by_table.items():
        answer = run("postmap", "-c", site.get("config_directory"), "-q", "-", table.removeprefix("proxy:"), given=keys)
        for line in answer.stdout.splitlines():
            key, _, value = line.partition("\t")
            found[table, key] = value.strip()
        reason = complaint(answer)
        if reason:
            broken[table] = reason
    return replace(site, found=found, broken=broken)


def _service(folder: str, main: Mapping[str, str], fields: Mapping[str, str], own: Mapping[str, str]) -> MasterService:
    """Return a service with the settings of its program: main.cf's, overridden by its own."""
    settings = main
    if own:
        options = [word for name, value in own.items() for word in ("-o", f"{name}={value}")]
        settings = dict(_pairs(call(folder, "-x", *options)))
    chroot = fields["chroot"] == "y" or (
        fields["chroot"] == "-" and main.get("compatibility_level", "") in _CHROOT_BY_DEFAULT
    )
    program = os.path.basename(fields["command"].split()[0])
    return MasterService(fields["service"], fields["type"], program, chroot, settings, dict(own))


def _expanded(value: str) -> Iterator[str]:
    """Yield a list of domains, with the content of files that it names (match_list(3))."""
    for element in syntax.elements(value):
        if not element.startswith("/"):
            yield element
            continue
        try:
            lines = Path(element).read_text(errors="replace").splitlines()
        except OSError:
            continue
        yield from (word for line in lines if not line.startswith("#") for word in line.replace(",", " ").split())


def _entries(folder: str) -> tuple[tuple[str, str], ...]:
    try:
        with open(Path(folder) / "main.cf", encoding="utf-8", errors="surrogateescape", newline="") as file:
            return tuple(syntax.entries(file.read()))
    except OSError as error:
        raise PostconfError(f"{folder}/main.cf: {error.strerror}") from error


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition(" =")
        if equals:
            yield name, value.strip()


def call(folder: str, *words: str) -> str:
    """Return what postconf(1) prints.

    Raises:
        PostconfError: it fails, or there is none.
    """
    done = run("postconf", "-c", folder, *words)
    if done.returncode:
        raise PostconfError(f"{folder}: {complaint(done) or 'postconf fails'}")
    return done.stdout


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the first error that a program reported, without the program's name."""
    lines = [line for line in done.stderr.splitlines() if ": warning: " not in line]
    return lines[0].partition(": ")[2].removeprefix("fatal: ") if lines else ""


def run(name: str, *words: str, given: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run a program of Postfix; ``given``: lines on its standard input.

    Raises:
        PostconfError: there is no such program.
    """
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise PostconfError(f"there is no {name} on this host: is Postfix installed?")
    try:
        return subprocess.run(  # noqa: S603 # fixed programs, no shell; words are settings and their folder
            [program, *words],
            input="".join(f"{key}\n" for key in given),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([], 1, "", f"{name}: no answer within {_SECONDS:.0f} s")
