"""Builds what commands and processes work with: settings, store, registry."""

import math
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from reply_milter import libraries
from reply_milter.adapters.handlers.plugins import PlugInError, load_plug_in
from reply_milter.adapters.redis_store import (
    MailboxPlace,
    RedisMailboxTurns,
    RedisRegistry,
    RedisStore,
    StoreTelemetry,
    url_mistake,
)
from reply_milter.adapters.telemetry import page_access
from reply_milter.config import Config
from reply_milter.config.store import embedded_socket
from reply_milter.core.verdict.destination import Discourse, MailRoom, PlugIn, Webhook
from reply_milter.ports import StoreUnavailableError
from reply_milter.wiring import loading
from reply_milter.wiring.mailboxes import library_problem
from reply_milter.wiring.settings import Settings

_COMMAND_SECONDS = 2.0


def load(path: str) -> Settings:
    """Read a configuration file and its key files, for a command.

    Files that only the daemon needs, such as the certificate of the metrics page, are not read: the commands for an
    emergency (``keys retire``, ``revoke before``) must work without them.

    Raises:
        ConfigError: with every mistake in all of them, a line each, beginning with the file's name.
    """
    return locate(path).load()


def locate(path: str) -> loading.Located:
    """Read a configuration file for a command, and leave its key files for later.

    Raises:
        ConfigError: it can't be read at all; ``Located.load`` reports all other mistakes.
    """
    return loading.locate(path, _store_mistakes)


def load_to_run(path: str) -> Settings:
    """Read a configuration file and every file that the daemon needs; look for plug-ins and libraries of its processes.

    Raises:
        ConfigError: as ``load``.
    """
    checks = (_store_mistakes, _plug_in_mistakes, _page_mistakes, _http_mistakes, _imap_mistakes)
    return loading.locate(path, *checks).load(of_applications=True)


def _http_mistakes(config: Config) -> Iterator[str]:
    by_http = (Webhook, Discourse, MailRoom)
    posting = [one.name for one in config.handlers.by_id.values() if isinstance(one.destination, by_http)]
    problem = libraries.problem_apart(*libraries.POSTING) if posting and config.delivery is not None else ""
    if problem:
        yield f"handler {posting[0]}: delivery: webhook: {problem}"


def _imap_mistakes(config: Config) -> Iterator[str]:
    problem = library_problem(config)
    if problem:
        yield problem


def _store_mistakes(config: Config) -> Iterator[str]:
    mistake = url_mistake(store_url(config))
    if mistake:
        yield f"store.url: {mistake}"


def _plug_in_mistakes(config: Config) -> Iterator[str]:
    for handler in config.handlers.by_id.values():
        if isinstance(handler.destination, PlugIn):
            try:
                load_plug_in(handler.destination)
            except PlugInError as error:
                yield f"handler {handler.name}: delivery: {error}"


def _page_mistakes(config: Config) -> Iterator[str]:
    metrics = config.metrics
    yield from page_access.mistakes(metrics.tls_cert, metrics.tls_key, metrics.password_file)


def store_url(config: Config) -> str:
    """Return the URL of the store, also of the embedded one."""
    if not config.store.is_embedded:
        return config.store.url
    return f"unix://{quote(embedded_socket(config.state_dir))}"  # a folder's name may hold what a URL may not


def open_store(config: Config, counted: StoreTelemetry | None = None, longest_seconds: float = math.inf) -> RedisStore:
    """Return the store that ``config`` names. It connects at its first use, and waits ``longest_seconds`` at most."""
    return RedisStore(store_url(config), min(config.store.timeout_ms / 1000, longest_seconds), config.realm, counted)


def open_registry(config: Config) -> RedisRegistry:
    """Return the registry of users and revocations, in the same store. It waits longer than an SMTP answer may."""
    return RedisRegistry(store_url(config), max(config.store.timeout_ms / 1000, _COMMAND_SECONDS), config.realm)


def open_turns(config: Config, identity: str, host: str, counted: StoreTelemetry | None) -> RedisMailboxTurns:
    """Return the turns of hosts at the mailbox ``identity``, in the same store. ``host``: the name of this one."""
    place = MailboxPlace(config.realm, identity, host)
    return RedisMailboxTurns(store_url(config), config.store.timeout_ms / 1000, place, counted)


def wait_until_ready(store: RedisStore, seconds: float, is_alive: Callable[[], bool] = lambda: True) -> bool:
    """Wait for a store that is starting. False if it is not ready in time, or ``is_alive`` turns false."""
    deadline = time.monotonic() + seconds
    try:
        while is_alive() and time.monotonic() < deadline:
            try:
                store.ping()
                return True
            except StoreUnavailableError:
                time.sleep(0.02)
        return False
    finally:
        store.close()
