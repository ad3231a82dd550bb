"""The configuration file: TOML text in, one frozen Config out, or every mistake at once.

Reads no file but what it is given; units stand in the names of the keys.
"""

import tomllib
from dataclasses import dataclass

from reply_milter.config.places import (
    SIGN_SOCKET,
    VERIFY_SOCKET,
    MilterSocket,
    Networks,
    listen,
    milter_socket,
    networks,
    store_url,
)
from reply_milter.config.reasons import handlers, policy
from reply_milter.core import domain
from reply_milter.core.address import MAILBOX, RESERVED, AddressForm
from reply_milter.core.handler import Handlers
from reply_milter.core.keyring import REALM
from reply_milter.core.policy import Policy
from reply_milter.core.token import CHECKSUM_FLOOR
from reply_milter.toml_table import Table, between, matching, one_of


class ConfigError(Exception):
    """The configuration can't be used. ``problems``: a line each, with file, key and reason.

    ``partial``: what could be read all the same, with defaults in place of mistakes, so that more of them can be found.
    """

    def __init__(self, problems: list[str], partial: "Config | None" = None) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.partial = partial


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, checked. Paths are absolute, or relative to the configuration file's folder.

    ``verify`` is None on a host that only sends, ``sign`` on one that only receives; ``trusted`` may mint unasked.
    """

    realm: str
    state_dir: str
    form: AddressForm
    keys_file: str
    seal_file: str
    verify: MilterSocket | None
    sign: MilterSocket | None
    trusted: Networks
    peers: Networks
    authserv_id: str
    max_message_bytes: int
    forged_per_minute: int
    store_url: str
    timeout_ms: int
    accept_without_store: bool
    commit_on_accept: bool
    settle_ms: int
    policy: Policy
    metrics_host: str
    metrics_port: int
    log_json: bool
    log_level: str
    handlers: Handlers
    warnings: tuple[str, ...] = ()


def parse(text: str) -> Config:
    """Read a configuration.

    Raises:
        ConfigError: with a line ``key: reason`` for each mistake.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # tomllib's own error, an endless number, endless brackets
        raise ConfigError([f"not valid TOML: {error}"]) from error
    problems: list[str] = []
    config = _config(Table(values, "", problems))
    if problems:
        raise ConfigError(problems, config)
    return config


def _config(top: Table) -> Config:
    realm = top.need("realm", "", matching(REALM.pattern, "1 to 64 of A-Za-z0-9._-"))
    state_dir = top.take("state_dir", "/var/lib/reply-milter", matching(r"/.*", "an absolute path"))
    form, warnings = _address(top.table("address"))
    keys, verify, replay = top.table("keys"), top.table("verify"), top.table("replay")
    store, metrics, log = top.table("store"), top.table("metrics"), top.table("log")
    rules = policy(top.table("policy"), Policy(), with_mode=True)
    host, port = listen(metrics)
    verifying, signing, trusted = _milters(top, verify)
    config = Config(
        realm=realm,
        state_dir=state_dir,
        form=form,
        keys_file=keys.take("file", "/etc/reply-milter/keys.toml", _path),
        seal_file=keys.take("seal_file", "/etc/reply-milter/seal.key", _path),
        verify=verifying,
        sign=signing,
        trusted=trusted,
        peers=networks(verify, "peers"),
        authserv_id=verify.take("authserv_id", "", matching(r"[A-Za-z0-9.-]{0,255}", "a host name")),
        max_message_bytes=verify.take("max_message_bytes", 26214400, between(1, 1 << 40)),
        forged_per_minute=verify.take("forged_per_minute", 60, between(0, 1 << 30)),
        store_url=store_url(store, state_dir),
        timeout_ms=store.take("timeout_ms", 200, between(1, 20000)),
        accept_without_store=store.take("on_failure", "defer", one_of("defer", "accept")) == "accept",
        commit_on_accept=_commits_on_accept(replay),
        settle_ms=replay.take("settle_ms", 200, between(0, 60000)),
        policy=rules,
        metrics_host=host,
        metrics_port=port,
        log_json=log.take("format", "text", one_of("text", "json")) == "json",
        log_level=log.take("level", "info", one_of("debug", "info", "warning", "error")),
        handlers=handlers(top, rules),
        warnings=warnings,
    )
    for table in (keys, verify, replay, store, metrics, log):
        table.unknown()
    top.not_yet("delivery")
    top.unknown()
    return config


def _milters(top: Table, verify: Table) -> tuple[MilterSocket | None, MilterSocket | None, Networks]:
    """The two kinds of milters, of which a host runs one at least; and who may mint without a login."""
    signs = top.has("sign")
    sign = top.table("sign")
    verifying = milter_socket(verify, VERIFY_SOCKET, 0)
    signing = milter_socket(sign, SIGN_SOCKET, 1) if signs else None
    trusted = networks(sign, "trusted")
    sign.unknown()
    told = {problem.partition(":")[0] for problem in verify.problems}
    if signing is not None and not signing.socket and "sign.socket" not in told:
        sign.problem("socket", "must not be empty: leave the table [sign] out instead")
    if signing is not None and signing.socket and signing.socket == verifying.socket:
        sign.problem("socket", "is verify.socket, too: each kind of milter needs one of its own")
    if signing is None and not verifying.socket and "verify.socket" not in told:
        verify.problem("socket", "is empty, and there is no table [sign]: nothing would run")
    return verifying if verifying.socket else None, signing, trusted


def _commits_on_accept(replay: Table) -> bool:
    """Whether the milter commits by itself; else a hook does."""
    external_hook = replay.take("external_hook", False)
    commit = replay.take("commit", "delivery" if external_hook else "accept", one_of("accept", "delivery"))
    if commit == "delivery" and not external_hook:
        replay.problem("commit", '"delivery" needs a hook that commits: set replay.external_hook = true')
    return commit == "accept"


def _path(value: str) -> str | None:
    return None if value else "must name a file"


def _address(table: Table) -> tuple[AddressForm, tuple[str, ...]]:
    mailbox = table.take("mailbox", "reply", _mailbox)
    delimiter = table.take("delimiter", "+", one_of("+", "-"))
    mint_domain = _domain(table, "mint_domain", table.need("mint_domain", "reply.example.com"))
    names = table.strings("accept_domains", [mint_domain])
    accept = frozenset(_domain(table, "accept_domains", name) for name in names)
    if mint_domain not in accept:
        table.problem("mint_domain", f"{mint_domain} is not among accept_domains: its replies would never be ours")
    table.unknown()
    form = AddressForm(mailbox, delimiter, mint_domain, accept)
    if form.too_long:
        table.problem("mailbox", f"{mailbox!r} leaves no room for a checksum of 80 bits: at most 15 characters")
    warnings = []
    if form.checksum_length == CHECKSUM_FLOOR:
        warnings.append(f"address.mailbox: {mailbox!r} leaves a checksum of only 80 bits, the least that is allowed")
    return form, tuple(warnings)


def _mailbox(value: str) -> str | None:
    if value and (not MAILBOX.fullmatch(value) or ".." in value):
        return f"must be a-z, 0-9, and . _ - inside, without '..': {value!r} is not"
    return f"{value!r} is reserved (RFC 2142): its mail is not ours to decide about" if value in RESERVED else None


def _domain(table: Table, key: str, name: str) -> str:
    ascii_name = domain.to_ascii(name)
    if not domain.is_host_name(ascii_name or ""):
        table.problem(key, f"{name!r} is not a domain name")
    return ascii_name or ""
