"""Rules about keys, store, clock, daemon, state, sockets and settings: facts in, findings out."""

from dataclasses import replace
from ipaddress import IPv4Network, ip_network

import pytest

from reply_milter.core.diagnosis import (
    clock,
    daemon,
    keys,
    page_access,
    secrets,
    settings,
    signing,
    sockets,
    state,
    store,
)
from reply_milter.core.diagnosis.daemon import Answer
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.files import Account, FileFacts, Kind
from reply_milter.core.diagnosis.problem import Problem, Severity, error, in_order, note, warning, worst
from reply_milter.core.notification.application import Application
from reply_milter.core.token.keyring import KeyState, MasterKey

Checks = list[tuple[str, str]]

DAY = 86400
NOW = 1800000000
DAEMON, POSTFIX = Account("reply-milter", 200, (200,)), Account("postfix", 300, (300, 301))
ROOT_FOLDER = FileFacts("/", Kind.FOLDER, 0o755)
ETC = FileFacts("/etc", Kind.FOLDER, 0o755)
KEY = FileFacts("/etc/keys.toml", Kind.FILE, 0o600, 200, 200, "reply-milter")


def _checks(findings: object) -> Checks:
    assert hasattr(findings, "__iter__")
    return [(finding.check, finding.severity.value) for finding in findings]


def test_findings_come_once_and_the_worst_first() -> None:
    """However often and in whichever order they were found."""
    first, second, third = note("a.x", "", ""), error("b.x", "", ""), warning("c.x", "", "")
    assert in_order([first, second, third, second]) == (second, third, first)
    assert worst([first, third]) is Severity.WARNING
    assert worst([]) is None


@pytest.mark.parametrize(
    ("facts", "shared", "expected"),
    [
        (KEY, False, []),
        (replace(KEY, owner=0), False, [("keys.unreadable", "error")]),
        (replace(KEY, mode=0o640), False, [("keys.mode", "error")]),
        (replace(KEY, mode=0o644), True, [("keys.mode", "error")]),
        (replace(KEY, mode=0o640, group=300), True, []),
        (replace(KEY, mode=0o660), True, [("keys.mode", "error")]),
        (replace(KEY, owner=9, owner_name="bob"), False, [("keys.owner", "error")]),
        (replace(KEY, kind=Kind.MISSING), False, [("keys.missing", "error")]),
        (replace(KEY, kind=Kind.FOLDER), False, [("keys.missing", "error")]),
        (replace(KEY, kind=Kind.HIDDEN), False, [("keys.unseen", "error")]),
    ],
)
def test_key_files_are_the_daemons(facts: FileFacts, shared: bool, expected: Checks) -> None:
    """A seal key may be read by a group, too."""
    file = keys.KeyFile(facts, (ROOT_FOLDER, ETC), shared=shared)
    assert _checks(keys.examine_file(file, DAEMON)) == expected


def test_a_mailboxs_password_stops_no_start() -> None:
    """The daemon runs on; nothing is said that is not so."""
    for facts in (replace(KEY, mode=0o644), replace(KEY, kind=Kind.MISSING)):
        for stops in (True, False):
            file = keys.KeyFile(facts, (ROOT_FOLDER, ETC), shared=True, allows="logging in", stops=stops)
            (found,) = keys.examine_file(file, DAEMON)
            assert ("start" in found.why) is stops


def test_folders_above_keys_count() -> None:
    """Who may write there can replace the keys; and the daemon has to get through."""
    open_to_all = keys.KeyFile(KEY, (ROOT_FOLDER, replace(ETC, mode=0o777)))
    assert _checks(keys.examine_file(open_to_all, DAEMON)) == [("keys.folder", "error")]
    closed = keys.KeyFile(KEY, (ROOT_FOLDER, replace(ETC, mode=0o700)))
    assert _checks(keys.examine_file(closed, DAEMON)) == [("keys.unreachable", "error")]
    assert _checks(keys.examine_file(closed, None)) == []


