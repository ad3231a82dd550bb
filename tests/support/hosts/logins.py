"""Cyrus SASL for a private Postfix: a database of logins of its own, inside the chroot of Debian's smtpd."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

REALM = "example.com"
MAIN_CF = f"""
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {REALM}
cyrus_sasl_config_path = {{folder}}/sasl
"""  # {folder}: of the Postfix


def write_logins(folder: Path, users: Iterable[str], password: str) -> None:
    """Let each of ``users``, at REALM, log in with ``password``. ``folder``: of the Postfix."""
    (folder / "sasl").mkdir()
    (folder / "sasl/smtpd.conf").write_text(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\nsasldb_path: /etc/sasldb2\n"
    )
    database = folder / "spool/etc/sasldb2"
    database.parent.mkdir(exist_ok=True)
    for user in users:
        subprocess.run(
            ["saslpasswd2", "-c", "-p", "-f", database, "-u", REALM, user], input=password.encode(), check=True
        )
    database.chmod(0o644)
