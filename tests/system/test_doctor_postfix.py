"""Every Postfix setting that bypasses us or bites, in a real configuration that postconf reads: found, and mended."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from reply_milter.core.diagnosis.problem import Severity
from tests.support.hosts.postfix_folder import HOOKED, OWN_SMTPD, SHARED, SUBMISSION, VOUCHED, PostfixFolder

pytestmark = pytest.mark.system

OURS = "unix:reply-milter/verify.sock"
SUBMISSION_WITHOUT_US = """
submission inet n - y - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_milters=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
"""
ONLY_RESULTS = "regexp:{ { /^(Authentication-Results|Received-SPF)[[:space:]]*:/ IGNORE } }"
TAKES_BACK = """
127.0.0.1:10025 inet n - n - - smtpd
  -o content_filter=
  -o smtpd_milters=
  -o receive_override_options=no_unknown_recipient_checks,no_milters
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""


@dataclass(frozen=True)
class Case:
    """Lines that an operator has, and the check that must find them."""

    check: str
    severity: str
    main: str = ""
    master: str = ""
    layout: tuple[tuple[str, ...], tuple[str, ...]] = SHARED

    def __str__(self) -> str:
        return f"{self.check.partition('.')[2]}: {(self.main or self.master).strip().splitlines()[-1].strip()[:60]}"