@pytest.mark.parametrize(
    ("use", "minted_until", "expected"),
    [
        (KeyState.ACTIVE, None, []),
        (KeyState.VERIFY, None, []),
        (KeyState.VERIFY, NOW - 10 * DAY, []),
        (KeyState.VERIFY, NOW - 80 * DAY, [("keys.retire_soon", "note")]),
        (KeyState.VERIFY, NOW - 90 * DAY, [("keys.retire", "warning")]),
        (KeyState.RETIRED, NOW - 90 * DAY, []),
        (KeyState.RETIRED, NOW - 10 * DAY, [("keys.retired_early", "note")]),
    ],
)
def test_keys_go_in_time(use: KeyState, minted_until: int | None, expected: Checks) -> None:
    """Not before their last address expires, and not long after."""
    key = MasterKey("k1", use, b"", minted_until)
    assert _checks(keys.examine_rotation([key], NOW, 90)) == expected


GOOD_INFO = {
    "redis_version": "7.0.15", "role": "master", "aof_enabled": "1", "maxmemory_policy": "noeviction", "maxmemory": "0",
    "used_memory": "1000", "evicted_keys": "0", "total_system_memory": "8000000",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"redis_version": "6.2.14"}, [("store.version", "error")]),
        ({"redis_version": "8.0.1"}, []),
        ({"redis_version": ""}, [("store.version", "error")]),
        ({"role": "slave"}, [("store.replica", "error")]),
        ({"aof_enabled": "0"}, [("store.aof", "error")]),
        ({"aof_last_write_status": "err"}, [("store.aof_failing", "error")]),
        ({"maxmemory_policy": "allkeys-lru"}, [("store.eviction", "error")]),
        ({"evicted_keys": "7"}, [("store.evicted", "warning")]),
        ({"maxmemory": "1100"}, [("store.memory", "warning")]),
        ({"maxmemory": "1010"}, [("store.memory", "error")]),
        ({"total_system_memory": "1100"}, [("store.memory", "note")]),
    ],
)
def test_a_store_must_keep_what_it_is_reported(changes: dict[str, str], expected: Checks) -> None:
    """By what INFO tells."""
    facts = store.StoreFacts(0.001, info={**GOOD_INFO, **changes})
    assert _checks(store.examine(facts, 200, embedded=False)) == expected


def test_a_store_must_answer_and_obey() -> None:
    """In time, every command that we use, on our keys."""
    assert _checks(store.examine(store.StoreFacts(None, "refused"), 200, embedded=True)) == [
        ("store.unreachable", "error")
    ]
    slow = list(store.examine(store.StoreFacts(0.3, info=GOOD_INFO), 200, embedded=False))
    assert _checks(slow) == [("store.slow", "error")]
    assert slow[0].remedy.line == "timeout_ms = 900"
    poor = list(store.examine(store.StoreFacts(0.001, refused=("HSET", "EVAL"), user="rm"), 200, embedded=False))
    assert _checks(poor) == [("store.commands", "error"), ("store.info", "warning")]
    assert poor[0].remedy.line == "ACL SETUSER rm +hset +eval"


@pytest.mark.parametrize(
    ("now", "told", "written", "expected"),
    [
        (NOW, NOW + 1, NOW - 1, []),
        (NOW, None, NOW - 1, []),
        (NOW, NOW + 60, 0, [("clock.skew", "warning")]),
        (NOW, NOW - 301, 0, [("clock.skew", "error")]),
        (NOW, NOW, NOW + 299, []),
        (NOW, NOW, NOW + 301, [("clock.past", "error")]),
        (1600000000, None, 0, [("clock.past", "error")]),
    ],
)
def test_clocks_agree(now: int, told: float | None, written: int, expected: Checks) -> None:
    """With the store's, with the files', and with the beginning of tokens."""
    assert _checks(clock.examine(clock.ClockFacts(now, told, (written,)), [])) == expected


def test_a_key_that_mints_no_more_since_tomorrow_shows_a_clock_that_went_back() -> None:
    """keys promote has written down when it was."""
    key = MasterKey("k1", KeyState.VERIFY, b"", NOW + DAY)
    assert _checks(clock.examine(clock.ClockFacts(NOW, None), [key])) == [("clock.past", "error")]


