"""Settings: a configuration with the keys that it names. Needs neither a milter library nor a store."""

import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from reply_milter import config as configuration
from reply_milter.adapters import keyfile
from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.config import Config, ConfigError
from reply_milter.config.secrets import held_secrets
from reply_milter.core.authentication import nobody
from reply_milter.core.handler import Handlers
from reply_milter.core.keyring import Keyring
from reply_milter.flows.service import MintingRules, Rules

_T = TypeVar("_T")
Check = Callable[[Config], Iterable[str]]  # mistakes, as lines of ``key: reason``
# What was opened, locked or forked with can't change under a running daemon.
FIXED = ("state_dir", "verify", "sign", "store_url", "metrics", "metrics_access")


@dataclass(frozen=True, slots=True)
class Texts:
    """What settings were read from, and where the keys' texts lay. ``secrets``: of applications, by their names."""

    config: str = field(repr=False)
    keys: str = field(repr=False)
    seals: str = field(repr=False)
    keys_path: str
    seal_path: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration with the keys that it names."""

    config: Config
    keyring: Keyring
    seal_keys: tuple[bytes, ...] = field(repr=False)
    texts: Texts
    application_secrets: dict[str, bytes] = field(default_factory=dict, repr=False)  # digests, by name

    @property
    def keys_path(self) -> str:
        """Where the master keys lie."""
        return self.texts.keys_path

    def rules(self) -> Rules:
        """What the verifying flows need of it."""
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
            organisational=organisational_domains() if config.authserv_id else nobody,
            parks_in_hook=config.delivery is not None,
            hook_commits=not config.commit_on_accept,
        )

    def minting_rules(self) -> MintingRules:
        """What the minting flow needs of it."""
        config = self.config
        return MintingRules(
            form=config.form,
            keyring=self.keyring,
            handlers=self._mintable(),
            trusted=config.trusted,
            applications=tuple(
                replace(one, secret=self.application_secrets.get(one.name, b"")) for one in config.applications
            ),
        )

    def _mintable(self) -> Handlers:
        """All handlers but the hook's own: an address of that would answer a question that nobody was asked."""
        hook = self.config.delivery
        own = hook.confirmation.handler_id if hook else None
        return Handlers.of(one for one in self.config.handlers.by_id.values() if one.id != own)

    def in_place_of(self, old: "Settings") -> "Settings":
        """These settings for a daemon that runs with ``old`` ones: what takes a restart stays as it is."""
        kept = {name: getattr(old.config, name) for name in FIXED}
        hook, running = self.config.delivery, old.config.delivery
        if hook is None or running is None:  # nobody starts or ends a hook now, so what commits stays as well
            kept |= {"delivery": running, "commit_on_accept": old.config.commit_on_accept}
        else:
            kept["delivery"] = replace(hook, place=running.place, concurrency=running.concurrency)
        return replace(self, config=replace(self.config, **kept))

    def needs_restart(self, old: "Settings") -> list[str]:
        """What differs from ``old`` settings in a way that ``in_place_of`` does not follow: names of settings."""
        names = [name for name in FIXED if getattr(self.config, name) != getattr(old.config, name)]
        hook, running = self.config.delivery, old.config.delivery
        if hook is None or running is None:
            return names + ["delivery"] * (hook is not running)
        fixed = ("place", "concurrency")
        return names + ["delivery"] * any(getattr(hook, name) != getattr(running, name) for name in fixed)

    def packed(self) -> bytes:
        """Everything that ``unpack`` needs to make them anew, in another process."""
        return json.dumps(asdict(self.texts)).encode()


def unpack(packed: bytes) -> Settings:
    """Settings that another process read and found good."""
    texts = Texts(**json.loads(packed))
    config = configuration.parse(texts.config)
    keys = keyfile.parse_master_keys(texts.keys, texts.keys_path)
    seals = keyfile.parse_seal_keys(texts.seals, texts.seal_path)
    secrets = {name: keyfile.parse_application_secret(secret, name) for name, secret in texts.secrets.items()}
    return Settings(config, Keyring(config.realm, keys), seals, texts, secrets)


def load(path: str, *checks: Check) -> Settings:
    """Read a configuration file and its key files. ``checks`` look for mistakes that take other knowledge to see.

    Raises:
        ConfigError: with every mistake in all of them, a line each, beginning with the file's name.
    """
    text = read(path)
    problems: list[str] = []
    told: set[str] = set()  # keys: one reason each is enough
    try:
        config = configuration.parse(text)
    except ConfigError as error:
        told = {problem.partition(":")[0] for problem in error.problems}
        problems += [f"{path}: {problem}" for problem in error.problems]
        if error.partial is None:
            raise ConfigError(problems) from None
        config = error.partial
    found = (problem for check in checks for problem in check(config))
    problems += [f"{path}: {problem}" for problem in found if problem.partition(":")[0] not in told]
    folder = Path(path).resolve().parent
    keys_path, seal_path = str(folder / config.keys_file), str(folder / config.seal_file)
    named = (f"{path}: keys.file", keyfile.read_master_keys, keyfile.parse_master_keys, keys_path)
    keys = _or_problems(problems, *named)
    sealing = (f"{path}: keys.seal_file", keyfile.read_seal_keys, keyfile.parse_seal_keys, seal_path)
    seals = _or_problems(problems, *sealing) if "keys.seal_file" not in told else None
    secrets = _secrets(problems, path, config)
    if problems or keys is None or seals is None:
        raise ConfigError(problems)
    texts = Texts(text, keys[0], seals[0], keys_path, seal_path, {name: found[0] for name, found in secrets.items()})
    config = replace(config, warnings=config.warnings + _openness(path, config))
    digests = {name: found[1] for name, found in secrets.items()}
    return Settings(config, Keyring(config.realm, keys[1]), seals[1], texts, digests)


def read(path: str) -> str:
    """The text of a configuration file. Never waits for somebody to write it: a pipe would block a reload.

    Raises:
        ConfigError: it can't be read, or is no text.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError([f"{path}: is not a file"])
            return file.read()
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}"]) from error


def _openness(path: str, config: Config) -> tuple[str, ...]:
    """A warning where everybody may read a password or a webhook's secret."""
    mode = stat.S_IMODE(os.stat(path).st_mode)
    held = ", ".join(held_secrets(config))
    if not (held and mode & stat.S_IRWXO):
        return ()
    return (f"holds {held}, and has mode {mode:04o}: chmod it to 0640, its group the daemon's",)


def _secrets(problems: list[str], path: str, config: Config) -> dict[str, tuple[str, bytes]]:
    """Text and digest of the secret of each application that has one."""
    folder, found = Path(path).resolve().parent, {}
    for number, application in enumerate(config.applications, 1):
        if application.secret_file:
            key = f"{path}: sign.application[{number}].secret_file"
            file = str(folder / application.secret_file)
            read_and_parsed = _or_problems(
                problems, key, keyfile.read_application_secret, keyfile.parse_application_secret, file
            )
            if read_and_parsed is not None:
                found[application.name] = read_and_parsed
    return found


def _or_problems(
    problems: list[str], key: str, read_file: Callable[[str], str], parse: Callable[[str, str], _T], path: str
) -> tuple[str, _T] | None:
    try:
        text = read_file(path)
        return text, parse(text, path)
    except keyfile.KeyFileError as error:
        problems += [f"{key}: {problem}" for problem in error.problems]
        return None
