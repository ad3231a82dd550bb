"""``postfix attach``, ``detach`` and ``status`` on real configurations of hosts that have something of their own."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.cli.postfix import showing
from tests.support.hosts.plain_postfix import PlainPostfix
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

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


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose name is short: a socket's path has at most 107 octets."""
    folder = Path(tempfile.mkdtemp(prefix="rm-at-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


LONG = bool(os.environ.get("REPLY_MILTER_LONG"))  # make deb-test; each of these deeds runs ``postfix check``, a second
CHOICES = {
    "1": (), "2": ("--layout", "2", "--listen", "127.0.0.9:2525"), "v6": ("--layout", "2", "--listen", "[::1]:2525"),
    "1-hook": ("--hook",), "1-sign": ("--sign",),
    "2-all": ("--layout", "2", "--listen", "127.0.0.9:2525", "--hook", "--sign"),
}  # fmt: skip


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


HOSTS = {"plain": plain, "lived_in": lived_in}
CASES = list(itertools.product(HOSTS, CHOICES))
SHORT = [("plain", "1-hook"), ("plain", "2-all"), ("lived_in", "1-sign"), ("lived_in", "v6"), ("lived_in", "2-all")]


@pytest.mark.parametrize(("kind", "choice"), CASES if LONG else SHORT)
def test_what_is_attached_is_clean_and_detached_to_the_octet(tmp_path: Path, kind: str, choice: str) -> None:
    """No warning of Postfix that it did not have before, none of doctor but about the host's own; then as it was."""
    host, words = HOSTS[kind](tmp_path), CHOICES[choice]
    before, warned = host.files(), host.warnings()
    assert host.good("status") == f"nothing of ours is attached to the Postfix of {host.etc}\n"
    host.good("attach", "--yes", *words)
    assert host.warnings() == warned
    expected = ["postfix.vrfy", "postfix.delimiter"] if kind == "lived_in" else []
    if "--sign" not in words:
        expected.append("postfix.sign_not_asked")
    assert set(host.found()) <= {*expected, "postfix.order"}, host.found()
    assert host.run("status").status == 1
    again = host.files()
    assert "there is nothing to change" in host.good("attach", "--yes", *words)
    assert host.files() == again
    host.good("detach", "--yes")
    assert host.files() == before
    assert host.good("status").startswith("nothing of ours")


def test_ours_is_joined_with_what_the_host_has(tmp_path: Path) -> None:
    """Nothing of the host's own is switched off."""
    host = lived_in(tmp_path)
    host.good("attach", "--yes")
    assert listed(host.get("smtpd_milters")) == [
        "inet:localhost:8891",
        "inet:localhost:11332",
        "unix:reply-milter/verify.sock",
    ]
    assert listed(host.get("submission/inet/smtpd_milters", "-P")) == [
        "inet:localhost:8891",
        "unix:reply-milter/verify.sock",
    ]
    assert host.written("127.0.0.1:10025/inet/smtpd_milters", "-P") == ""
    assert host.get("relay_domains").replace(",", " ").split()[:2] == ["backup.example", "other.example"]
    assert host.get("recipient_delimiter") == "-+"
    assert host.get("disable_vrfy_command") == "no"
    assert looked_up(host, "virtual_alias_maps", "info@example.com") == "jane@example.com"
    assert looked_up(host, "virtual_alias_maps", "abuse@reply.example.com") == "postmaster"
    assert looked_up(host, "transport_maps", "backup.example") == "relay:[192.0.2.1]"
    assert looked_up(host, "transport_maps", "reply@reply.example.com").startswith("reply-delivery:")


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


def test_recipients_of_other_relay_domains_stay_known(tmp_path: Path) -> None:
    """A host without relay_recipient_maps takes them all; with ours alone it would refuse them."""
    host = lived_in(tmp_path)
    host.good("attach", "--yes")
    assert looked_up(host, "relay_recipient_maps", "anybody@backup.example") == "OK"
    assert looked_up(host, "relay_recipient_maps", "reply@reply.example.com")
    assert not looked_up(host, "relay_recipient_maps", "anybody@reply.example.com")


def test_a_table_of_patterns_of_the_host_does_not_come_first(tmp_path: Path) -> None:
    """Postfix asks all tables for the whole address, before it asks any for the domain."""
    host = PlainPostfix(tmp_path, "transport_maps = regexp:{ { /./ smtp:[192.0.2.7] } }\n")
    host.good("attach", "--yes")
    assert host.found() == []
    assert looked_up(host, "transport_maps", "reply+x@reply.example.com").startswith("reply-delivery:")
    assert looked_up(host, "transport_maps", "jane@example.com") == "smtp:[192.0.2.7]"


def test_sign_mode_comes_before_what_signs(tmp_path: Path) -> None:
    """In each list; where sendmail(1) inherits the list of smtpd, the milter is asked once."""
    host = lived_in(tmp_path)
    host.good("attach", "--yes", "--sign")
    verify, sign = "unix:reply-milter/verify.sock", "unix:reply-milter/sign.sock"
    assert listed(host.get("submission/inet/smtpd_milters", "-P")) == [verify, sign, "inet:localhost:8891"]
    local = listed(host.get("non_smtpd_milters"))
    assert local == [sign, "inet:localhost:8891", "inet:localhost:11332", verify]
    assert host.get("submission/inet/cleanup_service_name", "-P") == "cleanup-sign"
    assert host.get("pickup/unix/cleanup_service_name", "-P") == "cleanup-sign"
    assert len(tables(host.get("smtp_header_checks"))) == 2


def test_more_can_be_attached_later_and_all_goes_at_once(tmp_path: Path) -> None:
    """The second and third time add to what is there; what an operator has set of ours stays."""
    host = lived_in(tmp_path)
    before = host.files()
    host.good("attach", "--yes")
    host.set(
        "reply_mail_base=/srv/mail",
        "reply_milter={ unix:reply-milter/verify.sock, default_action=tempfail, command_timeout=20s }",
    )
    host.good("attach", "--yes", "--sign")
    assert host.get("reply_mail_base") == "/srv/mail"
    assert "command_timeout=20s" in host.get("smtpd_milters")
    host.good("attach", "--yes", "--hook")
    assert host.get("reply-delivery/unix/lmtp_line_length_limit", "-P") == "0"
    assert "attached" in host.run("status").stdout and "(layout 1, hook, sign)" in host.run("status").stdout
    assert host.warnings() == [line for line in host.warnings() if "reply" not in line]
    host.good("detach", "--yes")
    assert host.files() == before


def test_what_the_host_changed_meanwhile_stays(tmp_path: Path) -> None:
    """In lists that we share, in values of its own, in a service that it took over; and detach says so."""
    host = plain(tmp_path)
    host.good("attach", "--yes", "--sign")
    milters = host.written("smtpd_milters")
    host.set(
        f"smtpd_milters=inet:localhost:11332, {milters}",
        "relay_domains=new.example, $reply_domain",
        "mynetworks=192.0.2.0/24",
    )
    host.set("recipient_delimiter=+=")
    host.set("submission/inet/syslog_name=postfix/mine", option="-P")
    told = host.good("detach", "--yes")
    assert "main.cf: smtpd_milters was changed since it was attached: only our part goes, your words stay" in told
    assert (host.written("smtpd_milters"), host.written("relay_domains")) == ("inet:localhost:11332", "new.example")
    assert (host.written("mynetworks"), host.written("recipient_delimiter")) == ("192.0.2.0/24", "+=")
    assert host.written("submission/inet/syslog_name", "-P") == "postfix/mine"
    assert host.written("submission/inet/smtpd_milters", "-P") == ""
    assert "reply" not in settings(host) and "cleanup-sign" not in settings(host)
    assert host.warnings() == []
    assert host.run("status").status == 0


def settings(host: PlainPostfix) -> str:
    """Both files without their comments."""
    return "\n".join(line for text in host.files().values() for line in text.decode().splitlines() if line[:1] != "#")


def test_fragments_that_were_appended_by_hand_are_taken_out(tmp_path: Path) -> None:
    """And the host's own lines, which they override, hold again."""
    host = lived_in(tmp_path)
    by_hand(host, "reply-domain.main.cf", "shared-smtpd.main.cf", "reply-delivery.master.cf", "submission.main.cf",
            "reply-hook.main.cf")  # fmt: skip
    told = host.run("status")
    assert told.status == 1 and "by hand" in told.stdout and "main.cf: smtpd_milters" in told.stdout
    host.good("detach", "--yes")
    assert listed(host.get("smtpd_milters")) == ["inet:localhost:8891", "inet:localhost:11332"]
    assert host.get("relay_domains").split()[0] == "backup.example"
    assert looked_up(host, "transport_maps", "backup.example") == "relay:[192.0.2.1]"
    assert "reply" not in settings(host)
    assert host.run("status").status == 0


def by_hand(host: PlainPostfix, *fragments: str) -> None:
    """Append fragments of contrib/postfix."""
    for name in fragments:
        text = (Path(__file__).parents[2] / "contrib/postfix" / name).read_text()
        file = host.etc / f"{name.split('.')[1]}.cf"
        file.write_text(f"{file.read_text()}\n{text}")
        os.utime(file, (0, 0))


def test_attach_takes_over_what_was_attached_by_hand(tmp_path: Path) -> None:
    """With the settings that the operator made there; the host's own lines, which they override, are joined."""
    host = lived_in(tmp_path)
    by_hand(host, "reply-domain.main.cf", "shared-smtpd.main.cf", "reply-delivery.master.cf")
    host.set("reply_mail_base=/srv/mail")
    assert "postfix.overridden" in host.found()
    host.good("attach", "--yes")
    assert "postfix.overridden" not in host.found()
    assert host.get("reply_mail_base") == "/srv/mail"
    assert listed(host.get("smtpd_milters"))[:2] == ["inet:localhost:8891", "inet:localhost:11332"]
    host.good("detach", "--yes")
    assert host.run("status").status == 0


STEPS = {
    "hook": (
        ("reply_nexthop", "reply_handler_queues", "reply_mail_base"),
        ("reply-hook.main.cf",),
        ("reply-hook.master.cf",),
    ),
    "sign": ((), ("submission.main.cf",), ("submission.master.cf", "reply-delivery.master.cf")),
    "none": ((), (), ("reply-delivery.master.cf",)),
}


@pytest.mark.parametrize("more", STEPS)
@pytest.mark.parametrize("layout", ["shared", "own"])
@pytest.mark.parametrize("application", [False, True])
def test_fragments_appended_by_hand_make_postfix_warn_of_nothing(
    tmp_path: Path, layout: str, more: str, application: bool
) -> None:
    """With the lines taken out that their heads name."""
    host = PlainPostfix(tmp_path)
    own = ("own-smtpd.master.cf",) if layout == "own" else ()
    by_hand(host, "reply-domain.main.cf", f"{layout}-smtpd.main.cf", *own)
    out, main, master = STEPS[more]
    steps: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(out, main)]
    if application:
        steps.append((("reply_application_domains", "reply_application_mailboxes"), ("reply-application.main.cf",)))
    if application and own:
        taken_out = ("reply_application_elsewhere", "reply_application_here")
        steps.append((taken_out, ("reply-application-own-smtpd.main.cf",)))
    for names, fragments in steps:
        if names:
            host.set(*names, option="-X")
        by_hand(host, *fragments)
        for fragment in fragments:
            told = (Path(__file__).parents[2] / "contrib/postfix" / fragment).read_text()
            assert not names or f"postconf -X {' '.join(names)}" in " ".join(told.replace("#", "").split())
    by_hand(host, *master)
    assert host.warnings() == []


def test_two_postfixes_have_a_record_each(tmp_path: Path) -> None:
    """Each folder of a configuration is attached and detached by itself."""
    one = complete(PlainPostfix(tmp_path, LIVED_IN))
    second = tmp_path / "postfix/etc-second"
    subprocess.run(["cp", "-a", one.etc, second], check=True)
    first, other = one.etc, second
    before = {folder: (folder / "main.cf").read_bytes() for folder in (first, other)}
    one.good("attach", "--yes")
    one.etc = other
    assert one.run("status").status == 0
    one.good("attach", "--yes", "--hook")
    one.etc = first
    one.good("detach", "--yes")
    one.etc = other
    assert one.run("status").status == 1
    one.good("detach", "--yes")
    assert {folder: (folder / "main.cf").read_bytes() for folder in (first, other)} == before


def test_nothing_is_changed_without_consent(tmp_path: Path) -> None:
    """The difference is shown, and who is asked without a terminal has to say --yes."""
    host = lived_in(tmp_path)
    before = host.files()
    done = host.run("attach")
    assert done.status == os.EX_USAGE and "say --yes" in done.stderr
    assert "+    inet:localhost:8891,\t{ inet:localhost:11332, default_action=accept }, $reply_milter" in done.stdout
    assert "-    inet:localhost:8891," in done.stdout
    assert host.files() == before
    assert host.run("status").status == 0
    assert not (host.config.parent / "postfix").exists()


@pytest.mark.parametrize(
    ("words", "main", "change", "why"),
    [
        (("--hook",), "", None, "[delivery]"),
        (("--sign",), "", None, "[sign]"),
        (("--layout", "2"), "", None, "--listen"),
        (("--listen", "192.0.2.25"), "", None, "--layout 2"),
        (("--layout", "2", "--listen", "mx.example.com"), "", None, "IP address"),
        (("--layout", "2", "--listen", "192.0.2.300"), "", None, "IP address"),
        (("--layout", "2", "--listen", "192.0.2.25:70000"), "", None, "IP address"),
        (("--layout", "2", "--listen", "[2001:db8::25"), "", None, "IP address"),
        ((), "mydestination = reply.example.com\n", None, "mydestination has reply.example.com"),
        ((), "virtual_mailbox_domains = Reply.Example.com, x.example\n", None, "virtual_mailbox_domains"),
        ((), "", ("{sockets}/verify.sock", "/run/verify.sock"), "can't leave (chroot)"),
    ],
)
def test_what_could_not_work_is_refused(
    tmp_path: Path, words: tuple[str, ...], main: str, change: tuple[str, str] | None, why: str
) -> None:
    """In one line, before anything is changed."""
    host = PlainPostfix(tmp_path, main)
    if change is not None:
        host.change(change[0].format(sockets=host.postfix.socket_folder), change[1])
    assert why in host.refused("attach", "--yes", *words)


def test_the_separate_smtpd_needs_an_address_that_is_free(tmp_path: Path) -> None:
    """Where an smtpd listens at all addresses, another one can't be started, and Postfix would not run."""
    host = PlainPostfix(tmp_path, "inet_interfaces = all\n", "2526 inet n - y - - smtpd\n")
    why = host.refused("attach", "--yes", "--layout", "2", "--listen", "192.0.2.25:2526")
    assert "inet_interfaces" in why
    host.set("inet_interfaces=127.0.0.1, [::1]")
    host.good("attach", "--yes", "--layout", "2", "--listen", "192.0.2.25:2526")


def test_a_faulty_configuration_is_left_alone(tmp_path: Path) -> None:
    """Postfix's own words say what is wrong."""
    host = PlainPostfix(tmp_path)
    (host.etc / "main.cf").write_text((host.etc / "main.cf").read_text() + "inet_protocols = none\n")
    assert "postfix check" in host.refused("attach", "--yes")


@pytest.mark.skipif(not LONG, reason="the long form: make deb-test")
def test_several_domains_and_another_mailbox(tmp_path: Path) -> None:
    """Each accepted domain is treated like the first."""
    host = complete(PlainPostfix(tmp_path, LIVED_IN, SERVICES))
    host.change('accept_domains = ["reply.example.com"]', 'accept_domains = ["reply.example.com", "re.example.net"]')
    host.change('mailbox = "reply"', 'mailbox = "answer"')
    before = host.files()
    for words in CHOICES.values():
        host.good("attach", "--yes", *words)
        for domain in ("reply.example.com", "re.example.net"):
            assert looked_up(host, "relay_recipient_maps", f"answer@{domain}")
            assert not looked_up(host, "relay_recipient_maps", f"jane@{domain}")
            assert looked_up(host, "transport_maps", f"answer@{domain}").startswith("reply-delivery:")
            assert looked_up(host, "virtual_alias_maps", f"abuse@{domain}") == "postmaster"
        assert set(host.found()) <= {"postfix.vrfy", "postfix.delimiter", "postfix.order", "postfix.sign_not_asked"}
        host.good("detach", "--yes")
        assert host.files() == before


KILLED = """
import os, sys
from reply_milter.adapters.postfix import written
left = int(sys.argv.pop(1))
def counted(name, real=os.replace):
    def replace(*words):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return real(*words)
    return replace
os.replace = counted("replace")
from reply_milter.cli import main
sys.exit(main())
"""


CRASHES = list(itertools.product(("attach", "detach"), ("attach", "detach"), range(5)))


@pytest.mark.parametrize(("then", "deed", "steps"), [one for one in CRASHES if LONG or one[0] != one[1]])
def test_a_crash_between_two_changes(tmp_path: Path, then: str, deed: str, steps: int) -> None:
    """Whichever file was replaced last: the next deed copes, and after a detach all is as it was."""
    host = lived_in(tmp_path)
    before = host.files()
    if deed == "detach":
        host.good("attach", "--yes", "--sign")
    words = ["-c", str(host.etc), "--config", str(host.config), "--yes"]
    sign = ["--sign"] if deed == "attach" else []
    subprocess.run(
        [sys.executable, "-c", KILLED, str(steps), "postfix", deed, *words, *sign], capture_output=True, cwd="/"
    )
    if then == "attach":
        host.good("attach", "--yes", "--sign")
        assert host.run("status").status == 1
        assert host.found() == [
            check for check in host.found() if check in ("postfix.vrfy", "postfix.delimiter", "postfix.order")
        ]
    host.good("detach", "--yes")
    assert host.files() == before
    assert host.run("status").status == 0


@pytest.mark.parametrize("steps", range(5))
def test_a_crash_while_more_is_attached(tmp_path: Path, steps: int) -> None:
    """The record is then about files that are not there yet, and detach puts back what was before both."""
    host = lived_in(tmp_path)
    before = host.files()
    host.good("attach", "--yes")
    words = ["--layout", "2", "--listen", "127.0.0.9:2525", "--hook", "--sign", "--yes"]
    more = ["-c", str(host.etc), "--config", str(host.config), *words]
    subprocess.run([sys.executable, "-c", KILLED, str(steps), "postfix", "attach", *more], capture_output=True, cwd="/")
    assert host.run("status").status == 1
    host.good("detach", "--yes")
    assert host.files() == before
    assert not (host.config.parent / "postfix").exists() or list(host.config.parent.glob("postfix/*/*.detached"))


def test_a_postfix_that_runs(tmp_path: Path) -> None:
    """Accepted replies are delivered first, the files are loaded, and nothing is attached that Postfix can't ask."""
    host = plain(tmp_path)
    host.good("attach", "--yes", "--hook")
    host.postfix.start()
    try:
        host.postfix.sendmail(["-f", "jane@example.com", "reply@reply.example.com"], b"Subject: x\n\nx\n")
        wait_until(lambda: "status=deferred" in host.postfix.log(), 30, "a deferred reply")
        assert "1 in Postfix's queue for the reply domain" in host.refused("detach", "--yes")
        subprocess.run(["postsuper", "-c", host.etc, "-d", "ALL"], check=True, capture_output=True)
        assert "Postfix has reloaded them" in host.good("detach", "--yes")
        assert "the daemon does not answer" in host.refused("attach", "--yes")
    finally:
        host.postfix.stop()


def test_octets_and_blanks_of_the_host_stay(tmp_path: Path) -> None:
    """In a value that is joined, too: postconf would print a pattern with its blanks together."""
    host = PlainPostfix(tmp_path)
    with (host.etc / "main.cf").open("ab") as file:
        file.write(b"smtp_header_checks = regexp:{ { /caf\xe9  au lait/ IGNORE } }\n")
    complete(host)
    before = host.files()
    host.good("attach", "--yes", "--sign")
    assert b", regexp:{ { /caf\xe9  au lait/ IGNORE } }\n" in host.files()["main.cf"]
    host.good("detach", "--yes")
    assert host.files() == before


def test_a_record_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    """Whoever can write it could have root write any setting."""
    host = plain(tmp_path)
    host.good("attach", "--yes")
    (record,) = host.config.parent.glob("postfix/*/attached.json")
    assert record.stat().st_mode & 0o777 == 0o600
    for owner, mode in ((1, 0o600), (0, 0o620)):
        os.chown(record, owner, 0)
        record.chmod(mode)
        assert "others than root" in host.refused("detach", "--yes")
    os.chown(record, 0, 0)
    record.chmod(0o600)
    os.chown(record.parent, 1, 0)
    assert "others than root" in host.refused("detach", "--yes")


def test_files_that_change_meanwhile_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the question waits for an answer, somebody else writes; and what was put in place before goes again."""
    host = plain(tmp_path)
    before = host.files()

    def written(options: object) -> bool:
        with (host.etc / "main.cf").open("a") as file:
            file.write("mail_name = Other\n")
        return True

    monkeypatch.setattr(showing, "agreed", written)
    done = host.run("attach")
    assert done.status == os.EX_CANTCREAT and "was changed meanwhile" in done.stderr
    assert host.files() == {**before, "main.cf": before["main.cf"] + b"mail_name = Other\n"}


def test_modes_owners_and_links_of_the_files_stay(tmp_path: Path) -> None:
    """A main.cf that lies elsewhere is changed there."""
    host = plain(tmp_path)
    elsewhere = tmp_path / "kept.cf"
    (host.etc / "main.cf").rename(elsewhere)
    (host.etc / "main.cf").symlink_to(elsewhere)
    os.chown(elsewhere, 0, 8)
    elsewhere.chmod(0o640)
    before = host.files()
    host.good("attach", "--yes")
    assert (host.etc / "main.cf").is_symlink()
    assert (elsewhere.stat().st_mode & 0o777, elsewhere.stat().st_gid) == (0o640, 8)
    assert b"reply_milter" in elsewhere.read_bytes()
    host.good("detach", "--yes")
    assert host.files() == before


def test_detach_works_without_our_configuration(tmp_path: Path) -> None:
    """A broken one, or none: whoever removes us must get us out of Postfix."""
    host = lived_in(tmp_path)
    before = host.files()
    host.good("attach", "--yes")
    host.config.write_text("broken [")
    assert host.run("status").status == 1
    host.config.unlink()
    host.good("detach", "--yes")
    assert host.files() == before


def test_status_as_json(tmp_path: Path) -> None:
    """For programs."""
    host = plain(tmp_path)
    assert json.loads(host.good("status", "--json")) == {
        "attached": False, "postfix": str(host.etc), "choice": None, "found": [],
    }  # fmt: skip
    host.good("attach", "--yes", "--hook")
    told = json.loads(host.run("status", "--json").stdout)
    assert (told["attached"], told["choice"]["hook"], told["choice"]["layout"]) == (True, True, 1)
    assert "main.cf: smtpd_milters" in told["found"]


def test_status_without_a_postfix(tmp_path: Path) -> None:
    """Nothing is attached to a host that has none."""
    host = plain(tmp_path)
    host.etc = tmp_path / "nowhere"
    assert host.run("status").status == 0