def test_a_daemon_runs_with_descriptors_to_spare_and_a_page() -> None:
    """No server on its port while it runs, or another one while it doesn't."""
    assert _checks(daemon.examine(daemon.DaemonFacts(True, 65536))) == []
    assert _checks(daemon.examine(daemon.DaemonFacts(True, 1024))) == [("daemon.descriptors", "warning")]
    assert _checks(daemon.examine(daemon.DaemonFacts(False))) == [("daemon.down", "error")]
    assert _checks(daemon.examine(daemon.DaemonFacts(None))) == [("daemon.unseen", "error")]
    expected = {
        (Answer.OURS, True): [], (Answer.OTHER, True): [], (Answer.NONE, True): [("metrics.silent", "warning")],
        (Answer.NONE, False): [], (Answer.OTHER, False): [("metrics.taken", "error")],
    }  # fmt: skip
    for (answer, runs), found in expected.items():
        assert _checks(daemon.examine_metrics("127.0.0.1:9797", answer, runs)) == found


CERT = page_access.PageFile("tls_cert", FileFacts("/etc/page.pem", Kind.FILE, 0o644), (ROOT_FOLDER, ETC))
SECRET = page_access.PageFile("tls_key", FileFacts("/etc/page.key", Kind.FILE, 0o640, 0, 200), (ROOT_FOLDER, ETC))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (page_access.AccessFacts(), []),
        (page_access.AccessFacts((CERT, SECRET), (), NOW + 90 * DAY), []),
        (page_access.AccessFacts((CERT, SECRET), (), NOW + 10 * DAY), [("metrics.expires", "warning")]),
        (page_access.AccessFacts((CERT, SECRET), (), NOW), [("metrics.expired", "error")]),
        (page_access.AccessFacts((CERT, SECRET), ("metrics.tls_key: no",)), [("metrics.unusable", "error")]),
        (
            page_access.AccessFacts((replace(SECRET, facts=replace(SECRET.facts, group=0)),)),
            [("metrics.unreadable", "error")],
        ),
        (
            page_access.AccessFacts((replace(SECRET, parents=(ROOT_FOLDER, replace(ETC, mode=0o700))),)),
            [("metrics.unreadable", "error")],
        ),
        (
            page_access.AccessFacts((replace(SECRET, facts=replace(SECRET.facts, kind=Kind.HIDDEN)),), ("a: b",)),
            [("metrics.unseen", "error")],
        ),
    ],
)
def test_the_files_of_the_page_can_be_read_and_last(facts: page_access.AccessFacts, expected: Checks) -> None:
    """By the daemon, and for two weeks more."""
    assert _checks(page_access.examine(facts, DAEMON, NOW)) == expected


@pytest.mark.parametrize(
    ("mode", "held", "expected"),
    [
        (0o644, ["the password in store.url"], [("config.secret", "warning")]),
        (0o640, ["the password in store.url"], []),
        (0o644, [], []),
    ],
)
def test_a_configuration_with_secrets_is_not_for_everybody(mode: int, held: list[str], expected: Checks) -> None:
    """One without may be read by anybody: init writes it so."""
    assert _checks(secrets.examine(FileFacts("/etc/rm.toml", Kind.FILE, mode), held, DAEMON)) == expected


STATE = FileFacts("/var/lib/rm", Kind.FOLDER, 0o700, 200, 200, "reply-milter")
GIGABYTE = 1 << 30


