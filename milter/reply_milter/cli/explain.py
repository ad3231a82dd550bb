"""``explain``: what an address contains, and why it is refused."""

import argparse
import json
import os

from reply_milter.adapters.state_dir import wrapped_mark
from reply_milter.cli.options import add_at, add_command, add_config, add_json, moment
from reply_milter.core.native.explanation import Look
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import Known
from reply_milter.core.token.explanation import Explanation, explain
from reply_milter.core.token.verify import Facts
from reply_milter.ports import NativeSources, SourceUnavailableError, StoreUnavailableError
from reply_milter.wiring.natives import read_sources
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
    known = (options.address, form, settings.keyring, handlers, now)
    look = _looking(read_sources(handlers))
    explained = explain(*known, left=left, look=look)
    asked = _ask(settings, explained)
    if isinstance(asked, Facts):
        explained = explain(*known, asked, left, look)
    print(json.dumps(_members(explained, asked)) if options.json else _text(explained, asked))
    return os.EX_OK if explained.valid else 1


def _looking(sources: NativeSources) -> Look:
    """Return what asks the source of an application's users."""

    def look(handler_id: int, named: Named) -> Known | str | None:
        try:
            return sources.known(handler_id, named)
        except SourceUnavailableError as error:
            return str(error)

    return look


def _ask(settings: Settings, explained: Explanation) -> Facts | StoreUnavailableError | None:
    """Return the store's record, or why it did not answer; None for a wrong checksum, as in the daemon.

    Only reads, starts no store, and waits a second at most.
    """
    if explained.key is None or explained.token_text is None:
        return None
    token, wrapped = explained.token_text.token, explained.has_pseudo_user
    token_id = explained.key.token_id(explained.token_text.text)
    store = open_store(settings.config, longest_seconds=_ASK_SECONDS)
    try:
        return store.facts(token.user, token.handler, token.context, token_id, wrapped)
    except StoreUnavailableError as error:
        return error
    finally:
        store.close()


def _members(explained: Explanation, asked: Facts | StoreUnavailableError | None) -> dict[str, object]:
    token, native = explained.token_text.token if explained.token_text else None, explained.native
    wrapped = explained.has_pseudo_user
    return {
        "valid": explained.valid,
        "reason": explained.reason,
        "version": token.version if token and not native else None,
        "user": token.user if token and not wrapped else None,
        "pseudo_user": token.user if token and wrapped else None,
        "class": explained.road,
        "handler": explained.handler.name if explained.handler else None,
        **_times(explained),
        "context": str(token.context) if token and not native else None,
        "bound": bool(token.sender) if token and not native else None,
        "key": explained.key.master_id if explained.key and not native else None,
        "retired_key": explained.retired_key or None,
        "token_id": explained.key.token_id(explained.token_text.text)
        if explained.key and explained.token_text
        else None,
        "store": "answered" if isinstance(asked, Facts) else "no answer" if asked else "not asked",
        "checks": [{"check": step.name, "passed": step.passed, "words": step.words} for step in explained.steps],
    }


def _times(explained: Explanation) -> dict[str, int | None]:
    """When it was issued, and when it ends; of a native address, at the earliest and as its application says."""
    if explained.native is not None:
        named, last = explained.native.named, explained.native.last_second
        return {"issued": named.issued_at or None, "expires": last + 1 if last else None}
    if explained.token_text is None:
        return {"issued": None, "expires": None}
    token, handler = explained.token_text.token, explained.handler
    return {"issued": token.issued_at, "expires": token.expires_at(handler.validity_days) if handler else None}


def _text(explained: Explanation, asked: Facts | StoreUnavailableError | None) -> str:
    lines = ["valid" if explained.valid else f"not valid: {explained.reason}", ""]
    lines += [f"  {'ok  ' if step.passed else 'FAIL'} {step.name:<10} {step.words}" for step in explained.steps]
    if explained.native is not None:
        lines += ["", f"  user {explained.user}"]
    elif explained.token_text is not None:
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
