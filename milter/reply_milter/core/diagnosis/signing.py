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

    ``port``: the socket, if every client that connects can claim to be an application; else empty.
    """

    running: bool = False
    trusted: Networks = ()
    applications: Sequence[Application] = ()
    port: str = ""


def examine(signing: SigningFacts) -> Iterator[Problem]:
    """Report which clients can mint: a warning if no proof is required, and a note for each application."""
    if not signing.running:
        return
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


def _unguarded(applications: Sequence[Application]) -> str:
    """Return the handlers that a client of a trusted network can use without a secret."""
    guarded = {handler for one in applications if one.secret_file for handler in one.handlers}
    return f"any handler but {', '.join(sorted(guarded))}" if guarded else "handler"


def _application(application: Application) -> Iterator[Problem]:
    asks = f"can mint for any user of {', '.join(sorted(application.handlers))}"
    if application.logins or application.secret_file:
        yield note("config.minting", f"the application {application.name} {asks}: {_proofs(application)}", _ANSWERS)
    else:
        yield warning(
            "config.sign_networks",
            f"sign.application {application.name}: every program and user of {_listed(application.networks)} {asks}",
            _ANSWERS,
            _NAME_IT,
        )


def _proofs(application: Application) -> str:
    """Describe what the application must prove; never the secret."""
    proofs = [f"login {' or '.join(sorted(application.logins))}"] if application.logins else []
    proofs += [f"from {_listed(application.networks)}"] if application.networks else []
    proofs += [f"the secret in {application.secret_file}"] if application.secret_file else []
    return ", and ".join(proofs)


def _listed(networks: Networks) -> str:
    return ", ".join(map(str, networks))