CASES = [
    # Whether we are asked at all.
    Case("postfix.not_asked", "error", "smtpd_milters ="),
    Case("postfix.not_asked", "error", "smtpd_milters = inet:127.0.0.1:11332"),
    Case("postfix.not_asked", "error", "smtpd_milters = unix:elsewhere/verify.sock"),
    Case("postfix.no_milters", "error", "receive_override_options = no_milters"),
    Case("postfix.no_milters", "error", "receive_override_options = no_address_mappings, no_milters"),
    Case("postfix.no_milters", "error", master="smtps inet n - y - - smtpd\n  -o receive_override_options=no_milters"),
    Case("postfix.milter_maps", "error", "smtpd_milter_maps = static:DISABLE"),
    Case("postfix.milter_maps", "error", "smtpd_milter_maps = cidr:{ { 0.0.0.0/0 DISABLE } }"),
    Case("postfix.milter_maps", "warning", "smtpd_milter_maps = cidr:{ { 198.51.100.0/24 DISABLE } }"),
    Case("postfix.unseen", "error", master=SUBMISSION_WITHOUT_US),
    Case("postfix.unseen", "error", master="smtps inet n - y - - smtpd\n  -o smtpd_milters="),
    Case("postfix.unseen", "error", master="smtps inet n - y - - smtpd\n  -o smtpd_milters=inet:127.0.0.1:11332"),
    Case("postfix.unseen", "error", master="192.0.2.7:smtp inet n - y - - smtpd\n  -o smtpd_milters=", layout=OWN_SMTPD,
         main="smtpd_recipient_restrictions ="),
    Case("postfix.unseen", "error", layout=OWN_SMTPD,
         main="smtpd_recipient_restrictions = check_recipient_access inline:{ { $reply_domain = OK } }"),
    Case("postfix.let_in", "warning", layout=OWN_SMTPD, main="smtpd_recipient_restrictions =\n"
         " permit_mynetworks, check_recipient_access inline:{ { $reply_domain = 550 5.1.1 } }"),
    Case("postfix.takes_back", "note", master=TAKES_BACK),
    Case("postfix.postscreen", "warning", f"smtpd_milters = {OURS}",
         "smtps inet n - y - 1 postscreen\n  -o smtpd_milters=inet:127.0.0.1:1\nsmtpd pass - - y - - smtpd"),
    Case("postfix.proxy_filter", "error", "smtpd_proxy_filter = 127.0.0.1:10024"),
    Case("postfix.local", "note", "non_smtpd_milters ="),
    # How we are asked.
    Case("postfix.chroot", "error", "smtpd_milters = unix:$queue_directory/reply-milter/verify.sock"),
    Case("postfix.default_action", "error", f"milter_default_action = accept\nsmtpd_milters = {OURS}"),
    Case("postfix.default_action", "error", f"milter_default_action = reject\nsmtpd_milters = {OURS}"),
    Case("postfix.default_action", "warning", f"milter_default_action = quarantine\nsmtpd_milters = {OURS}"),
    Case("postfix.default_action", "error", f"smtpd_milters = {{ {OURS}, default_action=accept }}"),
    Case("postfix.default_action", "error", f"reply_milter = {{ {OURS}, {{ default_action = accept }} }}"),
    Case("postfix.default_action", "warning", layout=SUBMISSION,
         main="reply_sign_milter = { unix:reply-milter/sign.sock, default_action=accept }"),
    Case("postfix.sign_not_asked", "warning", "non_smtpd_milters =", layout=(SUBMISSION[0], SHARED[1])),
    Case("postfix.layout", "note", "mydestination = example.com"),
    Case("postfix.order", "warning", "smtpd_milters = $reply_milter, inet:127.0.0.1:11332"),
    Case("postfix.order", "warning", f"smtpd_milters = {{ {OURS}, default_action=tempfail }} unix:opendkim.sock"),
    Case("postfix.timeout", "error", f"milter_command_timeout = 0s\nsmtpd_milters = {OURS}"),
    Case("postfix.timeout", "error", f"smtpd_milters = {{ {OURS}, content_timeout=0, default_action=tempfail }}"),
    Case("postfix.protocol", "error", "milter_protocol = 2"),
    Case("postfix.protocol", "error", f"smtpd_milters = {{ {OURS}, protocol=3, default_action=tempfail }}"),
    Case("postfix.macros", "error", "milter_rcpt_macros = i"),
    Case("postfix.macros", "error", "milter_rcpt_macros = i {rcpt_addr}"),
    Case("postfix.macros", "error", "milter_end_of_data_macros ="),
    Case("postfix.macros", "error", "milter_mail_macros = i", layout=SUBMISSION),
    Case("postfix.macro_defaults", "error", "milter_macro_defaults = rcpt_mailer=smtp"),
    # Who vouches for authors.
    Case("postfix.vouching", "note", "smtpd_milters = $opendkim_milter, $reply_milter", layout=VOUCHED),
    Case("postfix.vouching", "note", "mail_name = Postfix", layout=VOUCHED),
    Case("postfix.vouching", "warning", "smtpd_milters = $reply_milter", layout=VOUCHED),
    Case("postfix.vouching", "warning", "smtpd_milters = $reply_milter, $opendkim_milter", layout=VOUCHED),
    Case("postfix.forged_results", "warning", "header_checks =", layout=VOUCHED),
    Case("postfix.forged_results", "warning", "header_checks = regexp:{ { /^Received:/ IGNORE } }", layout=VOUCHED),
    Case("postfix.shaped_signatures", "warning", "header_checks =", layout=VOUCHED),
    Case("postfix.shaped_signatures", "warning", f"header_checks = {ONLY_RESULTS}", layout=VOUCHED),
    Case("postfix.nested_checks", "warning", "nested_header_checks = $header_checks", layout=VOUCHED),
    Case("postfix.nested_checks", "warning", "mime_header_checks = $header_checks", layout=VOUCHED),
    # What clients may do before or behind us.
    Case("postfix.bare_newline", "error", "smtpd_forbid_bare_newline = no"),
    Case("postfix.bare_newline", "error", master="smtps inet n - y - - smtpd\n  -o smtpd_forbid_bare_newline=no"),
    Case("postfix.xclient", "warning", "smtpd_authorized_xclient_hosts = 127.0.0.1"),
    Case("postfix.xclient", "warning", "smtpd_authorized_xclient_hosts = 198.51.100.0/24"),
    Case("postfix.xforward", "warning", "smtpd_authorized_xforward_hosts = 127.0.0.0/8 198.51.100.0/24"),
    Case("postfix.command_filter", "warning", "smtpd_command_filter = regexp:{ { /^RCPT (.*)/ RCPT $$1 } }"),
    Case("postfix.end_of_data", "warning", "smtpd_end_of_data_restrictions = check_policy_service unix:policy"),
    Case("postfix.vrfy", "warning", "disable_vrfy_command = no"),
    Case("postfix.size", "note", "message_size_limit = 52428800"),
    Case("postfix.size", "note", "message_size_limit = 0"),
    # Where replies go.
    Case("postfix.delimiter", "error", "recipient_delimiter ="),
    Case("postfix.delimiter", "error", "recipient_delimiter = -"),
    Case("postfix.delimiter", "warning", "recipient_delimiter = +-"),
    Case("postfix.domain", "error", "relay_domains ="),
    Case("postfix.domain", "error", "relay_domains = other.example"),
    Case("postfix.local_domain", "note", "relay_domains =\nmydestination = $reply_domain"),
    Case("postfix.luser_relay", "warning", "relay_domains =\nmydestination = $reply_domain\nluser_relay = admin"),
    Case("postfix.unlisted", "warning", "relay_recipient_maps ="),
    Case("postfix.unknown_mailbox", "error", "relay_recipient_maps = inline:{ { answer@$reply_domain = x } }"),
    Case("postfix.unknown_mailbox", "error", "relay_domains =\nvirtual_mailbox_domains = $reply_domain\n"
         "virtual_mailbox_maps = inline:{ { a@b.example = x } }"),
    Case("postfix.transport", "error", "transport_maps = inline:{ { $reply_domain = nowhere: } }"),
    Case("postfix.transport", "error", "transport_maps = inline:{ { $reply_domain = discard: } }"),
    Case("postfix.transport", "error", "transport_maps = inline:{ { reply@$reply_domain = error:5.1.1 } }"),
    Case("postfix.recipient_limit", "warning", "transport_maps = inline:{ { $reply_domain = lmtp:unix:hook } }"),
    Case("postfix.queue_names", "error", "reply_nexthop = inet:127.0.0.1:2424", layout=HOOKED),
    Case("postfix.recipient_limit", "warning", "hook_destination_recipient_limit = 20\n"
         "transport_maps = inline:{ { $reply_domain = hook: } }", "hook unix - n n - - pipe user=nobody argv=/bin/cat"),
    Case("postfix.line_length", "warning", "transport_maps = inline:{ { $reply_domain = lmtp:unix:hook } }"),
    # What lines of ours do to the host's own.
    Case("postfix.overridden", "warning", "relay_domains = other.example\nrelay_domains = $reply_domain"),
    Case("postfix.overridden", "warning", "smtpd_milters = inet:127.0.0.1:8891\nsmtpd_milters = $reply_milter"),
    Case("postfix.overridden", "warning", "recipient_delimiter = -\nrecipient_delimiter = +"),
    Case("postfix.relay_recipients", "warning", "relay_domains = $reply_domain, other.example"),
    # What is made of addresses.
    Case("postfix.canonical", "error", "canonical_maps = inline:{ { @$reply_domain = @example.com } }"),
    Case("postfix.canonical", "error", "canonical_maps = regexp:{ { /^reply\\+(.*)@reply\\.ex/ in+$$1@x.example } }"),
    Case("postfix.recipient_canonical", "error", "recipient_canonical_maps = inline:{{reply@$reply_domain=a@x.ex}}"),
    Case("postfix.sender_canonical", "error", "sender_canonical_maps = inline:{ { @$reply_domain = no@x.example } }"),
    Case("postfix.smtp_generic", "error", "smtp_generic_maps = inline:{ { @$reply_domain = @x.example } }"),
    Case("postfix.virtual_alias", "warning", "virtual_alias_maps = inline:{ { @$reply_domain = app@example.com } }"),
    Case("postfix.masquerade", "error", "masquerade_domains = example.com"),
    Case("postfix.header_checks", "error", "milter_header_checks = regexp:{ { /^X-Reply/ IGNORE } }"),
    Case("postfix.table", "warning", "transport_maps = hash:/nonexistent/transport"),
]  # fmt: skip


