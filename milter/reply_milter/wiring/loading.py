"""Reads settings from files: the configuration and the key files that it names. Reports every mistake at once."""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from reply_milter import config as configuration
from reply_milter import files
from reply_milter.adapters import keyfile
from reply_milter.config import Config, ConfigError
from reply_milter.config.secrets import held_secrets
from reply_milter.core.encoding.toml_lines import Lines, line_of, lines_of
from reply_milter.core.token.keyring import Keyring
from reply_milter.wiring.settings import Settings, SourceTexts

_T = TypeVar("_T")
_BYTE_ORDER_MARK = "\ufeff"
_BARE_RETURN = "has a carriage return without a line feed, which TOML does not have: save it with Unix line ends"
Check = Callable[[Config], Iterable[str]]  # mistakes, as lines of ``key: reason``


@dataclass(frozen=True, slots=True)
class Located:
    """A configuration that was read, whose key files were not. ``problems``: its mistakes, a line each.

    ``blamed``: the keys that were found wrong; one reason each is enough.
    """

    path: str
    text: str = field(repr=False)
    config: Config
    problems: tuple[str, ...] = ()
    blamed: frozenset[str] = frozenset()

    @property
    def keys_path(self) -> str:
        """The path of the master keys."""
        return self._beside(self.config.keys.file)

    def load(self, of_applications: bool = False) -> Settings:
        """Read the key files, and with ``of_applications`` the secrets of those that may mint.

        Raises:
            ConfigError: with every mistake in all files, a line each, beginning with the file's name.
        """
        problems = list(self.problems)
        seal_path = self._beside(self.config.keys.seal_file)
        named = (self._at("keys.file"), keyfile.read_master_keys, keyfile.parse_master_keys, self.keys_path)
        keys = _or_problems(problems, *named)
        sealing = (self._at("keys.seal_file"), keyfile.read_seal_keys, keyfile.parse_seal_keys, seal_path)
        seals = _or_problems(problems, *sealing) if "keys.seal_file" not in self.blamed else None
        secrets = self._secrets(problems) if of_applications else {}
        if problems or keys is None or seals is None:
            raise ConfigError(problems)
        texts = SourceTexts(
            self.text, keys[0], seals[0], self.keys_path, seal_path, {name: s[0] for name, s in secrets.items()}
        )
        config = replace(self.config, warnings=self.config.warnings + _openness(self.path, self.config))
        digests = {name: secret[1] for name, secret in secrets.items()}
        return Settings(config, Keyring(config.realm, keys[1]), seals[1], texts, digests)

    def _secrets(self, problems: list[str]) -> dict[str, tuple[str, bytes]]:
        """Read text and digest of the secret of each application that has one."""
        found = {}
        for number, application in enumerate(self.config.sign.applications, 1):
            if application.secret_file:
                read_and_parsed = _or_problems(
                    problems,
                    self._at(f"sign.application[{number}].secret_file"),
                    keyfile.read_application_secret,
                    keyfile.parse_application_secret,
                    self._beside(application.secret_file),
                )
                if read_and_parsed is not None:
                    found[application.name] = read_and_parsed
        return found

    def _at(self, key: str) -> str:
        return placed(self.path, key, lines_of(self.text))

    def _beside(self, name: str) -> str:
        return str(Path(self.path).resolve().parent / name)


def locate(path: str, *checks: Check) -> Located:
    """Read a configuration file, and leave its key files for later. Mistakes of both are reported together.

    ``checks`` find mistakes that the configuration's reader cannot see.

    Raises:
        ConfigError: it can't be read at all.
    """
    text = read(path)
    config, problems = parse(path, text)
    blamed = frozenset(problem.partition(":")[0] for problem in problems)
    found = (problem for check in checks for problem in check(config))
    problems += [problem for problem in found if problem.partition(":")[0] not in blamed]
    lines = lines_of(text) if problems else {}
    return Located(path, text, config, tuple(placed(path, problem, lines) for problem in problems), blamed)


def config_of(path: str) -> Config:
    """Read a configuration file, and none of its key files.

    Raises:
        ConfigError: with every mistake, a line each, beginning with the file's name.
    """
    text = read(path)
    config, problems = parse(path, text)
    if problems:
        raise ConfigError([placed(path, problem, lines_of(text)) for problem in problems])
    return config


def parse(path: str, text: str) -> tuple[Config, list[str]]:
    """Read the ``text`` of a configuration file; also return its mistakes, as lines of ``key: reason``.

    Raises:
        ConfigError: it can't be read at all.
    """
    try:
        return configuration.parse(text), []
    except ConfigError as error:
        if error.partial is None:
            raise ConfigError([placed(path, problem, {}) for problem in error.problems]) from None
        return error.partial, error.problems


def placed(path: str, problem: str, lines: Lines) -> str:
    """Return ``problem``, as ``key: reason``, behind the file's name and the line that it is about, where one is."""
    line = line_of(problem, lines)
    return f"{path}:{line}: {problem}" if line else f"{path}: {problem}"


def read(path: str) -> str:
    """Read the text of a configuration file. Never waits for a writer: a pipe would block a reload.

    Raises:
        ConfigError: it can't be read, or is no text.
    """
    try:
        with open(path, encoding="utf-8", newline="", opener=files.without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError([f"{path}: is not a file"])
            text = file.read().replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}"]) from error
    if text.startswith(_BYTE_ORDER_MARK):
        raise ConfigError([f"{path}:1: begins with a byte order mark, which TOML does not have: save it without one"])
    before, bare, _ = text.partition("\r")
    if bare:  # an editor may show what follows as a part of a comment
        line = before.count("\n") + 1
        raise ConfigError([f"{path}:{line}: {_BARE_RETURN}"])
    return text


def _openness(path: str, config: Config) -> tuple[str, ...]:
    """Return a warning if every user of the host may read a password or a webhook's secret."""
    mode = stat.S_IMODE(os.stat(path).st_mode)
    held = ", ".join(held_secrets(config))
    if not (held and mode & stat.S_IRWXO):
        return ()
    return (f"holds {held}, and has mode {mode:04o}: chmod it to 0640, its group the daemon's",)


def _or_problems(
    problems: list[str], key: str, read_file: Callable[[str], str], parse: Callable[[str, str], _T], path: str
) -> tuple[str, _T] | None:
    try:
        text = read_file(path)
        return text, parse(text, path)
    except keyfile.KeyFileError as error:
        problems += [f"{key}: {problem}" for problem in error.problems]
        return None
