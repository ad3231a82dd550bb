"""Arguments that say whose record or addresses a command is about: a user's, or a recipient's of wrapped notifications.

A recipient is a pseudo-user, one under each master key. Its number may be that of a real user, too, so a number alone
always is a real user's.
"""

import argparse
import os
from dataclasses import dataclass

from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import whole_number
from reply_milter.core.mail.domain import normalise
from reply_milter.core.token.token import USER_LIMIT
from reply_milter.core.wrapping.outward_minting import normal
from reply_milter.core.wrapping.pseudo_users import pseudo_users_of, shown_user, stands_for
from reply_milter.wiring.settings import Settings

_NOT_WRAPPED = 'no enabled handler has context = "wrapped", so no recipient has a pseudo-user: name the user by its ID'


@dataclass(frozen=True, slots=True)
class Whose:
    """``users``: one number, or all pseudo-users of ``of``. ``of``: normalised; empty where a number was given."""

    users: tuple[int, ...]
    wrapped: bool
    of: str = ""

    def shown(self, settings: Settings, addresses: tuple[str, ...] = ()) -> str:
        """The words for it. ``addresses`` on file may tell whom a pseudo-user stands for."""
        of = self.of or (stands_for(self.users[0], settings.keyring, addresses) if self.wrapped else "")
        return shown_user(self.users[0], self.wrapped, of)


def add_whose(parser: argparse.ArgumentParser) -> None:
    """Declare ``ID``, ``--of A`` and ``--wrapped``."""
    parser.add_argument("id", metavar="ID", nargs="?", type=whole_number, help="of the user")
    parser.add_argument(
        "--of", metavar="A", help="instead: whom wrapped notifications are sent to, under every master key in use"
    )
    add_wrapped(parser)


def add_wrapped(parser: argparse.ArgumentParser) -> None:
    """Declare ``--wrapped``."""
    parser.add_argument(
        "--wrapped", action="store_true", help="ID is a pseudo-user's, shown elsewhere as (wrapped, ID)"
    )


def check_whose(options: argparse.Namespace) -> None:
    """Check what can be checked without the settings.

    Raises:
        CommandError: EX_USAGE.
    """
    if (options.id is None) == (options.of is None):
        raise CommandError(os.EX_USAGE, "name one: ID, or --of with whom wrapped notifications are sent to")
    if options.of is not None and options.wrapped:
        raise CommandError(os.EX_USAGE, "--wrapped is about an ID: leave it out with --of")
    if options.of is not None:
        normal_address(options.of)
    else:
        check_id(options.id)


def whose(options: argparse.Namespace, settings: Settings) -> Whose:
    """Read what ``add_whose`` declared and ``check_whose`` passed.

    Raises:
        CommandError: EX_USAGE: nobody is a recipient of wrapped notifications here.
    """
    if options.of is None:
        return Whose((options.id,), options.wrapped)
    return recipient(normal_address(options.of), settings)


def recipient(address: str, settings: Settings) -> Whose:
    """All pseudo-users of a recipient; ``address`` is normalised.

    Raises:
        CommandError: EX_USAGE: no handler is wrapped. Said rather than revoking nothing under the name of a user.
    """
    if not settings.config.handlers.wrapped:
        raise CommandError(os.EX_USAGE, _NOT_WRAPPED)
    return Whose(pseudo_users_of(address, settings.keyring), True, address)


def recipient_address(given: str) -> str:
    """Return the form of a recipient's address that its pseudo-users are computed from.

    Raises:
        CommandError: EX_USAGE: it is no address.
    """
    if "@" not in given:
        raise CommandError(os.EX_USAGE, f"{given!r} is no mail address")
    return normal(given)


def check_id(user: int) -> None:
    """Make sure that a user number is one.

    Raises:
        CommandError: EX_USAGE.
    """
    if not 0 <= user < USER_LIMIT:
        raise CommandError(os.EX_USAGE, f"a user id is between 0 and {USER_LIMIT - 1}")


def normal_address(address: str) -> str:
    """The form of a mail address that is compared.

    Raises:
        CommandError: EX_USAGE: it has none.
    """
    normal = normalise(address) if "@" in address else None
    if normal is None:
        raise CommandError(
            os.EX_USAGE, f"{address!r} can't be on file: a plain ASCII local part and a domain are needed"
        )
    return normal
