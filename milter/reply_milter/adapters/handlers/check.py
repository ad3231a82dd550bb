"""The result of one test of an endpoint."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One test. ``heard``: the answer; ``advice``: what to do if it is not ``good``."""

    name: str
    good: bool
    heard: str
    advice: str
