"""Wiring: reads the clock and the files, and builds what commands and processes work with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reply_milter import config as configuration
from reply_milter.adapters import keyfile
from reply_milter.adapters.redis_store import RedisRegistry, RedisStore, StoreTelemetry, url_mistake
from reply_milter.config import Config, ConfigError
from reply_milter.config.places import EMBEDDED, embedded_socket
from reply_milter.core.keyring import Keyring
from reply_milter.flows.service import Rules
from reply_milter.ports import StoreUnavailableError

_T = TypeVar("_T")
_COMMAND_SECONDS = 2.0


class WallClock:
    """The system's clock."""

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration with the keys that it names."""

    config: Config
    keys_path: str
    keyring: Keyring
    seal_keys: tuple[bytes, ...]

    def rules(self) -> Rules:
        """What the flows need of it."""
        config = self.config
        return Rules(
            form=config.form,
            keyring=self.keyring,
            handlers=config.handlers,
            policy=config.policy,
            seal_keys=self.seal_keys,
            peers=config.peers,
            authserv_id=config.authserv_id,
            max_message_bytes=config.max_message_bytes,
            forged_per_minute=config.forged_per_minute,
            accept_without_store=config.accept_without_store,
        )


def load(path: str) -> Settings:
    """Read a configuration file and its key files.

    Raises:
        ConfigError: with every mistake in all of them, a line each, beginning with the file's name.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}"]) from error
    problems: list[str] = []
    try:
        config = configuration.parse(text)
    except ConfigError as error:
        problems += [f"{path}: {problem}" for problem in error.problems]
        if error.partial is None:
            raise ConfigError(problems) from None
        config = error.partial
    mistake = url_mistake(store_url(config))
    if mistake and not any("store.url" in problem for problem in problems):
        problems.append(f"{path}: store.url: {mistake}")
    folder = Path(path).resolve().parent
    keys_path = str(folder / config.keys_file)
    keys = _or_problems(problems, keyfile.load_master_keys, keys_path)
    seals = _or_problems(problems, keyfile.load_seal_keys, str(folder / config.seal_file))
    if problems or keys is None or seals is None:
        raise ConfigError(problems)
    return Settings(config, keys_path, Keyring(config.realm, keys), seals)


def _or_problems(problems: list[str], read: Callable[[str], _T], path: str) -> _T | None:
    try:
        return read(path)
    except keyfile.KeyFileError as error:
        problems += error.problems
        return None


def store_url(config: Config) -> str:
    """The URL of the store, the embedded one's too."""
    return f"unix://{embedded_socket(config.state_dir)}" if config.store_url == EMBEDDED else config.store_url


def open_store(config: Config, counted: StoreTelemetry | None = None) -> RedisStore:
    """The store that ``config`` names. Connects when it is first used."""
    return RedisStore(store_url(config), config.timeout_ms / 1000, config.realm, counted)


def open_registry(config: Config) -> RedisRegistry:
    """What operators put on record, in the same store. Waits longer than an SMTP client would be let wait."""
    return RedisRegistry(store_url(config), max(config.timeout_ms / 1000, _COMMAND_SECONDS), config.realm)


def wait_until_ready(store: RedisStore, seconds: float) -> bool:
    """Wait for a store that is starting; False if it is not ready in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            store.ping()
            store.close()
            return True
        except StoreUnavailableError:
            time.sleep(0.02)
    return False
