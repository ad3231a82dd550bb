"""Sign mode: who can have reply addresses minted, and use them to reply as any user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reply_milter.core.diagnosis.problem import TOML, Problem, Remedy, note, warning
from reply_milter.core.notification.application import Application, Networks

_ANSWERS = "with such an address, and a Message-ID that it invents, it can reply as any user that it names"
_NAME_IT = Remedy(TOML, 'secret_file = "/etc/reply-milter/application.secret"', "[[sign.application]]")


@dataclass(frozen=True, slots=True)
class SigningFacts:
    """As the configuration has it. ``running``: whether sign mode is configured.

    ``port``: the socket, if every client that connects can claim to be an application; else empty. ``untrusted``:
    notifications whose client could not ask, since the daemon started; 0 also if that is unknown.
    """

    running: bool = False
    trusted: Networks = ()
    applications: Sequence[Application] = ()
    port: str = ""
    untrusted: int = 0


def examine(signing: SigningFacts) -> Iterator[Problem]:
    """Report which clients can mint, and whether others tried: a warning if so, and if no proof is required."""
    if not signing.running:
        return
    if signing.untrusted:
        yield _untrusted(signing.untrusted)
    if signing.port:
        yield warning(
            "config.sign_socket",
            f"sign.socket is {signing.port}: every user who can connect there can claim a login or an address",
            f"and gets a reply address: {_ANSWERS}",
            Remedy(TOML, 'socket = "unix:/var/spool/postfix/reply-milter/sign.sock"', "[sign]"),
        )
    if signing.trusted:
        yield warning(
            "config.sign_trusted",
            f"sign.trusted: every program and user of {_listed(signing.trusted)} can mint for any user and "
            f"{_unguarded(signing.applications)}",
            _ANSWERS,
            _NAME_IT,
        )
    if not signing.applications:
        yield warning(
            "config.sign_logins",
            "no [[sign.application]]: every login of the submission service can mint for any user and handler",
            _ANSWERS,
            Remedy(TOML, 'logins = ["shop@example.com"]', "[[sign.application]]"),
        )
    for application in signing.applications:
        yield from _application(application)


def _untrusted(count: int) -> Problem:
    left = "1 notification has" if count == 1 else f"{count} notifications have"
    return warning(
        "config.sign_untrusted",
        f"{left} left without a reply address since the daemon started: the client may not ask for one",
        "people can't answer these by mail; the log names each client, and who may ask",
        Remedy(TOML, 'logins = ["shop@example.com"]', "[[sign.application]]"),
    )


def _unguarded(applications: Sequence[Application]) -> str:
    """Return the handlers that a client of a trusted network can use without a secret."""
    guarded = {handler for one in applications if one.secret_file for handler in one.handlers}
    return f"any handler but {', '.join(sorted(guarded))}" if guarded else "handler"


def _application(application: Application) -> Iterator[Problem]:
    asks = f"can mint for any user of {', '.join(sorted(application.handlers))}"
    if application.logins or application.secret_file:
        yield note("config.minting", f"the application {application.name} {asks}: {application.proofs()}", _ANSWERS)
    else:
        yield warning(
            "config.sign_networks",
            f"sign.application {application.name}: every program and user of {_listed(application.networks)} {asks}",
            _ANSWERS,
            _NAME_IT,
        )


def _listed(networks: Networks) -> str:
    return ", ".join(map(str, networks))