@pytest.mark.parametrize(
    ("folder", "free", "expected"),
    [
        (STATE, 9 * GIGABYTE, []),
        (replace(STATE, kind=Kind.MISSING), 0, [("state.missing", "error")]),
        (replace(STATE, kind=Kind.HIDDEN), 0, [("state.unseen", "error")]),
        (replace(STATE, mode=0o755), 9 * GIGABYTE, []),
        (replace(STATE, mode=0o770), 9 * GIGABYTE, [("state.mode", "error")]),
        (replace(STATE, owner=0), 9 * GIGABYTE, [("state.owner", "error")]),
        (replace(STATE, owner=9), 9 * GIGABYTE, [("state.mode", "error"), ("state.owner", "error")]),
        (STATE, GIGABYTE // 4, [("state.full", "warning")]),
        (STATE, 1000, [("state.full", "error")]),
    ],
)
def test_the_state_folder_is_the_daemons(folder: FileFacts, free: int, expected: Checks) -> None:
    """The daemon can write it, no other user can, and there is room."""
    facts = state.StateFacts(folder, (ROOT_FOLDER,), free, 10 * GIGABYTE)
    assert _checks(state.examine(facts, DAEMON)) == expected


SOCKET = FileFacts("/var/spool/postfix/rm/v", Kind.SOCKET, 0o660, 200, 300)
RM = FileFacts("/var/spool/postfix/rm", Kind.FOLDER, 0o2750, 200, 300)
PARENTS = (ROOT_FOLDER, RM)
GOOD_SOCKET = sockets.SocketFacts("verify", Endpoint(path=SOCKET.path), True, SOCKET, PARENTS)
CLIENT = sockets.Client(POSTFIX, "/var/spool/postfix")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (GOOD_SOCKET, []),
        (replace(GOOD_SOCKET, answers=False), [("socket.silent", "error")]),
        (replace(GOOD_SOCKET, file=replace(SOCKET, mode=0o666)), [("socket.mode", "warning")]),
        (replace(GOOD_SOCKET, file=replace(SOCKET, group=200)), [("socket.group", "error")]),
        (replace(GOOD_SOCKET, file=replace(SOCKET, mode=0o600)), [("socket.group", "error")]),
        (replace(GOOD_SOCKET, parents=(ROOT_FOLDER, replace(RM, mode=0o700))), [("socket.unreachable", "error")]),
        (replace(GOOD_SOCKET, parents=(ROOT_FOLDER, replace(RM, kind=Kind.MISSING))), [("socket.folder", "error")]),
        (replace(GOOD_SOCKET, refused="Permission denied"), [("socket.unreachable", "error")]),
        (replace(GOOD_SOCKET, endpoint=Endpoint(path="/run/v")), [("socket.chroot", "warning")]),
        (sockets.SocketFacts("verify", Endpoint(host="127.0.0.1", port="1"), True), []),
        (sockets.SocketFacts("verify", Endpoint(host="192.0.2.1", port="1"), True), [("socket.open", "warning")]),
        (sockets.SocketFacts("sign", Endpoint(host="127.0.0.1", port="1"), True, sendmail="/etc/mail/sendmail.cf"),
         [("socket.sendmail", "warning")]),
        (sockets.SocketFacts("delivery", Endpoint(host="127.0.0.1", port="1"), True, sendmail="/etc/mail/x"), []),
        (replace(GOOD_SOCKET, sendmail="/etc/mail/sendmail.cf"), []),
    ],
)  # fmt: skip
def test_a_socket_can_be_reached_by_a_chrooted_postfix(
    facts: sockets.SocketFacts, expected: list[tuple[str, str]]
) -> None:
    """By its user, through every folder, inside the chroot."""
    assert _checks(sockets.examine(facts, CLIENT, daemon_runs=True)) == expected


def test_a_socket_that_is_not_there_yet_is_the_daemons_fault() -> None:
    """No second finding beside the one that no daemon runs."""
    missing = replace(GOOD_SOCKET, answers=False, file=replace(SOCKET, kind=Kind.MISSING))
    assert _checks(sockets.examine(missing, CLIENT, daemon_runs=False)) == []


NOTES = ("observe", "on_failure", "metrics")


def test_settings_that_an_operator_should_know_to_be_on() -> None:
    """Wide networks are faults; observe mode and its like are notes."""
    plain = settings.SettingsFacts([], False, False, [], [], True)
    assert _checks(settings.examine(plain)) == []
    wide, narrow = ip_network("0.0.0.0/0"), ip_network("192.0.2.0/24")
    assert _checks(settings.examine(replace(plain, trusted=[narrow], peers=[narrow, ip_network("10.0.0.0/8")]))) == []
    assert _checks(settings.examine(replace(plain, trusted=[wide], peers=[ip_network("::/0")]))) == [
        ("config.trusted", "error"),
        ("config.peers", "warning"),
    ]
    loud = _checks(settings.examine(settings.SettingsFacts(["80 bits"], True, True, [], [], False)))
    assert loud == [("config.warning", "warning")] + [(f"config.{name}", "note") for name in NOTES]


