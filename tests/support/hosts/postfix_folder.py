"""A Postfix configuration folder, as operators have: Debian's files, contrib/postfix, and a test's lines.

Only postconf and postmap read it; no Postfix runs.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from reply_milter import config as configuration
from reply_milter.cli.demo.private_postfix import contrib_folder
from reply_milter.config import Config
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF, Problem, Remedy, in_order
from reply_milter.doctor import mta

DOMAIN = "reply.example.com"
SHARED = (("reply-domain.main.cf", "shared-smtpd.main.cf"), ("reply-delivery.master.cf",))
OWN_SMTPD = (("reply-domain.main.cf", "own-smtpd.main.cf"), ("reply-delivery.master.cf", "own-smtpd.master.cf"))
SUBMISSION = (
    ("reply-domain.main.cf", "shared-smtpd.main.cf", "submission.main.cf"),
    ("reply-delivery.master.cf", "submission.master.cf"),
)
HOOKED = (("reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf"), ("reply-hook.master.cf",))
VOUCHED = (("reply-domain.main.cf", "shared-smtpd.main.cf", "authentication.main.cf"), ("reply-delivery.master.cf",))

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
myhostname = mx.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
alias_maps =
"""
_CONFIG = """\
realm = "test"
[address]
mint_domain = "{domain}"
[verify]
socket = "unix:{folder}/spool/reply-milter/verify.sock"
[[handler]]
id = 1
name = "issue"
"""


class PostfixFolder:
    """``layout``: fragments of contrib/postfix for main.cf and master.cf; ``main`` and ``master`` are appended."""

    def __init__(
        self, folder: Path, layout: tuple[Iterable[str], Iterable[str]] = SHARED, main: str = "", master: str = ""
    ) -> None:
        self.folder = folder
        (folder / "etc").mkdir(parents=True)
        self.main_cf, self.master_cf = folder / "etc/main.cf", folder / "etc/master.cf"
        contrib = contrib_folder()
        ours, services = ("".join(f"\n{(contrib / name).read_text()}" for name in names) for names in layout)
        _write(self.main_cf, f"{_MAIN_CF.format(folder=folder)}{ours}{main}\n")
        _write(self.master_cf, f"{Path('/usr/share/postfix/master.cf.dist').read_text()}{services}{master}\n")
        self._config = _CONFIG.format(folder=folder, domain=DOMAIN)
        if "authentication.main.cf" in layout[0]:
            self.configure("[verify]", '[verify]\nauthserv_id = "mx.example.com"')
        if "submission.main.cf" in layout[0]:
            self._config += f'[sign]\nsocket = "unix:{folder}/spool/reply-milter/sign.sock"\n'

    @property
    def config(self) -> Config:
        """Return our own configuration, which fits."""
        return configuration.parse(self._config)

    def configure(self, old: str, new: str) -> None:
        """Change our own configuration."""
        assert old in self._config
        self._config = self._config.replace(old, new)

    def findings(self) -> tuple[Problem, ...]:
        """Return all problems found."""
        return in_order(mta.examine(mta.site(str(self.folder / "etc")), self.config))

    def mend(self, remedy: Remedy) -> None:
        """Put a remedy's line into its place, as an operator would."""
        if remedy.place == MAIN_CF:
            _write(self.main_cf, f"{self.main_cf.read_text()}\n{remedy.line}\n")
        elif remedy.place == MASTER_CF:
            _write(self.master_cf, _with_option(self.master_cf.read_text(), remedy))
        else:
            raise AssertionError(remedy)


def _with_option(text: str, remedy: Remedy) -> str:
    """master.cf with an option below its service, in place of one of the same name; or with a service more."""
    if not remedy.section:
        return f"{text}\n{remedy.line}\n"
    name, kind = remedy.section.rsplit("/", 1)
    setting = remedy.line.split("-o ", 1)[1].lstrip("{ ").partition("=")[0].strip()
    lines, here, put = [], False, False
    for line in text.splitlines():
        if not line.startswith((" ", "#")):
            here = line.split()[:2] == [name, kind]
        elif here and re.match(rf"\s+-o (\{{ )?{setting}\b", line):
            continue
        lines.append(line)
        if here and not put:
            lines.append(remedy.line)
            put = True
    assert put, remedy
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    """Write with an older time: Postfix waits for two seconds before it reads a new file."""
    path.write_text(text)
    os.utime(path, (0, 0))
