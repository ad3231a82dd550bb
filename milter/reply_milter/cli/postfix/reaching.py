"""Whether the daemon answers where Postfix is to ask it: if it does not, an attached Postfix defers all mail."""

import os
from collections.abc import Iterator

from reply_milter.adapters.clients import probes
from reply_milter.cli.errors import CommandError
from reply_milter.config import Config
from reply_milter.config.places import Listener
from reply_milter.core.attachment.wanted import Choice
from reply_milter.core.diagnosis.sockets import HOOK
from reply_milter.doctor import mta
from reply_milter.doctor.installation import answers, endpoint


def must_answer(config: Config, choice: Choice, folder: str) -> None:
    """Try each socket that Postfix is to use, also as its user and in its chroot.

    Raises:
        CommandError: nobody answers there, or Postfix would not get there.
    """
    client = mta.client(mta.site(folder))
    for name, place in _needed(config, choice):
        if not answers(name, place):
            raise CommandError(
                os.EX_UNAVAILABLE,
                f"nothing was changed: the daemon does not answer on {place.socket}, and Postfix would defer mail"
                " without it: start it first (systemctl start reply-milter)",
            )
        at = endpoint(place)
        refused = probes.refused_as(client.account, at.path, client.queue_directory) if client and at.path else ""
        if refused:
            raise CommandError(
                os.EX_UNAVAILABLE,
                f"nothing was changed: Postfix's user can't connect to {place.socket}: {refused}:"
                " reply-milter doctor says what to do",
            )


def _needed(config: Config, choice: Choice) -> Iterator[tuple[str, Listener]]:
    if config.verify.place is not None:
        yield "verify", config.verify.place
    if choice.sign and config.sign.place is not None:
        yield "sign", config.sign.place
    if choice.hook and config.delivery is not None:
        yield HOOK, config.delivery.place
