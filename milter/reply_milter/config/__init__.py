"""The configuration file: TOML text in, one frozen Config out, or every mistake at once.

Reads no file but what it is given; units stand in the names of the keys.
"""

import tomllib
from dataclasses import dataclass, field, replace

from reply_milter.config.addresses import address
from reply_milter.config.delivery import Delivery, delivery
from reply_milter.config.page import PageAccess, page_access, page_warnings
from reply_milter.config.places import VERIFY_SOCKET, Listener, Networks, listen, listener, networks, store_url
from reply_milter.config.reasons import handlers, policy
from reply_milter.config.signing import signing, unknown_handlers
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.notification.application import Application
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import REALM
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.policy import Policy

_TABLES = ("keys", "verify", "replay", "store", "metrics", "canary", "log")


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

    ``verify`` is None on a host that only sends, ``sign`` on one that only receives; ``trusted`` networks
    and ``applications`` may have addresses minted.
    ``delivery`` is None where replies go to a hook of the operator's own, or to none. ``metrics``: host and port.
    ``canary_seconds``: between two tries of ours at our own door; 0 for none.
    """

    realm: str
    state_dir: str
    form: AddressForm
    keys_file: str
    seal_file: str
    verify: Listener | None
    sign: Listener | None
    trusted: Networks
    applications: tuple[Application, ...]
    peers: Networks
    authserv_id: str
    max_message_bytes: int
    forged_per_minute: int
    delivery: Delivery | None
    store_url: str = field(repr=False)  # may hold a password
    timeout_ms: int
    accept_without_store: bool
    commit_on_accept: bool
    settle_ms: int
    policy: Policy
    metrics: tuple[str, int]
    metrics_access: PageAccess
    canary_seconds: int
    log_json: bool
    log_level: str
    handlers: Handlers
    warnings: tuple[str, ...] = ()

    @property
    def uses_store(self) -> bool:
        """Whether anything here asks the store: not on a host that only sends."""
        return self.verify is not None or (self.delivery is not None and not self.commit_on_accept)


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
    problems += unknown_handlers(config.applications, config.handlers, config.delivery is not None, problems)
    if problems:
        raise ConfigError(problems, config)
    return replace(config, warnings=config.warnings + page_warnings(config.metrics[0], config.metrics_access))


def _config(top: Table) -> Config:
    realm = top.need("realm", "", matching(REALM.pattern, "1 to 64 of A-Za-z0-9._-"))
    state_dir = top.take("state_dir", "/var/lib/reply-milter", matching(r"/[^\x00-\x1f]*", "an absolute path"))
    form, warnings = address(top.table("address"))
    keys, verify, replay, store, metrics, canary, log = tables = [top.table(name) for name in _TABLES]
    rules = policy(top.table("policy"), Policy(), with_mode=True)
    max_message_bytes = verify.take("max_message_bytes", 26214400, between(1, 1 << 40))
    hook, more = _hook(top, state_dir, form, max_message_bytes)
    sign = signing(top)
    config = Config(
        realm=realm,
        state_dir=state_dir,
        form=form,
        keys_file=keys.take("file", "/etc/reply-milter/keys.toml", _path),
        seal_file=keys.take("seal_file", "/etc/reply-milter/seal.key", _path),
        verify=_verifying(verify, sign.place, top),
        sign=sign.place,
        trusted=sign.trusted,
        applications=sign.applications,
        peers=networks(verify, "peers"),
        authserv_id=verify.take("authserv_id", "", matching(r"[A-Za-z0-9.-]{0,255}", "a host name")),
        max_message_bytes=max_message_bytes,
        forged_per_minute=verify.take("forged_per_minute", 60, between(0, 1 << 30)),
        store_url=store_url(store, state_dir),
        timeout_ms=store.take("timeout_ms", 200, between(1, 20000)),
        accept_without_store=store.take("on_failure", "defer", one_of("defer", "accept")) == "accept",
        delivery=hook,
        commit_on_accept=_commits_on_accept(replay, hook is not None),
        settle_ms=replay.take("settle_ms", 200, between(0, 60000)),
        policy=rules,
        metrics=listen(metrics),
        metrics_access=page_access(metrics),
        canary_seconds=canary.take("interval_seconds", 60, between(0, 86400)),
        log_json=log.take("format", "text", one_of("text", "json")) == "json",
        log_level=log.take("level", "info", one_of("debug", "info", "warning", "error")),
        handlers=handlers(top, rules, hook),
        warnings=warnings + more + sign.warnings,
    )
    _tell_unknown(*tables, top)
    return config


def _tell_unknown(*tables: Table) -> None:
    for table in tables:
        table.unknown()


def _verifying(verify: Table, sign: Listener | None, top: Table) -> Listener | None:
    """The milter that verifies. A host runs one of the two kinds at least, each at a socket of its own."""
    verifying = listener(verify, "socket", VERIFY_SOCKET, 0)
    if sign is not None and sign.socket and sign.socket == verifying.socket:
        top.problems.append("sign.socket: is verify.socket, too: each kind of milter needs one of its own")
    if sign is None and not verifying.socket and not verify.is_told("socket"):
        verify.problem("socket", "is empty, and there is no table [sign]: nothing would run")
    return verifying if verifying.socket else None


def _hook(top: Table, state_dir: str, form: AddressForm, max_reply: int) -> tuple[Delivery | None, tuple[str, ...]]:
    if not top.has("delivery"):
        return None, ()
    return delivery(top.table("delivery"), state_dir, form.mint_domain, max_reply)


def _commits_on_accept(replay: Table, delivers: bool) -> bool:
    """Whether the milter commits by itself; else a hook does."""
    external_hook = replay.take("external_hook", False)
    hooked = delivers or external_hook
    commit = replay.take("commit", "delivery" if hooked else "accept", one_of("accept", "delivery"))
    if commit == "delivery" and not hooked:
        replay.problem("commit", '"delivery" needs a hook that commits: a table [delivery], or external_hook = true')
    if delivers and external_hook:
        replay.problem("external_hook", "can't be true beside a table [delivery]: only one of them would commit")
    return commit == "accept"


def _path(value: str) -> str | None:
    return None if value else "must name a file"
