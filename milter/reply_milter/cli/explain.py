"""``explain``: what is inside an address, and why it is refused."""

import argparse
import json
import os

from reply_milter.app import load
from reply_milter.cli.options import add_at, add_command, add_config, add_json, moment
from reply_milter.core.explanation import Explanation, explain


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "explain", _run, "say what a reply address holds, and whether it is valid and why")
    parser.add_argument("address", metavar="ADDRESS")
    add_at(parser)
    add_json(parser)
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    settings = load(options.config)
    config = settings.config
    told = explain(options.address, config.form, settings.keyring, config.handlers, moment(options))
    print(json.dumps(_members(told)) if options.json else _text(told))
    return os.EX_OK


def _members(told: Explanation) -> dict[str, object]:
    token = told.glob.token if told.glob else None
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
        "token_id": told.key.token_id(told.glob.text) if told.key and told.glob else None,
        "checks": [{"check": step.name, "passed": step.passed, "words": step.words} for step in told.steps],
    }


def _text(told: Explanation) -> str:
    lines = ["valid" if told.valid else f"not valid: {told.reason}", ""]
    lines += [f"  {'ok  ' if step.passed else 'FAIL'} {step.name:<10} {step.words}" for step in told.steps]
    if told.glob is not None:
        token = told.glob.token
        bound = "bound to the address that it was sent to" if token.sender else "not bound to a sender's address"
        source = "" if told.key else "   (claimed: the checksum does not vouch for it)"
        lines += ["", f"  user {token.user}, context {token.context}, {bound}{source}"]
    if told.key is not None and told.glob is not None:
        lines.append(f"  token id {told.key.token_id(told.glob.text)}: what the log calls it")
    if told.valid:
        lines += ["", "  Revocations and replays are kept in the store, which was not asked."]
    return "\n".join(lines)
