"""The handler that the command line names."""

import os

from reply_milter.cli.errors import CommandError
from reply_milter.core.verdict.handler import Handler, Handlers


def named_handler(handlers: Handlers, name: str) -> Handler:
    """Return the handler called ``name``.

    Raises:
        CommandError: EX_USAGE, with the names that there are.
    """
    handler = handlers.named(name)
    if handler is None:
        raise CommandError(os.EX_USAGE, f"there is no handler {name!r}; configured are: {', '.join(handlers.names)}")
    return handler
