"""The configuration file: every setting is checked, and every mistake reported."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.config import Config, ConfigError, parse
from reply_milter.config.places import Socket
from reply_milter.config.replay import ReplaySettings
from reply_milter.core.delivery.parked import Room
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.destination import (
    Command,
    Destination,
    Format,
    LmtpRelay,
    Maildir,
    PlugIn,
    SmtpRelay,
    Tls,
    Webhook,
)
from reply_milter.core.verdict.handler import ContextKind
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Reason

BAD = sorted(Path(__file__).parents[2].joinpath("bad_configs").glob("*.toml"))


LEAST = """
realm = "example"
state_dir = "/var/lib/reply-milter"
[address]
mint_domain = "reply.example.com"
[keys]
file = "keys.toml"
seal_file = "seal.key"
[verify]
socket = "unix:/run/reply-milter/verify.sock"
{more}
[[handler]]
id = 1
name = "issue"
{handler}
"""


def read(more: str = "", handler: str = "") -> Config:
    """The least configuration, with ``more`` behind ``[verify]`` and in the handler."""
    return parse(LEAST.format(more=more, handler=handler))


def problems(text: str) -> list[str]:
    """What is wrong with a configuration."""
    with pytest.raises(ConfigError) as error:
        parse(text)
    return error.value.problems


def test_defaults_are_the_published_ones() -> None:
    """What the contract's notation shows."""
    config = read()
    found = (config.form.prefix, config.form.accept_domains, config.store.url)
    assert found == ("reply+", frozenset({"reply.example.com"}), "embedded")
    place = config.verify.place
    assert place is not None
    assert (place.mode, place.group, place.workers, config.sign.place) == (0o660, None, 0, None)
    assert (config.verify.max_message_bytes, config.verify.forged_per_minute) == (26214400, 60)
    assert config.verify.accept_early is False
    assert config.verify.engine == "pymilter"
    assert (config.store.timeout_ms, config.store.accepts_without) == (200, False)
    assert (config.replay.commit_on_accept, config.replay.settle_ms) == (True, 200)
    assert (*config.metrics.listen, config.log.json, config.log.level) == (
        "127.0.0.1",
        9797,
        False,
        "info",
    )
    assert (config.policy.observe, config.verify.authserv_id, config.verify.peers, config.warnings) == (
        False,
        "",
        (),
        (),
    )
    handler = config.handlers.by_id[1]
    assert (handler.context, handler.validity_days, handler.enabled, handler.expired_url) == (
        ContextKind.THREAD,
        90,
        True,
        "",
    )


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_configuration_dies_with_its_sentence(path: Path) -> None:
    """The first line of each file in tests/bad_configs says what must be said."""
    text = path.read_text(encoding="utf-8")
    assert problems(text)[0] == text.splitlines()[0].removeprefix("# ")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_configuration_is_a_good_one_but_for_its_mistake(path: Path) -> None:
    """So that nothing else is what is refused: one line a mistake."""
    assert len(problems(path.read_text(encoding="utf-8"))) == 1 + ("not-an-array" in path.stem)


def test_all_mistakes_are_reported_at_once() -> None:
    """A line each, with the key's full name."""
    found = problems(
        'realm = "a b"\nstate_dir = 1\n[verify]\nwork = 1\n[[handler]]\nid = -1\n[[handler]]\nname = "x"\n'
    )
    names = [problem.split(":")[0] for problem in found]
    for name in ("realm", "state_dir", "address.mint_domain", "verify.work", "handler[1].id", "handler[2].id"):
        assert name in names


def test_error_names_its_lines() -> None:
    """As text it is all of them."""
    with pytest.raises(ConfigError, match=r"realm: is missing\naddress.mint_domain: is missing"):
        parse("")


@pytest.mark.parametrize(
    "text,found",
    [
        ("unix:/run/x.sock", Socket(path="/run/x.sock")),
        ("inet:8891@127.0.0.1", Socket(host="127.0.0.1", port=8891)),
        ("inet:1@::1", Socket(host="::1", port=1)),
    ],
)
def test_socket_is_a_path_or_a_port_at_a_host(text: str, found: Socket) -> None:
    """Written back as it was."""
    config = parse(LEAST.format(more="", handler="").replace("unix:/run/reply-milter/verify.sock", text))
    place = config.verify.place
    assert place is not None
    assert (place.socket, str(place.socket)) == (found, text)


