"""``[sign]``: where notifications are handed in, and who may have reply addresses minted for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reply_milter.config.delivery import CONFIRM
from reply_milter.config.places import SIGN_SOCKET, Listener, listener, networks
from reply_milter.core.encoding.toml_table import Table, matching
from reply_milter.core.notification.application import Application, Networks
from reply_milter.core.verdict.handler import Handlers

_PROOFS = ("logins", "networks", "secret_file")
_NAME = matching(r"[A-Za-z0-9._-]{1,64}", "1 to 64 of A-Za-z0-9._-")


@dataclass(frozen=True, slots=True)
class SignSettings:
    """Settings of the milter that mints. ``place``: None where there is none; a change needs a restart.

    ``trusted``: networks whose every user may have addresses minted, in any user's name.
    """

    place: Listener | None
    trusted: Networks = ()
    applications: tuple[Application, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a program that connects can claim to be a client that may ask: a TCP port has no file mode."""
        guarded = self.applications and all(application.secret_file for application in self.applications)
        return bool(self.place and self.place.socket.host) and not (guarded and not self.trusted)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator may have overlooked: who can have addresses minted for any user."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        if self.place is None:
            return
        if self.is_open:
            yield (
                f"sign.socket: whoever can connect to {self.place.socket} can claim any login or address and have"
                " reply addresses minted: use unix:/PATH, or a secret_file for each application"
            )
        if self.trusted:
            yield (
                f"sign.trusted: any user of {', '.join(map(str, self.trusted))} can have reply addresses minted for any"
                " other, and answer as them: name your applications in [[sign.application]] instead, with a login or a"
                " secret_file"
            )
        if not self.applications:
            yield (
                "sign: whoever has logged in can have reply addresses minted for any user: name your applications in"
                " [[sign.application]]"
            )
        for application in self.applications:
            if not application.logins and not application.secret_file:
                yield (
                    f"sign.application {application.name}: any user of its networks can have reply addresses minted, as"
                    " it can: add logins or a secret_file"
                )


def read_sign(table: Table | None) -> SignSettings:
    """Read ``[sign]``; None where there is no such table. ``unknown_handlers`` says whether its handlers exist."""
    if table is None:
        return SignSettings(None)
    place = listener(table, "socket", SIGN_SOCKET, 1)
    trusted = networks(table, "trusted")
    applications = tuple(_application(one) for one in table.tables("application"))
    _report_twins(table, applications)
    table.unknown()
    if not place.socket and not table.has_problem("socket"):
        table.problem("socket", "must not be empty: leave the table [sign] out instead")
    return SignSettings(place, trusted, applications)


def unknown_handlers(
    applications: Sequence[Application], handlers: Handlers, hooked: bool, mistakes: Sequence[str]
) -> list[str]:
    """Return a line for each handler that an application names and may not ask for.

    ``hooked``: the hook asks users by its own handler. ``mistakes``: all others.
    """
    if any(problem.startswith("handler") for problem in mistakes):
        return []  # a handler with a mistake may have no name yet: one line per mistake
    lines = []
    for number, application in enumerate(applications, 1):
        for name in sorted(application.handlers):
            hooks_own = hooked and name == CONFIRM
            if hooks_own or handlers.named(name) is None:
                own = " to ask for: its addresses answer the hook's own questions" if hooks_own else ""
                own = own or f"; configured are: {', '.join(handlers.names)}"
                lines.append(f"sign.application[{number}].handlers: {name!r} is no handler{own}")
    return lines


def _application(table: Table) -> Application:
    name = table.need("name", "", _NAME)
    handlers = _handlers(table)
    given = {key: table.has(key) for key in _PROOFS}
    application = Application(
        name=name,
        handlers=frozenset(handlers),
        logins=frozenset(_logins(table)),
        networks=networks(table, "networks"),
        secret_file=table.take("secret_file", "", lambda path: None if path else "must name a file"),
    )
    if not any(given.values()):
        table.problem(
            "logins", "is missing: an application needs a proof: at least one of logins, networks and secret_file"
        )
    for key in ("logins", "networks"):
        if given[key] and not getattr(application, key) and not table.has_problem(key):
            table.problem(key, "must not be empty: name one at least, or leave the key out")
    table.unknown()
    return application


def _handlers(table: Table) -> list[str]:
    if not table.has("handlers"):
        table.problem("handlers", "is missing: name the handlers that it may ask for")
        return []
    names = table.strings("handlers", [])
    if not names and not table.has_problem("handlers"):
        table.problem("handlers", "must not be empty: name the handlers that it may ask for")
    return names


def _logins(table: Table) -> list[str]:
    logins = table.strings("logins", [])
    if any(not login for login in logins):
        table.problem("logins", "must not hold an empty name: clients that have not logged in have that one")
    return logins


def _report_twins(table: Table, applications: tuple[Application, ...]) -> None:
    names = [application.name for application in applications if application.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.problem("application", f"two are called {name!r}")
