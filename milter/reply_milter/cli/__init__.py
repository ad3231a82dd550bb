"""The ``reply-milter`` command. One small module per sub-command; an error is one line and a sysexits code."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from reply_milter.cli.errors import CommandError
from reply_milter.cli.streams import open_missing_streams
from reply_milter.config import ConfigError
from reply_milter.libraries import LibraryError
from reply_milter.wiring.build import version

# In the order of the help; each is a module of this package.
_COMMANDS = (
    "init",
    "check-config",
    "run",
    "mint",
    "explain",
    "check",
    "keys",
    "revoke",
    "user",
    "commit",
    "verify-header",
    "deliver",
    "fetch",
    "deadletter",
    "parked",
    "test-endpoint",
    "text",
    "top",
    "why",
    "doctor",
    "postfix",
    "demo",
    "completion",
)


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in the command line in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with EX_USAGE."""
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(os.EX_USAGE)


def parser(command: str = "") -> argparse.ArgumentParser:
    """Return the parser of the command line, with every command declared, or just ``command``.

    Its module alone is loaded then: an MTA or an application may start it for each message.
    """
    top = _Parser(prog="reply-milter", description="Decides about reply-by-mail addresses at SMTP time.")
    top.add_argument("--version", action="version", version=f"reply-milter {version()}")
    top.set_defaults(whole=parser)  # for ``completion``
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name in (command,) if command in _COMMANDS else _COMMANDS:
        import_module(f"{__name__}.{name.replace('-', '_')}").add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] != ["deliver"]:
        return _main(words)
    try:
        return os.EX_TEMPFAIL if _main(words) else os.EX_OK
    except SystemExit as ended:  # a mistake in master.cf must not return mail to forged senders
        return os.EX_TEMPFAIL if ended.code else os.EX_OK


def _main(argv: Sequence[str]) -> int:
    open_missing_streams()
    try:
        return _run(parser(*argv[:1]), argv)
    except ConfigError as error:
        return _fail(os.EX_CONFIG, *error.problems)
    except (CommandError, LibraryError) as error:
        return _fail(error.status, str(error))
    except BrokenPipeError:  # the reader of our output closed it; without this, Python reports it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return os.EX_OK
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(os.EX_IOERR, f"{error.filename or 'output'}: {error.strerror}")
    except KeyboardInterrupt:
        return _fail(130, "interrupted")


def _run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    """Run a command, and flush its output before returning. Without a word: print the help."""
    try:
        if not argv:
            parser.print_help()
            sys.stdout.flush()
            return os.EX_OK
        options = parser.parse_args(argv)
        action: Callable[[argparse.Namespace], int] = options.action
        status = action(options)
    except SystemExit:  # help and version were printed
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return status


def _fail(status: int, *messages: str) -> int:
    from reply_milter.adapters.telemetry.logs import stderr_is_journal  # a command that holds needs none of it

    priority = "<3>" if stderr_is_journal() else ""  # sd-daemon(3): an error
    for message in messages:
        print(f"{priority}reply-milter: {message}", file=sys.stderr)
    return status