def test_sign_mode_has_a_socket_and_nobody_to_trust() -> None:
    """The table alone turns it on."""
    config = read("[sign]")
    place = config.sign.place
    assert place is not None
    assert (str(place.socket), place.workers) == ("unix:/var/spool/postfix/reply-milter/sign.sock", 1)
    assert config.sign.trusted == ()


SHOP = """[sign]
{trusted}
[[sign.application]]
name = "shop"
handlers = ["issue"]
{proof}
"""


@pytest.mark.parametrize(
    "trusted,proof,told",
    [
        ("", 'logins = ["shop"]', []),
        ("", 'networks = ["192.0.2.1"]\nsecret_file = "shop.secret"', []),
        ("", 'networks = ["192.0.2.1"]', ["sign.application shop"]),
        ('trusted = ["127.0.0.1"]', 'logins = ["shop"]', ["sign.trusted"]),
    ],
)
def test_applications_name_their_proofs_and_weak_ones_are_warned_of(trusted: str, proof: str, told: list[str]) -> None:
    """A proof that every user of a network has is not a proof."""
    config = read(SHOP.format(trusted=trusted, proof=proof))
    (shop,) = config.sign.applications
    assert (shop.name, shop.handlers) == ("shop", frozenset({"issue"}))
    assert bool(shop.logins) == ("logins" in proof) and bool(shop.networks) == ("networks" in proof)
    assert shop.secret_file == ("shop.secret" if "secret" in proof else "")
    assert [warning.partition(":")[0] for warning in config.warnings] == told


def test_logins_and_networks_alone_are_warned_of() -> None:
    """As before applications existed; the start warns that these networks can mint for every user."""
    assert [warning.partition(":")[0] for warning in read("[sign]").warnings] == ["sign"]
    both = read('[sign]\ntrusted = ["127.0.0.1", "::1"]').warnings
    assert [warning.partition(":")[0] for warning in both] == ["sign.trusted", "sign"]
    assert "any user of 127.0.0.1/32, ::1/128" in both[0]
    assert read().warnings == ()


@pytest.mark.parametrize(
    "socket,proof,told",
    [
        ("inet:8892@127.0.0.1", 'logins = ["shop"]', ["sign.socket"]),
        ("inet:8892@127.0.0.1", 'logins = ["shop"]\nsecret_file = "shop.secret"', []),
        ("unix:/run/reply-milter/sign.sock", 'logins = ["shop"]', []),
    ],
)
def test_a_port_where_anybody_can_play_the_mta_is_warned_of(socket: str, proof: str, told: list[str]) -> None:
    """A client of a TCP socket can claim a login or an address; it cannot claim a secret."""
    config = read(SHOP.format(trusted=f'socket = "{socket}"', proof=proof))
    assert [warning.partition(":")[0] for warning in config.warnings] == told


def test_no_application_asks_for_the_hooks_own_handler() -> None:
    """An address of it would answer a question about parked replies."""
    text = SHOP.format(trusted="", proof='logins = ["shop"]').replace('"issue"', '"issue", "confirm"')
    (problem,) = problems(LEAST.format(more=f"{text}[delivery]\n", handler=""))
    assert problem.startswith("sign.application[1].handlers: 'confirm' is no handler to ask for")


def test_without_a_hook_a_handler_of_that_name_is_like_any_other() -> None:
    """It is the operator's."""
    text = LEAST.format(more=SHOP.format(trusted="", proof='logins = ["shop"]'), handler="").replace("issue", "confirm")
    assert parse(text).sign.applications[0].handlers == frozenset({"confirm"})


def test_a_handler_that_is_wrong_is_reported_once() -> None:
    """And not once more by each application that names it."""
    found = problems(
        LEAST.format(more=SHOP.format(trusted="", proof='logins = ["a"]'), handler="").replace(
            'name = "issue"\n\n', 'name = "is sue"\n'
        )
    )
    assert [problem.partition(":")[0] for problem in found] == ["handler[1].name"]


