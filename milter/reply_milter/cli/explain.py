"""``explain``: what an address contains, and why it is refused."""

import argparse
import json
import os

from reply_milter.adapters.state_dir import wrapped_mark
from reply_milter.cli.options import add_at, add_command, add_config, add_json, moment
from reply_milter.core.token.explanation import Explanation, explain
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.wrap import Road
from reply_milter.ports import StoreUnavailableError
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, open_store

_ASK_SECONDS = 1.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = "show the content of a reply address, and why it is valid or not; exit 1 if not"
    parser = add_command(commands, "explain", _run, text)
    parser.add_argument("address", metavar="ADDRESS")
    add_at(parser)
    add_json(parser)
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    settings = load(options.config)
    form, handlers, now = settings.config.form, settings.config.handlers, moment(options)
    left = wrapped_mark.noted(settings.config.state_dir)
    explained = explain(options.address, form, settings.keyring, handlers, now, left=left)
    asked = _ask(settings, explained)
    if isinstance(asked, Facts):
        explained = explain(options.address, form, settings.keyring, handlers, now, asked, left)
    print(json.dumps(_members(explained, asked)) if options.json else _text(explained, asked))
    return os.EX_OK if explained.valid else 1


def _ask(settings: Settings, explained: Explanation) -> Facts | StoreUnavailableError | None:
    """Return the store's record, or why it did not answer; None for a wrong checksum, as in the daemon.

    Only reads, starts no store, and waits a second at most.
    """
    if explained.key is None or explained.token_text is None:
        return None
    token, wrapped = explained.token_text.token, explained.road is Road.WRAPPED
    token_id = explained.key.token_id(explained.token_text.text)
    store = open_store(settings.config, longest_seconds=_ASK_SECONDS)
    try:
        return store.facts(token.user, token.handler, token.context, token_id, wrapped)
    except StoreUnavailableError as error:
        return error
    finally:
        store.close()


def _members(explained: Explanation, asked: Facts | StoreUnavailableError | None) -> dict[str, object]:
    token = explained.token_text.token if explained.token_text else None
    wrapped = explained.road is Road.WRAPPED
    return {
        "valid": explained.valid,
        "reason": explained.reason,
        "version": token.version if token else None,
        "user": token.user if token and not wrapped else None,
        "pseudo_user": token.user if token and wrapped else None,
        "class": explained.road,
        "handler": explained.handler.name if explained.handler else None,
        "issued": token.issued_at if token else None,
        "expires": token.expires_at(explained.handler.validity_days) if token and explained.handler else None,
        "context": str(token.context) if token else None,
        "bound": bool(token.sender) if token else None,
        "key": explained.key.master_id if explained.key else None,
        "retired_key": explained.retired_key or None,
        "token_id": explained.key.token_id(explained.token_text.text)
        if explained.key and explained.token_text
        else None,
        "store": "answered" if isinstance(asked, Facts) else "no answer" if asked else "not asked",
        "checks": [{"check": step.name, "passed": step.passed, "words": step.words} for step in explained.steps],
    }


def _text(explained: Explanation, asked: Facts | StoreUnavailableError | None) -> str:
    lines = ["valid" if explained.valid else f"not valid: {explained.reason}", ""]
    lines += [f"  {'ok  ' if step.passed else 'FAIL'} {step.name:<10} {step.words}" for step in explained.steps]
    if explained.token_text is not None:
        token = explained.token_text.token
        bound = "bound to the address that it was sent to" if token.sender else "not bound to a sender's address"
        source = "" if explained.key or explained.retired_key else "   (unverified: the checksum is wrong)"
        lines += ["", f"  user {explained.user}, context {token.context}, {bound}{source}"]
    if explained.key is not None and explained.token_text is not None:
        lines.append(f"  token id {explained.key.token_id(explained.token_text.text)}, as in log lines")
    if isinstance(asked, StoreUnavailableError):
        unknown = "it is unknown whether the address is revoked or its user disabled"
        lines += ["", f"  The store did not answer, so {unknown}: {asked}"]
    return "\n".join(lines)