LOOPBACK = (ip_network("127.0.0.1"),)
LOGIN = Application("shop", frozenset({"issue"}), frozenset({"shop@example.com"}))
SECRET_HERE = Application("script", frozenset({"news", "issue"}), frozenset(), LOOPBACK, "script.key", b"digest")
ANYBODY_HERE = Application("old", frozenset({"news"}), frozenset(), LOOPBACK)


@pytest.mark.parametrize(
    ("trusted", "applications", "expected"),
    [
        ((), (LOGIN, SECRET_HERE), [("config.minting", "note")] * 2),
        ((), (), [("config.sign_logins", "warning")]),
        (LOOPBACK, (), [("config.sign_trusted", "warning"), ("config.sign_logins", "warning")]),
        (LOOPBACK, (LOGIN,), [("config.sign_trusted", "warning"), ("config.minting", "note")]),
        ((), (ANYBODY_HERE,), [("config.sign_networks", "warning")]),
    ],
)
def test_who_can_mint_is_said(
    trusted: tuple[IPv4Network, ...], applications: tuple[Application, ...], expected: Checks
) -> None:
    """A client without proof is a warning. Without sign mode, no client can mint."""
    assert _checks(signing.examine(signing.SigningFacts(True, trusted, applications))) == expected
    assert _checks(signing.examine(signing.SigningFacts(False, trusted, applications))) == []


@pytest.mark.parametrize("count,words", [(1, "1 notification has left"), (7, "7 notifications have left")])
def test_notifications_without_an_address_are_warned_of(count: int, words: str) -> None:
    """The usual first mistake: who asks is none of those who may."""
    first, *_ = signing.examine(signing.SigningFacts(True, (), (LOGIN,), untrusted=count))
    assert (first.check, first.severity.value, first.what.startswith(words)) == (
        "config.sign_untrusted", "warning", True
    )  # fmt: skip
    assert list(signing.examine(signing.SigningFacts(False, untrusted=count))) == []


@pytest.mark.parametrize(
    "page,count",
    [
        ("# HELP a b\na_total 12.0\na_total_more 5\n", 12),
        ("a_total_more 5\n", 0),
        ("a_total x\n", 0),
        ("a_total inf\n", 0),
        ("a_total nan\n", 0),
        ("", 0),
    ],
)
def test_a_count_is_read_from_the_metrics_page(page: str, count: int) -> None:
    """Whatever another program's page holds."""
    assert daemon.count_of("a_total", page) == count


def test_a_port_of_sign_mode_is_anybodys() -> None:
    """Who connects plays the MTA."""
    facts = signing.SigningFacts(True, (), (LOGIN,), "inet:8892@127.0.0.1")
    assert _checks(signing.examine(facts)) == [("config.sign_socket", "warning"), ("config.minting", "note")]


def test_an_applications_proof_is_reported_in_words() -> None:
    """Where the secret lies, and not what it is."""
    (finding,) = signing.examine(signing.SigningFacts(True, (), (SECRET_HERE,)))
    assert finding.what == (
        "the application script can mint for any user of issue, news: from 127.0.0.1/32, and the secret in script.key"
    )


def test_trust_in_a_network_opens_what_no_secret_guards() -> None:
    """Handlers of an application with a secret need that, whoever is trusted."""
    for applications, handlers in (((LOGIN,), "handler"), ((LOGIN, SECRET_HERE), "any handler but issue, news")):
        found = next(iter(signing.examine(signing.SigningFacts(True, LOOPBACK, applications))))
        told = "sign.trusted: every program and user of 127.0.0.1/32 can mint for any user and"
        assert found.what == f"{told} {handlers}"


def test_every_finding_says_why_in_one_sentence() -> None:
    """No full stop, no line break: the command puts them."""
    told: list[Problem] = [
        *store.examine(store.StoreFacts(None, "x"), 200, embedded=False),
        *daemon.examine(daemon.DaemonFacts(False, 5)),
        *sockets.examine(replace(GOOD_SOCKET, answers=False, refused="x"), CLIENT, daemon_runs=True),
    ]
    assert told
    for finding in told:
        assert not finding.why.endswith(".")
        assert "\n" not in finding.what + finding.why