def test_a_host_may_only_send() -> None:
    """An empty verify.socket with a table [sign]; without one, nothing would run."""
    text = LEAST.format(more="{}", handler="").replace("unix:/run/reply-milter/verify.sock", "")
    assert parse(text.format('[sign]\ntrusted = ["192.0.2.0/24"]')).verify.place is None
    assert problems(text.format("")) == [
        "verify.socket: is empty, and there is neither a table [sign] nor [[imap]]: nothing would run"
    ]


@pytest.mark.parametrize(
    "text,problem",
    [
        ('socket = "unix:/run/reply-milter/verify.sock"', "sign.socket: is verify.socket, too"),
        ('socket = ""', "sign.socket: must not be empty"),
        ('trusted = ["everyone"]', "sign.trusted: 'everyone' is not an IP address or network"),
        ("trust = true", "sign.trust: unknown key"),
    ],
)
def test_mistakes_of_sign_mode(text: str, problem: str) -> None:
    """One clear line each."""
    (found,) = problems(LEAST.format(more=f"[sign]\n{text}", handler=""))
    assert found.startswith(problem)


def test_peers_are_addresses_and_networks() -> None:
    """A single address is a network of one."""
    config = read('peers = ["192.0.2.1", "2001:db8::/32"]')
    assert config.verify.peers == (ip_network("192.0.2.1/32"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "rediss://h:6380/1",
        "unix:///run/redis.sock",
        "redis+sentinel://h/n",
        "redis+cluster://h",
        "embedded",
    ],
)
def test_stores_that_can_be_named(url: str) -> None:
    """As they are given."""
    assert read(f'[store]\nurl = "{url}"').store.url == url


def test_delivery_needs_a_hook() -> None:
    """With one, delivery is the default; accept may still be chosen."""
    assert read("[replay]\nexternal_hook = true").replay.commit_on_accept is False
    assert read('[replay]\nexternal_hook = true\ncommit = "accept"').replay.commit_on_accept is True


def test_handler_policy_stands_over_the_general_one() -> None:
    """Each reason by itself; all handlers share the mode."""
    config = read('[policy]\nmode = "observe"\nloop = "park"\nbounce = "discard"', '[handler.policy]\nloop = "accept"')
    policy = config.handlers.by_id[1].policy
    assert policy.observe is config.policy.observe is True
    assert policy.action(Finding.of(Reason.LOOP)) is Action.ACCEPT
    assert policy.action(Finding.of(Reason.BOUNCE)) is Action.DISCARD
    assert config.policy.action(Finding.of(Reason.LOOP)) is Action.PARK


@pytest.mark.parametrize(
    "general,own,found",
    [
        ("", "", (Action.ACCEPT, Action.ACCEPT)),
        ('auth_fail = "reject"', "", (Action.REJECT, Action.REJECT)),
        ("", 'auth_fail = "park"', (Action.PARK, Action.PARK)),
        ('auth_fail = "reject"', 'auth_fail = "defer"', (Action.DEFER, Action.DEFER)),
        ('auth_fail = "reject"', 'auth_none = "defer"', (Action.REJECT, Action.DEFER)),
        ('auth_fail = "reject"\nauth_none = "defer"', "", (Action.REJECT, Action.DEFER)),
        ('auth_none = "defer"', "", (Action.ACCEPT, Action.DEFER)),
        ('auth_none = "defer"', 'auth_fail = "reject"', (Action.REJECT, Action.DEFER)),
        ('auth_none = "accept"', 'auth_fail = "reject"', (Action.REJECT, Action.ACCEPT)),
        ('auth_none = "defer"', 'auth_fail = "reject"\nauth_none = "reject"', (Action.REJECT, Action.REJECT)),
        ('auth_fail = "reject"', 'auth_fail = "accept"', (Action.ACCEPT, Action.ACCEPT)),
    ],
)
def test_auth_none_is_as_auth_fail_until_it_is_written(general: str, own: str, found: tuple[Action, Action]) -> None:
    """What is written is inherited, as with all reasons; what is written nowhere follows auth_fail."""
    policy = read(f"[policy]\n{general}", f"[handler.policy]\n{own}").handlers.by_id[1].policy
    assert tuple(policy.action(Finding.of(reason)) for reason in (Reason.AUTH_FAIL, Reason.AUTH_NONE)) == found


def test_domains_are_kept_as_a_labels() -> None:
    """In lower case, without a trailing dot."""
    text = LEAST.format(more="", handler="").replace('"reply.example.com"', '"Bücher.Example."')
    assert parse(text).form.mint_domain == "xn--bcher-kva.example"


