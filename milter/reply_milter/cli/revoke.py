"""``revoke``: addresses that are out and must not work any more."""

import argparse
import json
import os

from reply_milter.adapters.wall_clock import WallClock
from reply_milter.app import open_registry
from reply_milter.cli.errors import CommandError
from reply_milter.cli.handler_argument import named_handler
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.store_access import settings_with_store
from reply_milter.cli.times import moment
from reply_milter.core import token
from reply_milter.core.explanation import explain
from reply_milter.settings import Settings

_KEPT_SECONDS = 7 * 86400  # beyond the longest validity: clocks differ


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and what it revokes."""
    deeds = add_command(commands, "revoke", _user, "make addresses that are out invalid").add_subparsers(
        metavar="WHAT", required=True
    )
    user = add_command(deeds, "user", _user, "all addresses of a user, minted until now")
    user.add_argument("id", metavar="ID", type=int)
    about = add_command(deeds, "object", _object, "all addresses about one thing, minted until now")
    about.add_argument("handler", metavar="HANDLER")
    about.add_argument("context", metavar="CONTEXT", type=int, help="as `explain` or a verdict tells it")
    one = add_command(deeds, "token", _token, "one address")
    one.add_argument("address", metavar="ADDRESS")
    before = add_command(deeds, "before", _before, "whatever was minted before a time")
    before.add_argument("unix", metavar="UNIX", type=int)
    for parser in (user, about, one, before):
        add_config(parser)
        add_json(parser)


def _user(options: argparse.Namespace) -> int:
    if not 0 <= options.id < token.USER_LIMIT:
        raise CommandError(os.EX_USAGE, f"a user id is between 0 and {token.USER_LIMIT - 1}")
    with settings_with_store(options) as settings:
        before = _next_minute()
        open_registry(settings.config).revoke_user(options.id, before, _kept(settings))
    return _tell(options, f"all addresses of user {options.id}", before, user=options.id)


def _object(options: argparse.Namespace) -> int:
    if not 0 <= options.context < token.CONTEXT_LIMIT:
        raise CommandError(os.EX_USAGE, f"a context is between 0 and {token.CONTEXT_LIMIT - 1}")
    with settings_with_store(options) as settings:
        handler = named_handler(settings.config.handlers, options.handler)
        before = _next_minute()
        open_registry(settings.config).revoke_object(handler.id, options.context, before, _kept(settings))
    what = f"all addresses of {handler.name} about {options.context}"
    return _tell(options, what, before, handler=handler.name, context=str(options.context))


def _token(options: argparse.Namespace) -> int:
    with settings_with_store(options) as settings:
        told = explain(
            options.address, settings.config.form, settings.keyring, settings.config.handlers, WallClock().now()
        )
        if told.key is None or told.glob is None:
            failed = next(step.words for step in told.steps if not step.passed)
            raise CommandError(os.EX_DATAERR, f"this is no address that could be revoked: {failed}")
        token_id = told.key.token_id(told.glob.text)
        open_registry(settings.config).revoke_token(token_id, _kept(settings))
    print(json.dumps({"token_id": token_id}) if options.json else f"revoked: the address with token id {token_id}")
    return os.EX_OK


def _before(options: argparse.Namespace) -> int:
    if options.unix < 0:
        raise CommandError(os.EX_USAGE, "UNIX is in seconds since 1970")
    if options.unix > WallClock().now() + 86400:
        raise CommandError(
            os.EX_USAGE, "that is more than a day ahead: it would revoke what is not minted yet. UNIX is in seconds"
        )
    with settings_with_store(options) as settings:
        open_registry(settings.config).revoke_before(options.unix, _kept(settings))
    return _tell(options, "all addresses", options.unix)


def _next_minute() -> int:
    """Tokens carry minutes: what was minted in this one is revoked, too."""
    return WallClock().now() // 60 * 60 + 60


def _kept(settings: Settings) -> int:
    return WallClock().now() + settings.config.handlers.longest_validity_days * 86400 + _KEPT_SECONDS


def _tell(options: argparse.Namespace, what: str, before: int, **members: object) -> int:
    if options.json:
        print(json.dumps({**members, "before": before}))
    else:
        print(f"revoked: {what} minted before {moment(before)}. Effective at once, on all hosts of this store")
    return os.EX_OK
