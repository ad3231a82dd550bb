"""Who may read a configuration file that contains secrets."""

import stat
from collections.abc import Iterator, Sequence

from reply_milter.core.diagnosis.files import Account, FileFacts
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, warning


def examine(file: FileFacts, secrets: Sequence[str], daemon: Account | None) -> Iterator[Problem]:
    """Examine ``file``. ``secrets``: what it contains, in words; without any, its mode does not matter."""
    if not (secrets and file.there and file.mode & stat.S_IROTH):
        return
    group = daemon.name if daemon else "reply-milter"
    yield warning(
        "config.secret",
        f"{file.path}: mode {file.mode:04o} lets every user of this host read {', '.join(secrets)}",
        "a user who knows it can send forged replies to the application, or read and change the store",
        Remedy(SHELL, f"chgrp {group} {file.path} && chmod 0640 {file.path}"),
    )
