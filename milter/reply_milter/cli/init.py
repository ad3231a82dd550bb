"""``init``: a commented configuration and fresh keys."""

import argparse
import os
import re
from importlib.resources import files
from pathlib import Path

from reply_milter.adapters.keyfile import new_secret, write_master_keys
from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command
from reply_milter.core.mail.domain import is_host_name, to_ascii
from reply_milter.core.token.keyring import KeyState, MasterKey

_PLAIN = re.compile(r"[^\"\\\x00-\x1f\x7f\ud800-\udfff]+")
_REALM = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "init", _run, "write DIR/reply-milter.toml and new keys; never overwrite files")
    parser.add_argument("dir", metavar="DIR", help="the folder; /etc/reply-milter for an installation")
    parser.add_argument("--domain", default="reply.example.com", help="the domain of reply addresses")
    parser.add_argument("--realm", help="a name for this key space (the domain, if not given)")
    parser.add_argument("--state-dir", default="/var/lib/reply-milter", help="where the daemon keeps its data")


def _run(options: argparse.Namespace) -> int:
    folder = Path(options.dir).absolute()
    domain = to_ascii(options.domain) or ""
    realm = options.realm or domain
    if not is_host_name(domain) or not _REALM.fullmatch(realm):
        raise CommandError(os.EX_USAGE, "--domain must be a domain name, and --realm 1 to 64 of A-Za-z0-9._-")
    if not all(_PLAIN.fullmatch(name) for name in (str(folder), os.path.abspath(options.state_dir))):
        raise CommandError(
            os.EX_USAGE, "folder names with quotes, backslashes or control characters can't stand in a TOML file"
        )
    names = write_files(folder, domain, realm, os.path.abspath(options.state_dir))
    print(f"wrote {', '.join(str(folder / name) for name in names)}")
    print(f"next: look through {folder}/reply-milter.toml, then reply-milter run --config {folder}/reply-milter.toml")
    return os.EX_OK


def write_files(folder: Path, domain: str, realm: str, state_dir: str) -> list[str]:
    """Write a configuration and fresh keys into ``folder``; returns their names.

    Raises:
        CommandError: one of them is already there, or the folder can't be written.
    """
    template = files(__package__).joinpath("reply-milter.toml").read_text(encoding="utf-8")
    for name, value in {"REALM": realm, "DOMAIN": domain, "DIR": str(folder), "STATE_DIR": state_dir}.items():
        template = template.replace(f"@{name}@", value)
    keys = write_master_keys((MasterKey("k1", KeyState.ACTIVE, new_secret()),))
    texts = {"reply-milter.toml": template, "keys.toml": keys, "seal.key": f"{new_secret().hex()}\n"}
    _write(folder, texts)
    return list(texts)


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write all files or none: overwritten keys would invalidate addresses that are already issued."""
    taken = [name for name in texts if os.path.lexists(folder / name)]
    if taken:
        raise CommandError(os.EX_CANTCREAT, f"{folder} already holds {', '.join(taken)}: nothing was written")
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, text in texts.items():
            mode = 0o644 if name.endswith("reply-milter.toml") else 0o600
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise CommandError(os.EX_CANTCREAT, f"{error.filename}: {error.strerror}") from error