@pytest.mark.parametrize("mailbox,length", [("", 26), ("reply", 26), ("a.b_c-d", 24), ("r" * 14, 17)])
def test_mailbox_may_be_of_any_length_that_leaves_80_bits(mailbox: str, length: int) -> None:
    """An empty one has no delimiter."""
    config = parse(LEAST.format(more="", handler="").replace("[address]", f'[address]\nmailbox = "{mailbox}"'))
    assert (config.form.checksum_length, config.warnings) == (length, ())


def test_shortest_checksum_is_warned_about() -> None:
    """80 bits are the floor."""
    config = parse(LEAST.format(more="", handler="").replace("[address]", f'[address]\nmailbox = "{"r" * 15}"'))
    assert len(config.warnings) == 1
    assert "80 bits" in config.warnings[0]


def test_metrics_may_be_switched_off() -> None:
    """And listen on IPv6."""
    assert read('[metrics]\nlisten = ""').metrics.listen == ("", 0)
    assert read('[metrics]\nlisten = "[::1]:9797"').metrics.listen == ("::1", 9797)


def test_a_delivery_table_makes_a_hook_of_the_published_defaults() -> None:
    """It commits, keeps dead letters under state_dir, and asks about parked replies by a handler of its own."""
    config = read("[delivery]")
    assert config.delivery is not None
    assert not config.replay.commit_on_accept
    assert str(config.delivery.place.socket) == "unix:/var/spool/postfix/reply-milter/lmtp.sock"
    assert config.delivery.dead_letters == "/var/lib/reply-milter/dead-letters"
    confirming = config.handlers.named("confirm")
    assert confirming is not None
    assert (confirming.id, confirming.context, confirming.validity_days) == (1023, ContextKind.INTEGER, 7)
    for reason in (Reason.SENDER_UNKNOWN, Reason.SENDER_MISMATCH):
        assert confirming.policy.action(Finding.of(reason)) is Action.REJECT
    for reason in (Reason.AUTO_REPLY, Reason.BOUNCE):
        assert confirming.policy.action(Finding.of(reason)) is Action.DISCARD, "a robot is not told anything"
    assert read().handlers.named("confirm") is None


def test_what_may_be_parked_is_bounded() -> None:
    """By default by numbers, and by room for one message of any size that the hook takes."""
    for more, room in (
        ("[delivery]", Room(20, 52428800, 1000, 1 << 30)),
        ("[delivery]\nmax_message_bytes = 2147483648", Room(20, 2 << 30, 1000, 2 << 30)),
        (
            "[delivery]\nmax_message_bytes = 7\n[delivery.confirm]\nparked_replies_per_user = 1\nparked_replies = 2\n"
            "parked_bytes_per_user = 8\nparked_bytes = 9",
            Room(1, 8, 2, 9),
        ),
    ):
        delivery = read(more).delivery
        assert delivery is not None and delivery.confirmation.room == room
        assert delivery.confirmation.contact == "postmaster@reply.example.com"


def test_the_milter_may_commit_although_there_is_a_hook() -> None:
    """Strict at SMTP time."""
    assert read('[delivery]\n[replay]\ncommit = "accept"').replay.commit_on_accept


