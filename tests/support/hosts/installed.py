"""Real applications, each in a virtual environment of its own: ``make`` installs them, and USER runs them."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.processes.daemon_process import USER

_ENVIRONMENTS = Path(__file__).parents[3] / "build/applications"


def python_of(application: str, folder: Path) -> Path:
    """The interpreter of its environment, for USER; copied into ``folder`` where the checkout is out of reach."""
    environment = _ENVIRONMENTS / application
    assert (environment / ".installed").exists(), f"{application} is missing: make .install-applications installs it"
    if not _can_run(environment / "bin/python3"):
        environment = Path(shutil.copytree(environment, folder / "environment", symlinks=True))
    return environment / "bin/python3"


def _can_run(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", "pass"], cwd="/", capture_output=True, **as_user()).returncode == 0  # type: ignore[call-overload,no-any-return]
    except PermissionError:
        return False


def as_user() -> dict[str, object]:
    """Arguments for subprocess, so that a program runs as USER where we are root."""
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []}


def own_folder(name: str) -> Path:
    """Make a folder of USER's own, and with a place for what ``python_of`` copies."""
    folder = Path(tempfile.mkdtemp(prefix=f"reply-milter-{name}-"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
    return folder