@pytest.mark.parametrize("layout", [SHARED, OWN_SMTPD, SUBMISSION, VOUCHED])
def test_contrib_is_clean(tmp_path: Path, layout: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    """The settings that we recommend cause at most notes."""
    found = PostfixFolder(tmp_path, layout).findings()
    assert [finding for finding in found if finding.severity is not Severity.NOTE] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_setting_that_bites_is_found_and_its_line_mends_it(tmp_path: Path, case: Case) -> None:
    """Found by its check, with this severity; after its line is applied unchanged, it is gone."""
    postfix = PostfixFolder(tmp_path, case.layout, case.main, case.master)
    found = [finding for finding in postfix.findings() if finding.check == case.check]
    assert {finding.severity.value for finding in found} == {case.severity}, postfix.findings()
    for finding in found:
        if finding.remedy.line:
            postfix.mend(finding.remedy)
    left = [finding for finding in postfix.findings() if finding.check == case.check]
    assert [finding.remedy.line for finding in left] == [""] * len(left)
    assert not left or case.check in WITHOUT_A_LINE


# What can't be mended by one line, or is no fault.
WITHOUT_A_LINE = {"postfix.vouching", "postfix.takes_back", "postfix.layout", "postfix.local_domain", "postfix.table"}


FINE = {
    "another milter before us": ("smtpd_milters = inet:127.0.0.1:11332, $reply_milter", ""),
    "accept for other milters": ("milter_default_action = accept", ""),
    "xforward from this host": ("smtpd_authorized_xforward_hosts = 127.0.0.0/8, [::1]", ""),
    "our entry without a name": (f"smtpd_milters = {{ {OURS}, {{ default_action = tempfail }} }}", ""),
    "a domain above ours is relayed": (
        "relay_domains = example.com\n"
        "relay_recipient_maps = inline:{ { reply@$reply_domain = x } { @example.com = x } }", ""),
    "a file of domains": (
        "relay_domains = {folder}/domains\nrelay_recipient_maps = inline:{ { reply@$reply_domain = x } },\n"
        "  inline:{ { @other.example = x } }", ""),
    "a domain excepted from masquerading": ("masquerade_domains = !$reply_domain, example.com", ""),
    "an alias that changes nothing": (
        "virtual_alias_maps = inline:{ { reply@$reply_domain = reply@$reply_domain } }", ""),
    "canonical addresses of others": ("canonical_maps = inline:{ { @example.com = @example.org } }", ""),
    "header checks that only log": ("milter_header_checks = regexp:{ { /^X-/ INFO } }", ""),
    "a virtual domain": (
        "relay_domains =\nvirtual_mailbox_domains = $reply_domain\nvirtual_mailbox_maps = $relay_recipient_maps", ""),
    "a proxy filter that hands on to us": (
        "", "192.0.2.9:smtp inet n - y - - smtpd\n  -o smtpd_proxy_filter=127.0.0.1:10024\n  -o smtpd_milters="),
    "an smtpd for other domains that refuses ours": (
        "", "smtps inet n - y - - smtpd\n  -o smtpd_milters=\n"
            "  -o smtpd_recipient_restrictions=check_recipient_access,inline:{{$reply_domain=reject}},permit"),
    "the smtpd behind a postscreen": ("", "smtpd pass - - y - - smtpd\nsmtps inet n - y - 1 postscreen"),
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_a_setting_that_does_no_harm_is_left_alone(tmp_path: Path, name: str) -> None:
    """Nothing but notes."""
    main, master = (text.replace("{folder}", str(tmp_path)) for text in FINE[name])
    postfix = PostfixFolder(tmp_path, main=main, master=master)
    (tmp_path / "domains").write_text("# ours\nother.example\nreply.example.com\n")
    assert [finding for finding in postfix.findings() if finding.severity is not Severity.NOTE] == []


def test_accept_is_less_bad_with_a_hook_that_opens_the_seal(tmp_path: Path) -> None:
    """It treats what has no seal as unverified, so that nothing is let past for good."""
    postfix = PostfixFolder(tmp_path, main=f"smtpd_milters = {{ {OURS}, default_action=accept }}")
    postfix.configure("[address]", "[replay]\nexternal_hook = true\n[address]")
    (found,) = [finding for finding in postfix.findings() if finding.check == "postfix.default_action"]
    assert found.severity is Severity.WARNING


def test_xclient_is_worse_where_addresses_are_believed(tmp_path: Path) -> None:
    """Peers and trusted clients are known by their address."""
    postfix = PostfixFolder(tmp_path, main="smtpd_authorized_xclient_hosts = 198.51.100.0/24")
    postfix.configure("[verify]", '[verify]\npeers = ["203.0.113.7"]')
    (found,) = [finding for finding in postfix.findings() if finding.check == "postfix.xclient"]
    assert found.severity is Severity.ERROR


def test_a_socket_on_loopback_is_known_in_both_spellings(tmp_path: Path) -> None:
    """inet:8891@127.0.0.1 of ours is inet:localhost:8891 of Postfix."""
    postfix = PostfixFolder(tmp_path, main="reply_milter = { inet:localhost:8891, default_action=tempfail }")
    postfix.configure(f'"unix:{tmp_path}/spool/reply-milter/verify.sock"', '"inet:8891@127.0.0.1"')
    assert [finding.check for finding in postfix.findings() if finding.severity is not Severity.NOTE] == []


def test_nobody_before_us_is_worse_where_proof_is_wanted(tmp_path: Path) -> None:
    """Every reply to such a handler is refused."""
    postfix = PostfixFolder(tmp_path, VOUCHED, "smtpd_milters = $reply_milter")
    postfix.configure('name = "issue"', 'name = "issue"\n[handler.policy]\nauth_fail = "reject"')
    (found,) = [finding for finding in postfix.findings() if finding.check == "postfix.vouching"]
    assert (found.severity, "refuses it for issue" in found.why) == (Severity.ERROR, True)


def test_who_stands_before_us_is_reported(tmp_path: Path) -> None:
    """By place, in order."""
    postfix = PostfixFolder(tmp_path, VOUCHED)
    (found,) = [finding for finding in postfix.findings() if finding.check == "postfix.vouching"]
    assert found.what.endswith("before us: unix:opendkim/opendkim.sock, unix:opendmarc/opendmarc.sock")


RESTRICTED = "smtpd_end_of_data_restrictions = check_policy_service unix:policy"
MENDED = "mail_release_date = 20260901"


@pytest.mark.parametrize(
    ("early", "main", "severity"),
    [
        (False, "", "note"),
        (False, RESTRICTED, None),
        (False, f"{RESTRICTED}\n{MENDED}", "note"),
        (True, "", None),
        (True, RESTRICTED, "warning"),
        (True, f"{RESTRICTED}\n{MENDED}", None),
        (True, f"{RESTRICTED}\nmail_release_date = soon", "warning"),
        (False, "smtpd_milters =", None),
        (True, f"{RESTRICTED}\nsmtpd_milters =", None),
    ],
)
def test_early_acceptance_is_recommended_where_it_is_safe(
    tmp_path: Path, early: bool, main: str, severity: str | None
) -> None:
    """And warned of where it is not; the line of the finding ends it."""
    postfix = PostfixFolder(tmp_path, main=main)
    wanted = f"accept_early = {str(early).lower()}"
    postfix.configure("[verify]", f"[verify]\n{wanted}")
    found = [finding for finding in postfix.findings() if finding.check == "postfix.accept_early"]
    assert [finding.severity.value for finding in found] == [severity] * bool(severity)
    for finding in found:
        assert (finding.remedy.place, finding.remedy.section) == ("reply-milter.toml", "[verify]")
        postfix.configure(wanted, finding.remedy.line)
        assert [again for again in postfix.findings() if again.check == finding.check] == []


def test_a_single_service_with_restrictions_counts(tmp_path: Path) -> None:
    """Its clients are led past the milter, whatever main.cf says."""
    service = "smtps inet n - y - - smtpd\n  -o smtpd_end_of_data_restrictions=reject_unauth_pipelining"
    postfix = PostfixFolder(tmp_path, master=service)
    postfix.configure("[verify]", "[verify]\naccept_early = true")
    (found,) = [finding for finding in postfix.findings() if finding.check == "postfix.accept_early"]
    assert "smtps/inet" in found.what
