"""The files that ``init`` writes, and the user that gets them."""

import os
from contextlib import suppress
from pathlib import Path

from reply_milter import config as configurations
from reply_milter.adapters.keyfile import new_secret, write_master_keys
from reply_milter.adapters.os import file_facts
from reply_milter.cli.errors import CommandError
from reply_milter.cli.init_text import Wishes, configuration
from reply_milter.config.secrets import held_secrets
from reply_milter.core.diagnosis.files import Account
from reply_milter.core.token.keyring import KeyState, MasterKey

CONFIG, KEYS, SEAL = "reply-milter.toml", "keys.toml", "seal.key"
USER = "reply-milter"  # that packages and units create


def daemon_user(state_dir: str) -> Account | None:
    """As root, return the user that the daemon will run as: who has the state folder, else that of packages.

    None for any other user of this command, and where there is no such user yet.
    """
    if os.geteuid() != 0:
        return None
    folder = file_facts.facts(state_dir)
    owner = file_facts.owner(folder.owner) if folder.there else None
    return owner if owner and owner.user else file_facts.account(USER)


def write_all(wishes: Wishes, owner: Account | None) -> list[Path]:
    """Write a configuration and fresh keys, all or none; return their paths. ``owner``: None for this process's user.

    Never overwrites: other keys would invalidate addresses that are already issued.

    Raises:
        CommandError: one of them is already there, or the folder can't be written.
        ConfigError: the daemon would refuse the configuration.
    """
    folder, texts = Path(wishes.folder), _texts(wishes)
    taken = [name for name in texts if os.path.lexists(folder / name)]
    if taken:
        raise CommandError(os.EX_CANTCREAT, f"{folder} already holds {', '.join(taken)}: nothing was written")
    is_open = not any(held_secrets(configurations.parse(texts[CONFIG])))
    written: list[Path] = []
    try:
        _make(folder, owner)
        for name, text in texts.items():
            _write(folder / name, text, _mode(name, is_open), owner)
            written.append(folder / name)
    except OSError as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise CommandError(os.EX_CANTCREAT, f"{error.filename or folder}: {error.strerror}") from error
    return written


def _texts(wishes: Wishes) -> dict[str, str]:
    keys = write_master_keys((MasterKey("k1", KeyState.ACTIVE, new_secret()),))
    return {CONFIG: configuration(wishes), KEYS: keys, SEAL: f"{new_secret().hex()}\n"}


def _mode(name: str, is_open: bool) -> int:
    """Return the mode of a file. ``is_open``: the configuration holds no secret."""
    if name != CONFIG:
        return 0o600
    return 0o644 if is_open else 0o640


def _make(folder: Path, owner: Account | None) -> None:
    """Make the folder. Where the daemon is another user, it may enter, whatever the umask is."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o755, parents=True)
    if owner is not None:
        folder.chmod(0o755)


def _write(path: Path, text: str, mode: int, owner: Account | None) -> None:
    """Write one file. Keys go to ``owner``; the configuration stays root's, and the owner's group may read it.

    The owner is given a file before anything is in it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if owner is not None:
                os.fchown(descriptor, 0 if path.name == CONFIG else owner.user, owner.groups[0])
                os.fchmod(descriptor, mode)
            file.write(text)
    except OSError:
        path.unlink()
        raise
