"""Postfix settings that let an application's mail pass us by, in a real configuration: found, and mended."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from reply_milter.cli import main
from reply_milter.core.diagnosis.problem import Severity
from tests.support.hosts.postfix_folder import DOMAIN, PostfixFolder
from tests.support.processes.daemon_process import USER, DaemonProcess
from tests.support.wrapped_settings import WRAPPED

pytestmark = pytest.mark.system

LAYOUT = (
    ("reply-domain.main.cf", "shared-smtpd.main.cf", "submission.main.cf", "reply-hook.main.cf"),
    ("reply-hook.master.cf", "submission.master.cf"),
)
APPLICATION = """
relay_domains = $reply_domain, git.example.com
relay_recipient_maps = inline:{ { reply@$reply_domain = x } { incoming@git.example.com = x } }
application_roads = regexp:{ { /^(incoming([+].*)?|verp-.*)@git\\.example\\.com$$/ reply-delivery:$reply_nexthop } }
transport_maps = $application_roads $reply_handler_queues inline:{ { $reply_domain = reply-delivery:$reply_nexthop } }
"""
DOVECOT = "dovecot unix - n n - - lmtp"
SIGN = "unix:reply-milter/sign.sock"
SIGNED_BEFORE = """
submissions inet n - y - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o {{ smtpd_milters = $reply_milter, unix:opendkim.sock, $reply_sign_milter }}
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""


def postfix(folder: Path, main: str = "", master: str = "") -> PostfixFolder:
    """A Postfix that hands an application's mailbox to the hook, and lines of a test's."""
    made = PostfixFolder(folder, LAYOUT, APPLICATION + main, master)
    tables = WRAPPED.replace('[sign]\nsocket = "unix:/tmp/none/sign.sock"\n', "")
    tables = tables.replace("/tmp/none/lmtp.sock", f"{folder}/spool/reply-milter/lmtp.sock")  # noqa: S108
    made.configure('sign.sock"\n', f'sign.sock"\n{tables}')
    return made


@dataclass(frozen=True)
class Case:
    """Lines that an operator has, and the check that must find them. ``mends``: its line is a cure."""

    check: str
    severity: str
    main: str = ""
    master: str = ""
    mends: bool = True

    def __str__(self) -> str:
        return f"{self.check}: {(self.main or self.master).strip().splitlines()[-1][:60]}"


CASES = [
    Case("application_road", "error", "transport_maps = inline:{ { $reply_domain = reply-delivery:$reply_nexthop } }"),
    Case(
        "application_road",
        "error",
        "transport_maps = inline:{ { incoming@git.example.com = dovecot:unix:private/dovecot }"
        " { $reply_domain = reply-delivery:$reply_nexthop } }",
        DOVECOT,
    ),
    Case(
        "application_road",
        "error",
        "transport_maps = regexp:{ { /^incoming[+][A-Z2-7]{60,}@git/ reply-delivery:$reply_nexthop } }"
        " inline:{ { $reply_domain = reply-delivery:$reply_nexthop } }",
    ),
    Case("application_road", "error", "transport_maps = inline:{ { git.example.com = reply-delivery: } }"),
    Case("application_road", "error", "transport_maps = inline:{ { git.example.com = discard: } }"),
    Case("application_alias", "error", "virtual_alias_maps = inline:{ { incoming@git.example.com = git } }"),
    Case("application_alias", "error", "virtual_alias_maps = inline:{ { @git.example.com = git@example.com } }"),
    Case("application_alias", "error", "virtual_alias_maps = regexp:{ { /^incoming[+].*-issue@/ new@example.com } }"),
    Case("application_domain", "warning", "relay_domains = $reply_domain", mends=False),
    Case("recipient_limit", "warning", "reply-delivery_destination_recipient_limit = 50"),
    Case("default_action", "error", f"reply_sign_milter = {{ {SIGN}, default_action=accept }}"),
    Case("default_action", "error", f"non_smtpd_milters = $reply_milter, {{ {SIGN}, default_action=accept }}"),
    Case("default_action", "error", f"non_smtpd_milters = $reply_milter, {SIGN}\nmilter_default_action = quarantine"),
    Case("sign_order", "warning", "non_smtpd_milters = inet:127.0.0.1:8891, $reply_milter, $reply_sign_milter"),
    Case("sign_order", "warning", master=SIGNED_BEFORE.format()),
]


def test_the_right_settings_are_clean(tmp_path: Path) -> None:
    """Nothing but notes."""
    assert [one for one in postfix(tmp_path).findings() if one.severity is not Severity.NOTE] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_setting_that_opens_a_road_is_found(tmp_path: Path, case: Case) -> None:
    """Found by its check, with its severity; after its line is applied unchanged, it is gone."""
    made = postfix(tmp_path, case.main, case.master)
    found = [one for one in made.findings() if one.check == f"postfix.{case.check}"]
    assert {one.severity.value for one in found} == {case.severity}, made.findings()
    for one in found:
        if one.remedy.line:
            made.mend(one.remedy)
    left = [one for one in made.findings() if one.check == f"postfix.{case.check}"]
    # One rule for the mailbox can't cover `bounces`, which have another name: those are named next.
    assert not case.mends or [one for one in left if "incoming" in one.what] == []


def test_a_signer_behind_us_is_in_its_place(tmp_path: Path) -> None:
    """And mail of other handlers is none of these rules' business."""
    behind = "non_smtpd_milters = $reply_milter, $reply_sign_milter, inet:127.0.0.1:8891"
    assert [one for one in postfix(tmp_path, behind).findings() if one.severity is not Severity.NOTE] == []


def test_without_a_wrapped_application_nothing_of_it_is_said(tmp_path: Path) -> None:
    """As before."""
    before = PostfixFolder(
        tmp_path, LAYOUT, "non_smtpd_milters = inet:127.0.0.1:8891, $reply_milter, $reply_sign_milter"
    )
    assert [one for one in before.findings() if one.severity is not Severity.NOTE] == []


def test_the_daemon_says_which_natives_still_pass(tmp_path: Path) -> None:
    """In one line, when it starts; no more once a notification has left."""
    folder = Path(tempfile.mkdtemp(prefix="rm-natives-"))
    folder.chmod(0o777)
    assert main(["init", str(folder / "etc"), "--domain", DOMAIN, "--state-dir", str(folder / "state")]) == 0
    config = folder / "etc/reply-milter.toml"
    tables = re.sub(r'((?:sign|lmtp)\.sock")', r'\1\nsocket_group = ""', WRAPPED.replace("/tmp/none", str(folder)))  # noqa: S108
    sockets = re.sub(r"(?m)^(# )?socket_group = .*$", 'socket_group = ""', config.read_text(), count=1) + tables
    config.write_text(sockets.replace("/var/spool/postfix/reply-milter/verify.sock", str(folder / "verify.sock")))
    subprocess.run(["chown", "-R", USER, str(folder)], check=True)
    said = "native addresses still pass, until a wrapped notification has left: gitea"
    try:
        for left, lines in ((False, 1), (True, 0)):
            daemon = DaemonProcess(config, None, tmp_path / f"{left}.log")
            if left:
                (folder / "state/wrapped").mkdir()
                (folder / "state/wrapped/20").touch()
                subprocess.run(["chown", "-R", USER, str(folder / "state")], check=True)
            daemon.start()
            daemon.stop()
            assert daemon.log().count(said) == lines, daemon.log()
    finally:
        shutil.rmtree(folder)