@pytest.mark.parametrize(
    "table,destination",
    [
        ('type = "webhook"\nurl = "https://app.example/replies"', Webhook("https://app.example/replies")),
        (
            'type = "webhook"\nurl = "http://[::1]:8080/x"\nformat = "raw"\ntimeout_seconds = 5\n'
            'secret = "whsec_AAECAwQFBgcICQoLDA0ODw== whsec_EBESExQVFhcYGRobHB0eHw=="',
            Webhook("http://[::1]:8080/x", (bytes(range(16)), bytes(range(16, 32))), Format.RAW, 5),
        ),
        ('type = "command"\nargv = ["/bin/take", "-x", ""]', Command(("/bin/take", "-x", ""))),
        ('type = "command"\nargv = ["/bin/take"]\nformat = "json"', Command(("/bin/take",), Format.JSON)),
        ('type = "maildir"\npath = "/var/mail/replies"', Maildir("/var/mail/replies")),
        ('type = "lmtp"\naddress = "unix:/run/dovecot/lmtp"', LmtpRelay(path="/run/dovecot/lmtp")),
        (
            'type = "lmtp"\naddress = "inet:24@127.0.0.1"\nrecipient = "replies@example.com"',
            LmtpRelay(host="127.0.0.1", port=24, recipient="replies@example.com"),
        ),
        ('type = "smtp"\naddress = "inet:25@127.0.0.1"', SmtpRelay("127.0.0.1", 25)),
        (
            'type = "smtp"\naddress = "inet:587@mail.example.com"\ntls = "starttls"\nuser = "replies"\n'
            'password_file = "/etc/reply-milter/smtp.password"\nrecipient = "replies@example.com"\nredact = true',
            SmtpRelay(
                "mail.example.com",
                587,
                Tls.STARTTLS,
                "replies",
                "/etc/reply-milter/smtp.password",
                "replies@example.com",
                redact=True,
            ),
        ),
        (
            'type = "smtp"\naddress = "inet:25@::1"\nuser = "a"\npassword_file = "/p"',
            SmtpRelay("::1", 25, Tls.NONE, "a", "/p"),
        ),
        ('type = "of.somebody"\nplace = 1\nmore = [2]', PlugIn("of.somebody", {"place": 1, "more": [2]})),
    ],
)
def test_destinations(table: str, destination: Destination) -> None:
    """Each kind, as published; a plug-in gets what it is given."""
    config = read("[delivery]", f"[handler.delivery]\n{table}")
    assert config.handlers.by_id[1].destination == destination


def test_nothing_secret_shows_in_a_destination() -> None:
    """A traceback or a log line may hold its representation."""
    shown = repr(Webhook("https://user:password@app.example/", (b"secret" * 4,)))
    assert "password" not in shown
    assert "secret" not in shown.replace("secrets", "")


def test_a_hook_for_everybody_is_warned_of() -> None:
    """Whoever connects may fill the dead letters."""
    assert not read('[delivery]\nlisten = "inet:2424@127.0.0.1"').warnings
    (warning,) = read('[delivery]\nlisten = "inet:2424@0.0.0.0"').warnings
    assert "loopback" in warning


def test_configuration_is_frozen() -> None:
    """A reload replaces it whole."""
    assert replace(read(), replay=ReplaySettings(commit_on_accept=True, settle_ms=2)) != read()
    with pytest.raises(AttributeError):
        read().replay.settle_ms = 2  # type: ignore[misc]


KEYS = "realm state_dir address mailbox delimiter mint_domain accept_domains keys file verify socket peers store url"
WORDS = [
    *KEYS.split(),
    "handler",
    "id",
    "name",
    "policy",
    "loop",
    "delivery",
    "confirm",
    "type",
    "argv",
    "address",
    "days",
    "mode",
    "metrics",
    "listen",
    "log",
    "level",
    "x",
]
SCALARS = (
    st.text(max_size=12) | st.integers() | st.booleans() | st.sampled_from(["unix:/x", "inet:1@h", "redis://h", "é.de"])
)


def toml(value: object) -> str:
    """A TOML value."""
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    return str(value).lower()


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


def parse_or_refuse(text: str) -> None:
    """Every text gives a configuration or the documented error, with a line for each mistake."""
    try:
        parse(text)
    except ConfigError as error:
        assert error.problems
        assert all("\n" not in problem for problem in error.problems)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes it fail otherwise."""
    parse_or_refuse(text)


@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8))
def test_any_toml_is_read_or_refused(values: dict[str, object]) -> None:
    """Known keys with values of every kind."""
    parse_or_refuse("\n".join(f"{key} = {toml(value)}" for key, value in values.items()))


@given(
    st.sampled_from([path.read_text(encoding="utf-8") for path in BAD]),
    st.integers(0, 400),
    st.text(max_size=3),
)
def test_damaged_configuration_is_read_or_refused(text: str, place: int, extra: str) -> None:
    """A file that was cut, or typed into."""
    parse_or_refuse(text[:place] + extra + text[place:])
    parse_or_refuse(text[:place])


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 5000], ids=["digits", "brackets"])
def test_toml_that_python_can_not_hold_is_refused(text: str) -> None:
    """One line, no traceback."""
    parse_or_refuse(text)
