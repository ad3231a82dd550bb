"""``run``: run all processes of the configuration, in one supervised process tree."""

import argparse
import os

from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command, add_config
from reply_milter.processes import daemon
from reply_milter.processes.state_folder import StartError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    add_config(add_command(commands, "run", _run, "run the milter in the foreground; SIGHUP reloads, SIGTERM ends"))


def _run(options: argparse.Namespace) -> int:
    try:
        daemon.run(options.config)
    except StartError as error:
        raise CommandError(error.status, str(error)) from error
    return os.EX_OK
