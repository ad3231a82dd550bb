"""``verify-header``: open the sealed verdict of a message file, as a delivery hook does."""

import argparse
import json
import os
import sys

from reply_milter.adapters.keyfile import KeyFileError, load_seal_keys
from reply_milter.cli.message_argument import read_message
from reply_milter.cli.options import DEFAULT_CONFIG, add_command
from reply_milter.config import ConfigError
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.verdict_header import SealProblem, unseal
from reply_milter.wiring.stores import load
from reply_text.syntax.message_file import split

_WORDS = {
    SealProblem.MISSING: f"missing: the message has no {VERDICT} field and cannot be trusted",
    SealProblem.DOUBLED: f"doubled: the message has more than one {VERDICT} field; the milter leaves only its own",
    SealProblem.BROKEN: f"broken: the seal of {VERDICT} does not match the field or the body",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands, "verify-header", _run, "open the sealed verdict of a message; exit 1 if it can't be trusted"
    )
    parser.add_argument("file", metavar="FILE.eml", help="the message; - for standard input")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument(
        "--config", metavar="FILE", default=DEFAULT_CONFIG, help=f"the configuration file ({DEFAULT_CONFIG})"
    )
    keys.add_argument("--seal-key", metavar="FILE", help="the seal keys alone: all that a hook needs")


def _run(options: argparse.Namespace) -> int:
    keys = _seal_keys(options)
    fields, body = split(read_message(options.file))
    tags = unseal([value for name, value in fields if name.lower() == VERDICT.lower()], keys)
    if not isinstance(tags, SealProblem) and tags.get("body") != _digest(body):
        tags = SealProblem.BROKEN
    if isinstance(tags, SealProblem):
        print(f"reply-milter: {_WORDS[tags]}", file=sys.stderr)
        return 1
    print(json.dumps(tags))
    return os.EX_OK


def _seal_keys(options: argparse.Namespace) -> tuple[bytes, ...]:
    if not options.seal_key:
        return load(options.config).seal_keys
    try:
        return load_seal_keys(options.seal_key)
    except KeyFileError as error:
        raise ConfigError(error.problems) from error


def _digest(body: bytes) -> str:
    digest = BodyDigest()
    digest.feed(body)
    return digest.text()
