"""Any text is a configuration, or a list of mistakes, a line each, that name a key and show no secret.

Input: a configuration file. Where it is TOML, what stands in it as a secret must not stand in a mistake.
"""

import re
import tomllib
from collections.abc import Iterator

from reply_milter.config import Config, ConfigError, parse
from reply_milter.config.delivery import DeliverySettings
from reply_milter.wiring.settings import FIXED

WORDS = (
    b"\n", b"=", b" = ", b'"', b"'", b"[", b"]", b"[[", b"]]", b"{", b"}", b"#", b".", b",", b"\\", b"\0", b"\xff",
    b"1", b"-1", b"1e9", b"9" * 40, b"true", b"inf", b"1979-05-27", b'"""', b"realm", b"[address]", b"mailbox",
    b"delimiter", b"mint_domain", b"accept_domains", b"[verify]", b"socket", b"peers", b"authserv_id", b"[store]",
    b"url", b'"redis://u:hunter2@/"', b"[replay]", b"commit", b"[policy]", b"mode", b"[metrics]", b"listen",
    b"[[handler]]", b"id", b"name", b"context", b"[handler.policy]", b"[handler.delivery]", b"type", b'"webhook"',
    b"secret", b'"whsec_hunter2hunter2"', b"argv", b"[sign]", b"trusted", b"[[sign.application]]",
    b"handlers", b"logins", b"networks", b"secret_file", b"[delivery]", b"[delivery.confirmation]",
    b"expired_url", "\u0661".encode(), b'"\\u0000"', b'"\\n"', b'"%"',
)  # fmt: skip
_SECRETS = ("secret", "url")
_TOLD = re.compile(r"(not valid TOML|[A-Za-z0-9_.\"' \[\]-]+): .+")


def one_input(octets: bytes) -> None:
    """Read it."""
    try:
        written = octets.decode()
    except UnicodeDecodeError:
        written = octets.decode("latin-1")  # the file's reader refuses it before
    try:
        config = parse(written)
    except ConfigError as error:
        _hold_no_secret(error.problems, written)
        return
    _is_sound(config)


def _hold_no_secret(problems: list[str], written: str) -> None:
    assert problems
    for problem in problems:
        assert problem.isprintable(), problem
        assert len(problem) < 10_000 + len(written)
    for secret in _secrets(written):
        assert not any(secret in problem for problem in problems), problems


def _secrets(written: str) -> Iterator[str]:
    """Texts in place of secrets, long enough not to occur by chance."""
    try:
        values = tomllib.loads(written)
    except (ValueError, RecursionError):
        return
    yield from (secret for secret in _below(values) if len(secret) > 7 and written.count(secret) == 1)


def _below(value: object) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name in _SECRETS and isinstance(inner, str):
            yield inner
        yield from _below(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _below(inner)


def _is_sound(config: Config) -> None:
    assert all(
        hasattr(getattr(config, table) or DeliverySettings, key) for table, keys in FIXED.items() for key in keys
    )
    form = config.form
    assert form.mint_domain in form.accept_domains and not form.too_long
    assert len(form.write("0" * form.token_length).partition("@")[0]) <= 64
    handlers = config.handlers.by_id.values()
    assert handlers and len({handler.name for handler in handlers}) == len(handlers)
    for handler in handlers:
        assert not set("%\r\n") & set(handler.expired_url)
