"""A change of Postfix's configuration, and the configuration that it is made in."""

from collections.abc import Mapping
from dataclasses import dataclass

from reply_milter.core.diagnosis.postfix.site import Site
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF

FILES = (MAIN_CF, MASTER_CF)
Texts = Mapping[str, str]  # the text of main.cf and master.cf, by name


@dataclass(frozen=True, slots=True)
class Change:
    """A setting before and after; None where it is not set.

    ``service``: as ``name/type``, empty for main.cf. Without a ``name``, the value is the whole line of the service.
    """

    service: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return (
            f"{MASTER_CF}, service {self.service}: {self.name}".rstrip(": ")
            if self.service
            else f"{MAIN_CF}: {self.name}"
        )

    @property
    def file(self) -> str:
        """Return the file that holds it."""
        return MASTER_CF if self.service else MAIN_CF


@dataclass(frozen=True, slots=True)
class Host:
    """A configuration as it is written. ``main``: settings of main.cf itself, the last line of each name.

    ``services``: lines of master.cf, by name/type.
    """

    main: Mapping[str, str]
    services: Mapping[str, str]
    site: Site

    def options(self, service: str) -> Mapping[str, str]:
        """Return the values of a service's ``-o``, unexpanded."""
        return next((one.own for one in self.site.services if str(one) == service), {})

    def now(self, change: Change) -> str | None:
        """Return the present value of what ``change`` is about."""
        if not change.service:
            return self.main.get(change.name)
        return self.options(change.service).get(change.name) if change.name else self.services.get(change.service)

    def value(self, name: str) -> str:
        """Return a setting of main.cf as it is written, or its default; empty if it expands to nothing."""
        return self.main.get(name, self.site.raw.get(name, "")) if self.site.get(name) else ""
