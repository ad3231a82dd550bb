"""The configuration file: TOML text in, one frozen Config out, or every mistake at once.

Reads no file but what it is given; units stand in the names of the keys.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from reply_milter.core import domain
from reply_milter.core.address import MAILBOX, RESERVED, AddressForm
from reply_milter.core.handler import ContextKind, Handler, Handlers
from reply_milter.core.policy import ALLOWED, Policy
from reply_milter.core.token import CHECKSUM_FLOOR, HANDLER_LIMIT
from reply_milter.core.verdict import Action, Reason
from reply_milter.toml_table import Table, between, matching, one_of

SOCKET_PATH_OCTETS = 107  # sun_path of unix(7), less the closing NUL
EMBEDDED = "embedded"
STORE_SCHEMES = ("redis", "rediss", "unix")
_LATER = "is not part of this version of reply-milter"


class ConfigError(Exception):
    """The configuration can't be used. ``problems``: a line each, with file, key and reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Socket:
    """Where a milter listens: ``unix:PATH`` (``path`` set) or ``inet:PORT@HOST``."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"inet:{self.port}@{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, checked. Paths are absolute, or relative to the configuration file's folder."""

    realm: str
    state_dir: str
    form: AddressForm
    keys_file: str
    seal_file: str
    socket: Socket
    socket_mode: int
    socket_group: str
    workers: int
    peers: tuple[IPv4Network | IPv6Network, ...]
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
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"not valid TOML: {error}"]) from error
    problems: list[str] = []
    config = _config(Table(values, "", problems))
    if problems:
        raise ConfigError(problems)
    return config


def _config(top: Table) -> Config:
    realm = top.need("realm", "", matching(r"[A-Za-z0-9._-]{1,64}", "1 to 64 of A-Za-z0-9._-"))
    state_dir = top.need("state_dir", "/", matching(r"/.*", "an absolute path"))
    form, warnings = _address(top.table("address"))
    keys, verify, replay = top.table("keys"), top.table("verify"), top.table("replay")
    store, metrics, log = top.table("store"), top.table("metrics"), top.table("log")
    policy = _policy(top.table("policy"), Policy(), with_mode=True)
    host, port = _listen(metrics)
    external_hook = replay.take("external_hook", False)
    commit = replay.take("commit", "delivery" if external_hook else "accept", one_of("accept", "delivery"))
    if commit == "delivery" and not external_hook:
        replay.problem("commit", '"delivery" needs a hook that commits: set replay.external_hook = true')
    config = Config(
        realm=realm,
        state_dir=state_dir,
        form=form,
        keys_file=keys.need("file", "", _path),
        seal_file=keys.need("seal_file", "", _path),
        socket=_socket(verify),
        socket_mode=int(verify.take("socket_mode", "0660", matching(r"0?[0-7]{3}", "an octal mode like 0660")), 8),
        socket_group=verify.take("socket_group", ""),
        workers=verify.take("workers", 0, between(0, 256)),
        peers=_networks(verify, "peers"),
        authserv_id=verify.take("authserv_id", "", matching(r"[A-Za-z0-9.-]{0,255}", "a host name")),
        max_message_bytes=verify.take("max_message_bytes", 26214400, between(1, 1 << 40)),
        forged_per_minute=verify.take("forged_per_minute", 60, between(0, 1 << 30)),
        store_url=_store_url(store, state_dir),
        timeout_ms=store.take("timeout_ms", 200, between(1, 20000)),
        accept_without_store=store.take("on_failure", "defer", one_of("defer", "accept")) == "accept",
        commit_on_accept=commit == "accept",
        settle_ms=replay.take("settle_ms", 200, between(0, 60000)),
        policy=policy,
        metrics_host=host,
        metrics_port=port,
        log_json=log.take("format", "text", one_of("text", "json")) == "json",
        log_level=log.take("level", "info", one_of("debug", "info", "warning", "error")),
        handlers=_handlers(top, policy),
        warnings=warnings,
    )
    for table in (keys, verify, replay, store, metrics, log):
        table.unknown()
    _not_yet(top, "sign", "delivery")
    top.unknown()
    return config


def _not_yet(table: Table, *keys: str) -> None:
    for key in keys:
        if table.has(key):
            table.table(key)
            table.problem(key, _LATER)


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
    form = matching(r"(?=.{1,253}\Z)[a-z0-9-]+(\.[a-z0-9-]+)*", "a domain name")
    problem = form(ascii_name or "")
    if problem is not None:
        table.problem(key, f"{name!r} is not a domain name")
    return ascii_name or ""


