"""``explain``: what is inside an address, and why it is refused."""

import argparse
import json
import os

from reply_milter.cli.options import add_at, add_command, add_config, add_json, moment
from reply_milter.core.token.explanation import Explanation, explain
from reply_milter.core.token.verify import Facts
from reply_milter.ports import StoreUnavailableError
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, open_store

_ASK_SECONDS = 1.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "explain", _run, "say what a reply address holds, and whether it is valid and why")
    parser.add_argument("address", metavar="ADDRESS")
    add_at(parser)
    add_json(parser)
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    settings = load(options.config)
    form, handlers, now = settings.config.form, settings.config.handlers, moment(options)
    told = explain(options.address, form, settings.keyring, handlers, now)
    asked = _ask(settings, told)
    if isinstance(asked, Facts):
        told = explain(options.address, form, settings.keyring, handlers, now, asked)
    print(json.dumps(_members(told, asked)) if options.json else _text(told, asked))
    return os.EX_OK


def _ask(settings: Settings, told: Explanation) -> Facts | StoreUnavailableError | None:
    """What the store knows, or why it did not say. As the daemon, it is asked about a good checksum alone.

    Only read, only where it runs, and with less patience than a person has.
    """
    if told.key is None or told.token_text is None:
        return None
    token = told.token_text.token
    store = open_store(settings.config, longest_seconds=_ASK_SECONDS)
    try:
        return store.facts(token.user, token.handler, token.context, told.key.token_id(told.token_text.text))
    except StoreUnavailableError as error:
        return error
    finally:
        store.close()


def _members(told: Explanation, asked: Facts | StoreUnavailableError | None) -> dict[str, object]:
    token = told.token_text.token if told.token_text else None
    return {
        "valid": told.valid,
        "reason": told.reason,
        "version": token.version if token else None,
        "user": token.user if token else None,
        "handler": told.handler.name if told.handler else None,
        "issued": token.issued_at if token else None,
        "expires": token.expires_at(told.handler.validity_days) if token and told.handler else None,
        "context": str(token.context) if token else None,
        "bound": bool(token.sender) if token else None,
        "key": told.key.master_id if told.key else None,
        "token_id": told.key.token_id(told.token_text.text) if told.key and told.token_text else None,
        "store": "answered" if isinstance(asked, Facts) else "no answer" if asked else "not asked",
        "checks": [{"check": step.name, "passed": step.passed, "words": step.words} for step in told.steps],
    }


def _text(told: Explanation, asked: Facts | StoreUnavailableError | None) -> str:
    lines = ["valid" if told.valid else f"not valid: {told.reason}", ""]
    lines += [f"  {'ok  ' if step.passed else 'FAIL'} {step.name:<10} {step.words}" for step in told.steps]
    if told.token_text is not None:
        token = told.token_text.token
        bound = "bound to the address that it was sent to" if token.sender else "not bound to a sender's address"
        source = "" if told.key else "   (claimed: the checksum does not vouch for it)"
        lines += ["", f"  user {token.user}, context {token.context}, {bound}{source}"]
    if told.key is not None and told.token_text is not None:
        lines.append(f"  token id {told.key.token_id(told.token_text.text)}: what the log calls it")
    if isinstance(asked, StoreUnavailableError):
        unknown = "whether it was revoked, or its user disabled, is not known"
        lines += ["", f"  The store gave no answer, so {unknown}: {asked}"]
    return "\n".join(lines)
