"""``postfix attach``, ``detach`` and ``status`` on real configurations of hosts that have something of their own."""

import itertools
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.hosts.operators_postfix import (
    LIVED_IN,
    SERVICES,
    complete,
    listed,
    lived_in,
    looked_up,
    plain,
    settings,
    tables,
)
from tests.support.hosts.plain_postfix import PlainPostfix
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

LONG = bool(os.environ.get("REPLY_MILTER_LONG"))  # make deb-test; each of these deeds runs ``postfix check``, a second
CHOICES = {
    "1": (), "2": ("--layout", "2", "--listen", "127.0.0.9:2525"), "v6": ("--layout", "2", "--listen", "[::1]:2525"),
    "1-hook": ("--hook",), "1-sign": ("--sign",),
    "2-all": ("--layout", "2", "--listen", "127.0.0.9:2525", "--hook", "--sign"),
}  # fmt: skip


HOSTS = {"plain": plain, "lived_in": lived_in}
CASES = list(itertools.product(HOSTS, CHOICES))
SHORT = [("plain", "1-hook"), ("lived_in", "v6"), ("lived_in", "2-all")]


@pytest.mark.parametrize(("kind", "choice"), CASES if LONG else SHORT)
def test_what_is_attached_is_clean_and_detached_to_the_octet(short_path: Path, kind: str, choice: str) -> None:
    """No warning of Postfix that it did not have before, none of doctor but about the host's own; then as it was."""
    host, words = HOSTS[kind](short_path), CHOICES[choice]
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


def test_ours_is_joined_with_what_the_host_has(short_path: Path) -> None:
    """Nothing of the host's own is switched off."""
    host = lived_in(short_path)
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


def test_recipients_of_other_relay_domains_stay_known(short_path: Path) -> None:
    """A host without relay_recipient_maps takes them all; with ours alone it would refuse them."""
    host = lived_in(short_path)
    host.good("attach", "--yes")
    assert looked_up(host, "relay_recipient_maps", "anybody@backup.example") == "OK"
    assert looked_up(host, "relay_recipient_maps", "reply@reply.example.com")
    assert not looked_up(host, "relay_recipient_maps", "anybody@reply.example.com")


def test_a_table_of_patterns_of_the_host_does_not_come_first(short_path: Path) -> None:
    """Postfix asks all tables for the whole address, before it asks any for the domain."""
    host = PlainPostfix(short_path, "transport_maps = regexp:{ { /./ smtp:[192.0.2.7] } }\n")
    host.good("attach", "--yes")
    assert host.found() == []
    assert looked_up(host, "transport_maps", "reply+x@reply.example.com").startswith("reply-delivery:")
    assert looked_up(host, "transport_maps", "jane@example.com") == "smtp:[192.0.2.7]"


def test_sign_mode_comes_before_what_signs(short_path: Path) -> None:
    """In each list; where sendmail(1) inherits the list of smtpd, the milter is asked once."""
    host = lived_in(short_path)
    host.good("attach", "--yes", "--sign")
    verify, sign = "unix:reply-milter/verify.sock", "unix:reply-milter/sign.sock"
    assert listed(host.get("submission/inet/smtpd_milters", "-P")) == [verify, sign, "inet:localhost:8891"]
    local = listed(host.get("non_smtpd_milters"))
    assert local == [sign, "inet:localhost:8891", "inet:localhost:11332", verify]
    assert host.get("submission/inet/cleanup_service_name", "-P") == "cleanup-sign"
    assert host.get("pickup/unix/cleanup_service_name", "-P") == "cleanup-sign"
    assert len(tables(host.get("smtp_header_checks"))) == 2


def test_more_can_be_attached_later_and_all_goes_at_once(short_path: Path) -> None:
    """The second and third time add to what is there; what an operator has set of ours stays."""
    host = lived_in(short_path)
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


def test_what_the_host_changed_meanwhile_stays(short_path: Path) -> None:
    """In lists that we share, in values of its own, in a service that it took over; and detach says so."""
    host = plain(short_path)
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


def test_two_postfixes_have_a_record_each(short_path: Path) -> None:
    """Each folder of a configuration is attached and detached by itself."""
    one = complete(PlainPostfix(short_path, LIVED_IN))
    second = short_path / "postfix/etc-second"
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


def test_nothing_is_changed_without_consent(short_path: Path) -> None:
    """The difference is shown, and who is asked without a terminal has to say --yes."""
    host = lived_in(short_path)
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
    short_path: Path, words: tuple[str, ...], main: str, change: tuple[str, str] | None, why: str
) -> None:
    """In one line, before anything is changed."""
    host = PlainPostfix(short_path, main)
    if change is not None:
        host.change(change[0].format(sockets=host.postfix.socket_folder), change[1])
    assert why in host.refused("attach", "--yes", *words)


def test_the_separate_smtpd_needs_an_address_that_is_free(short_path: Path) -> None:
    """Where an smtpd listens at all addresses, another one can't be started, and Postfix would not run."""
    host = PlainPostfix(short_path, "inet_interfaces = all\n", "2526 inet n - y - - smtpd\n")
    why = host.refused("attach", "--yes", "--layout", "2", "--listen", "192.0.2.25:2526")
    assert "inet_interfaces" in why
    host.set("inet_interfaces=127.0.0.1, [::1]")
    host.good("attach", "--yes", "--layout", "2", "--listen", "192.0.2.25:2526")


def test_a_faulty_configuration_is_left_alone(short_path: Path) -> None:
    """Postfix's own words say what is wrong."""
    host = PlainPostfix(short_path)
    (host.etc / "main.cf").write_text((host.etc / "main.cf").read_text() + "inet_protocols = none\n")
    assert "postfix check" in host.refused("attach", "--yes")


@pytest.mark.skipif(not LONG, reason="the long form: make deb-test")
def test_several_domains_and_another_mailbox(short_path: Path) -> None:
    """Each accepted domain is treated like the first."""
    host = complete(PlainPostfix(short_path, LIVED_IN, SERVICES))
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


def test_a_postfix_that_runs(short_path: Path) -> None:
    """Accepted replies are delivered first, the files are loaded, and nothing is attached that Postfix can't ask."""
    host = plain(short_path)
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


def test_detach_works_without_our_configuration(short_path: Path) -> None:
    """A broken one, or none: whoever removes us must get us out of Postfix."""
    host = lived_in(short_path)
    before = host.files()
    host.good("attach", "--yes")
    host.config.write_text("broken [")
    assert host.run("status").status == 1
    host.config.unlink()
    host.good("detach", "--yes")
    assert host.files() == before


def test_status_as_json(short_path: Path) -> None:
    """For programs."""
    host = plain(short_path)
    assert json.loads(host.good("status", "--json")) == {
        "attached": False, "postfix": str(host.etc), "choice": None, "found": [],
    }  # fmt: skip
    host.good("attach", "--yes", "--hook")
    told = json.loads(host.run("status", "--json").stdout)
    assert (told["attached"], told["choice"]["hook"], told["choice"]["layout"]) == (True, True, 1)
    assert "main.cf: smtpd_milters" in told["found"]


def test_status_without_a_postfix(short_path: Path) -> None:
    """Nothing is attached to a host that has none."""
    host = plain(short_path)
    host.etc = short_path / "nowhere"
    assert host.run("status").status == 0