def _socket(table: Table) -> Socket:
    text = table.need("socket", "", None)
    if text.startswith("unix:/"):
        path = text.removeprefix("unix:")
        if len(path.encode()) > SOCKET_PATH_OCTETS:
            table.problem("socket", f"the path is longer than {SOCKET_PATH_OCTETS} octets, the system's limit")
        return Socket(path=path)
    port, at, host = text.removeprefix("inet:").partition("@")
    if text.startswith("inet:") and at and host and port.isdecimal() and 0 < int(port) < 65536:
        return Socket(host=host, port=int(port))
    if text:
        table.problem("socket", f'must be "unix:/PATH" or "inet:PORT@HOST", not {text!r}')
    return Socket()


def _networks(table: Table, key: str) -> tuple[IPv4Network | IPv6Network, ...]:
    networks = []
    for text in table.strings(key, []):
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            table.problem(key, f"{text!r} is not an IP address or network")
    return tuple(networks)


def _store_url(table: Table, state_dir: str) -> str:
    url = table.take("url", EMBEDDED)
    if url == EMBEDDED:
        if len(embedded_socket(state_dir).encode()) > SOCKET_PATH_OCTETS:
            table.problem("url", "state_dir is too long a path for the socket of an embedded store")
        return url
    scheme = urlsplit(url).scheme
    if scheme in ("redis+sentinel", "redis+cluster"):
        table.problem("url", f"{scheme}:// {_LATER}")
    elif scheme not in STORE_SCHEMES:
        schemes = ", ".join(f"{name}://" for name in STORE_SCHEMES)
        table.problem("url", f'must be "embedded" or begin with {schemes}')
    return url


def embedded_socket(state_dir: str) -> str:
    """Where an embedded store listens."""
    return f"{state_dir}/redis/redis.sock"


def _listen(table: Table) -> tuple[str, int]:
    text = table.take("listen", "127.0.0.1:9797")
    if not text:
        return "", 0  # no metrics wanted
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        table.problem("listen", f'must be "HOST:PORT", or "" for no metrics, not {text!r}')
        return "", 0
    return host.strip("[]"), int(port)


def _policy(table: Table, base: Policy, with_mode: bool) -> Policy:
    observe = base.observe
    if with_mode:
        observe = table.take("mode", "enforce", one_of("enforce", "observe")) == "observe"
    actions: dict[Reason, Action] = dict(base.actions)
    for reason, allowed in ALLOWED.items():
        word = table.take(reason.value, "", one_of(*sorted(allowed)))
        if word:
            actions[reason] = Action(word)
    table.unknown()
    return Policy(observe, actions)


def _handlers(top: Table, policy: Policy) -> Handlers:
    handlers: list[Handler] = []
    seen: Mapping[str, set[object]] = {"id": set(), "name": set()}
    for table in top.tables("handler"):
        handler = _handler(table, policy)
        for key, value in (("id", handler.id), ("name", handler.name)):
            if value in seen[key]:
                table.problem(key, f"{value!r} is taken by another handler")
            seen[key].add(value)
        handlers.append(handler)
    if not handlers:
        top.problem("handler", "at least one [[handler]] is needed")
    return Handlers.of(handlers)


def _handler(table: Table, policy: Policy) -> Handler:
    handler = Handler(
        id=table.need("id", 0, between(0, HANDLER_LIMIT - 1)),
        name=table.need("name", "", matching(r"[a-z0-9._-]{1,32}", "1 to 32 of a-z0-9._-")),
        context=ContextKind(table.take("context", "thread", one_of("thread", "integer"))),
        validity_days=table.take("validity_days", 90, between(1, 36500)),
        enabled=table.take("enabled", True),
        expired_url=table.take("expired_url", "", _url),
        policy=_policy(table.table("policy"), policy, with_mode=False),
    )
    _not_yet(table, "delivery")
    table.unknown()
    return handler


def _url(value: str) -> str | None:
    if "%" in value:
        return "must not hold a %: libmilter takes a reply as a format string"
    form = matching(r"(https?://[!-~]{1,200})?", "an http(s) URL of at most 200 visible ASCII characters")
    return form(value)
