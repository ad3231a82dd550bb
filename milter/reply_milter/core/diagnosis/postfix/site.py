"""A Postfix configuration as the rules see it, and what they need to know of ours."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF, Remedy
from reply_milter.core.token.address import AddressForm

Settings = Mapping[str, str]
_SAMPLE = "0"  # any text: Postfix's tables do not check tokens


@dataclass(frozen=True, slots=True)
class WrappedMailbox:
    """The mailbox of an application that ``handler`` wraps. ``samples``: addresses of each kind that reach it.

    ``names``: its local parts without an extension; empty where they have no pattern. ``delimiters``: behind them.
    """

    handler: str
    domain: str
    samples: tuple[str, ...]
    names: tuple[str, ...]
    delimiters: frozenset[str] = frozenset("+")


@dataclass(frozen=True, slots=True)
class Ours:
    """What the rules need of our own configuration. ``hook``: the receiver of replies opens the seal.

    ``hook_place``: where it listens; None where it does not. ``wrapped``: mailboxes of wrapped applications.
    """

    verify: Endpoint | None
    sign: Endpoint | None
    form: AddressForm
    timeout_ms: int
    max_message_bytes: int
    hook: bool
    believes_addresses: bool  # peers, trusted clients or applications are configured
    hook_place: Endpoint | None = None
    wrapped: Sequence[WrappedMailbox] = ()
    authserv_id: str = ""
    want_proof: Sequence[str] = ()  # handlers whose auth_none is not accept
    accept_early: bool = False

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains whose replies we accept."""
        return tuple(sorted(self.form.accept_domains))

    def addresses(self, domain: str) -> tuple[str, str]:
        """Return a reply address with and without its extension, as Postfix looks them up."""
        token_text = _SAMPLE * self.form.token_length
        whole = f"{self.form.prefix}{token_text}@{domain}"
        return whole, f"{self.form.mailbox}@{domain}" if self.form.mailbox else whole

    def pattern(self, domain: str) -> str:
        """Return a regular expression for all reply addresses at ``domain``, without anchors."""
        return f"{re.escape(self.form.prefix)}.*@{re.escape(domain)}"


@dataclass(frozen=True, slots=True)
class MasterService:
    """A line of master.cf. ``settings``: as its program gets them; ``own``: the values of its ``-o``, unexpanded."""

    name: str
    kind: str
    program: str
    chroot: bool
    settings: Settings
    own: Settings = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}/{self.kind}"

    def get(self, name: str) -> str:
        """Return a setting, expanded, on one line."""
        return syntax.one_line(self.settings.get(name, ""))

    def where(self, *names: str) -> str:
        """Return where one of ``names`` is set, for messages."""
        return f"{MASTER_CF}, service {self}" if any(name in self.own for name in names) else MAIN_CF

    def put(self, name: str, value: str, like: str = "") -> Remedy:
        """Return a line that sets ``name`` where it (or a setting ``like`` it) is set now."""
        if name not in self.own and like not in self.own:
            return Remedy(MAIN_CF, f"{name} = {value}".rstrip())
        pair = f"{{ {name} = {value} }}" if " " in value else f"{name}={value}"
        return Remedy(MASTER_CF, f"  -o {pair}", str(self))


@dataclass(frozen=True, slots=True)
class Site:
    """``main``: all settings, expanded; ``raw``: the same as they are written.

    ``found``: what tables contain, by table and key; ``broken``: why tables could not be read. ``entries``: the
    lines of main.cf itself, in order, as names and values; of two with one name, Postfix uses the last.
    """

    main: Settings
    raw: Settings
    services: tuple[MasterService, ...]
    found: Mapping[tuple[str, str], str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    entries: Sequence[tuple[str, str]] = ()

    def get(self, name: str) -> str:
        """Return a setting of main.cf, expanded, on one line."""
        return syntax.one_line(self.main.get(name, ""))

    def smtpd_services(self) -> Iterator[MasterService]:
        """Yield the services that take mail over SMTP."""
        return (service for service in self.services if service.program == "smtpd" and service.kind in ("inet", "pass"))

    def look_up(self, tables: str, whole: Iterable[str], parts: Iterable[str] = ()) -> str | None:
        """Return the value of the first key that one of the tables has; tables of patterns are tried with ``whole``."""
        listed = list(syntax.tables(tables))
        for keys, asked in ((whole, listed), (parts, [table for table in listed if syntax.takes_parts(table)])):
            for key in keys:
                for table in asked:
                    if (table, key) in self.found:
                        return self.found[table, key]
        return None


def parents(domain: str) -> tuple[str, ...]:
    """Return the parents of ``domain``, the nearest first, including the top-level domain."""
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(1, len(labels)))


def put(name: str, value: str) -> Remedy:
    """Return a line for main.cf."""
    return Remedy(MAIN_CF, f"{name} = {value}".rstrip())
