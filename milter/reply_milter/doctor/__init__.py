"""Examines an installation: gathers facts through the adapters, and has the rules in ``core/diagnosis`` judge them.

It writes nothing and starts nothing, so that it may run at any time.
"""

from dataclasses import dataclass

from reply_milter.adapters.postfix.postconf import PostconfError
from reply_milter.core.diagnosis.problem import Problem, error, in_order
from reply_milter.doctor import mta
from reply_milter.doctor.installation import Installation

_AREAS = ("config", "keys", "daemon", "state", "store", "clock", "socket", "metrics")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``areas``: what was examined; the name of each problem's check begins with one of them."""

    areas: tuple[str, ...]
    problems: tuple[Problem, ...]


def examine(config: str, postfix: str | None) -> Diagnosis:
    """Examine the installation of a configuration file, and the Postfix configured in the folder ``postfix``.

    Raises:
        ConfigError: the configuration file cannot be read at all.
    """
    installation = Installation(config)
    areas = (*_AREAS, *installation.areas)
    if postfix is None:
        return Diagnosis(areas, in_order(installation.examine(mta.client(None))))
    try:
        site = mta.site(postfix)
    except PostconfError as mistake:
        unread = error("postfix.unread", str(mistake), "Postfix was not examined")
        return Diagnosis((*areas, "postfix"), in_order([*installation.examine(mta.client(None)), unread]))
    problems = [*installation.examine(mta.client(site)), *mta.examine(site, installation.config)]
    return Diagnosis((*areas, "postfix"), in_order(problems))
