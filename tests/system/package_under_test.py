"""The Debian package, built once a run; and a machine to install it on."""

import fcntl
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.hosts.machine import Machine, MachineError

ROOT = Path(__file__).parents[2]

# Debian's Postfix as it is installed for an Internet site; none of the services of the machine that runs the tests.
POSTFIX = """
cat > /etc/postfix/main.cf <<'EOF'
compatibility_level = 3.6
myhostname = mx.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
maillog_file = /var/log/mail.log
EOF
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
"""


@cache
def package() -> Path:
    """dist/reply-milter_VERSION_ARCH.deb, as ``make deb`` leaves it."""
    with (ROOT / "pyproject.toml").open("rb") as turn:  # files of tests run side by side: one place to build in
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = subprocess.run(["sh", "contrib/debian/build-deb"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ROOT / done.stdout.strip()


def machine() -> Machine:
    """One that is up, with a Postfix that is not started; skips the test where none can be had."""
    try:
        host = Machine(seen=[ROOT]).start()
    except MachineError as error:
        pytest.skip(str(error))
    host.sh(POSTFIX)
    return host
