"""Postfixes of operators to attach to: as Debian installs it, and one that has been used for years."""

import os
import re
import subprocess
from pathlib import Path

from reply_milter.cli.demo.private_postfix import contrib_folder
from tests.support.hosts.plain_postfix import PlainPostfix

TABLES = """
[sign]
socket = "unix:{sockets}/sign.sock"
[[sign.application]]
name = "shop"
handlers = ["issue"]
logins = ["shop"]
[delivery]
listen = "unix:{sockets}/lmtp.sock"
"""
# What a host has that has been used for years: comments, several lines, another milter, other domains, maps of its own.
LIVED_IN = """
# Ours, do not touch! caf\u00e9
smtpd_milters =
    # signs, and verifies
    inet:localhost:8891,
\t{ inet:localhost:11332, default_action=accept }
non_smtpd_milters = $smtpd_milters
relay_domains = backup.example
  other.example   # no comment to Postfix
virtual_alias_maps = inline:{
  { info@example.com = jane@example.com } }
transport_maps = inline:{ { backup.example = relay:[192.0.2.1] } }
smtp_header_checks = regexp:{ { /^X-Internal:/ IGNORE } }
smtpd_recipient_restrictions = permit_mynetworks,
    reject_unauth_destination
recipient_delimiter = -
disable_vrfy_command = no
"""
SERVICES = """
# Logins.
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
#  -o smtpd_tls_wrappermode=no
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_milters=inet:localhost:8891
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
127.0.0.1:10025 inet n - n - - smtpd
  -o content_filter=
  -o smtpd_milters=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""


def lived_in(folder: Path, *more: str) -> PlainPostfix:
    """A host with everything, and our configuration with each table."""
    return complete(PlainPostfix(folder, LIVED_IN + "\n".join(more), SERVICES))


def plain(folder: Path) -> PlainPostfix:
    """A host as Debian installs it, and our configuration with each table."""
    return complete(PlainPostfix(folder))


def complete(host: PlainPostfix) -> PlainPostfix:
    """Add [sign] and [delivery]."""
    tables = TABLES.replace("{sockets}", str(host.postfix.socket_folder))
    host.change("\n[store]", f"{tables}\n[store]")
    return host


def listed(value: str) -> list[str]:
    """The places of a list of milters, in their order."""
    return re.findall(r"(?:unix|inet):[^\s,}]+", value)


def looked_up(host: PlainPostfix, name: str, key: str) -> str:
    """What the first table of a list answers that has the key."""
    value = host.get(name)
    for table in tables(value):
        done = subprocess.run(["postmap", "-c", host.etc, "-q", key, table], capture_output=True, text=True)
        if done.stdout:
            return done.stdout.strip()
    return ""


def tables(value: str) -> list[str]:
    """The tables of a list."""
    found, depth = [""], 0
    for char in value:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0 and char in ", ":
            found.append("")
        else:
            found[-1] += char
    return [table for table in found if table]


def settings(host: PlainPostfix) -> str:
    """Both files without their comments."""
    return "\n".join(line for text in host.files().values() for line in text.decode().splitlines() if line[:1] != "#")


def by_hand(host: PlainPostfix, *fragments: str) -> None:
    """Append fragments of contrib/postfix."""
    for name in fragments:
        text = (contrib_folder() / name).read_text()
        file = host.etc / f"{name.split('.')[1]}.cf"
        file.write_text(f"{file.read_text()}\n{text}")
        os.utime(file, (0, 0))
