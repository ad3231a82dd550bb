"""What an installation runs: our distribution, what it requires, what that requires; and how each is pinned."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

OURS = "reply-milter"
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.!+_-]*)")


def normalised(name: str) -> str:
    """A distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, metadata.Distribution]:
    """All run dependencies, direct or not, by normalised name, with those of the extra that the Debian package has."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [Requirement(f"{OURS}[imap]")]
    while wanted:
        requirement = wanted.pop()
        name = normalised(requirement.name)
        if name not in found:
            found[name] = metadata.distribution(name)
            wanted += _required(found[name], requirement)
    del found[OURS]
    return found


def _required(distribution: metadata.Distribution, requirement: Requirement) -> Iterator[Requirement]:
    for line in distribution.requires or ():
        needed = Requirement(line)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)):
            yield needed


def pins() -> dict[str, str]:
    """Versions in constraints.txt by normalised name.

    Raises:
        ValueError: a line is no pin.
    """
    found = {}
    for line in _CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = _PIN.fullmatch(line)
            if pin is None:
                raise ValueError(f"constraints.txt: {line}: must be NAME==VERSION")
            found[normalised(pin[1])] = pin[2]
    return found
