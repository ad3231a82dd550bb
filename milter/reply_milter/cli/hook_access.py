"""Access to the state of the delivery hook, as the user who owns it: root must not own new files there."""

import argparse
import os

from reply_milter.adapters import telemetry
from reply_milter.adapters.handlers.plugins import PlugInError
from reply_milter.adapters.state_dir.deliveries import RecordDamagedError, RecordError
from reply_milter.cli.errors import CommandError
from reply_milter.config.delivery import DeliverySettings
from reply_milter.flows.delivering.service import HookService
from reply_milter.wiring.delivery import open_hook
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load


def hook(options: argparse.Namespace) -> HookService:
    """Open everything that the hook works with.

    Raises:
        CommandError: the configuration has no ``[delivery]``, a plug-in is gone, or its records are out of reach.
    """
    settings = load(options.config)
    delivery = delivery_of(settings, options.config)
    telemetry.log_to_stderr(settings.config.log.json, settings.config.log.level)
    become_owner(settings.config.state_dir)
    try:
        return open_hook(settings, delivery, telemetry.DeliveryLog(), None)
    except PlugInError as error:
        raise CommandError(os.EX_CONFIG, f"{options.config}: {error}") from error
    except RecordDamagedError as error:
        raise CommandError(os.EX_IOERR, str(error)) from error
    except RecordError as error:
        raise CommandError(os.EX_NOPERM, f"{error}; run this command as root or as the daemon's user") from error


def delivery_of(settings: Settings, path: str) -> DeliverySettings:
    """Return the table ``[delivery]``.

    Raises:
        CommandError: there is none.
    """
    if settings.config.delivery is None:
        raise CommandError(os.EX_CONFIG, f"{path}: has no table [delivery], so there is no delivery hook")
    return settings.config.delivery


def become_owner(folder: str) -> None:
    """Become the owner of ``folder`` if this process is root.

    Raises:
        CommandError: it is not there.
    """
    try:
        owner = os.stat(folder)
    except OSError as error:
        raise CommandError(os.EX_UNAVAILABLE, f"{folder}: {error.strerror}: has the daemon ever run?") from error
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
