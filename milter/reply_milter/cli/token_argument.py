"""The address that the command line names, or its token id, as the log has it."""

import os
import re

from reply_milter.adapters.os.clock import WallClock
from reply_milter.cli.errors import CommandError
from reply_milter.core.seal.sealed_reply import TOKEN_ID_LENGTH
from reply_milter.core.token.explanation import explain
from reply_milter.wiring.settings import Settings

_TOKEN_ID = re.compile(rf"[a-z2-7]{{{TOKEN_ID_LENGTH}}}", re.ASCII)


def token_id_of(given: str, settings: Settings) -> str:
    """Return the token id of an address, or ``given`` if it is one.

    Raises:
        CommandError: EX_DATAERR: no address of this installation, with the first check that fails.
    """
    if _TOKEN_ID.fullmatch(given):
        return given
    explained = explain(given, settings.config.form, settings.keyring, settings.config.handlers, WallClock().now())
    if explained.key is None or explained.token_text is None:
        failed = next(step.words for step in explained.steps if not step.passed)
        raise CommandError(os.EX_DATAERR, f"this address is not known here: {failed}")
    return explained.key.token_id(explained.token_text.text)
