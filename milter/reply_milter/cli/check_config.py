"""``check-config``: whether the daemon would take its files, for reloads, packages and people."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.adapters.state_dir.lock import as_owner
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.config import ConfigError
from reply_milter.core.encoding.toml_lines import lines_of
from reply_milter.wiring import loading
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load_to_run


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = "say whether the daemon would take the configuration and every file that it names; exit 78 if not"
    parser = add_command(commands, "check-config", _run, text)
    add_config(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    if options.json:
        return _write_json(options.config)
    settings = _load(options.config)
    for warning in _warnings(options.config, settings):
        print(f"reply-milter: warning: {warning}", file=sys.stderr)
    print(f"{options.config}: no mistakes")
    return os.EX_OK


def _write_json(path: str) -> int:
    errors, warnings = list[str](), list[str]()
    try:
        warnings = _warnings(path, _load(path))
    except ConfigError as error:
        errors = error.problems
    print(json.dumps({"file": path, "valid": not errors, "errors": errors, "warnings": warnings}))
    return os.EX_CONFIG if errors else os.EX_OK


def _load(path: str) -> Settings:
    with _as_daemon(path):
        return load_to_run(path)


def _warnings(path: str, settings: Settings) -> list[str]:
    lines = lines_of(settings.texts.config)
    return [loading.placed(path, warning, lines) for warning in settings.config.warnings]


@contextmanager
def _as_daemon(path: str) -> Iterator[None]:
    """As root, read as the owner of the state folder: what root can read, the daemon perhaps can't.

    Raises:
        ConfigError: the configuration can't be read at all.
    """
    folder = Path(loading.parse(path, loading.read(path))[0].state_dir)
    if not folder.is_dir():  # before the first start
        yield
        return
    with as_owner(folder):
        yield
