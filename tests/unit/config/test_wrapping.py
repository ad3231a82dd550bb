"""``[handler.wrap]``: what is read, what is a default, and what an operator hears."""

from importlib.resources import files

import pytest

from reply_milter.config import Config, parse
from reply_milter.core.verdict.handler import ContextKind, Handler
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.wrap import Wrap

_BASE = """
realm = "example"
[address]
mint_domain = "reply.example.com"
[sign]
[[sign.application]]
name = "git"
handlers = ["git"]
{proof}
[delivery]
{more}
[[handler]]
id = 20
name = "git"
context = "wrapped"
{handler}
[handler.wrap]
application = "{application}"
address = "{address}"
from = ["NoReply@Git.example.com"]
{wrap}
[handler.delivery]
type = "lmtp"
address = "inet:24@127.0.0.1"
"""


def _parse(
    wrap: str = "",
    handler: str = "",
    more: str = "",
    proof: str = 'logins = ["git"]',
    application: str = "gitea",
    address: str = "",
) -> Config:
    usual = address or PRESETS[application].address
    text = _BASE.format(wrap=wrap, handler=handler, more=more, proof=proof, application=application, address=usual)
    return parse(text)


def _handler(config: Config) -> Handler:
    return config.handlers.by_id[20]


def _wrap(config: Config) -> Wrap:
    wrap = _handler(config).wrap
    assert wrap is not None
    return wrap


def test_defaults_are_the_published_ones() -> None:
    """An address of the preset's form, native addresses refused, a copy in the store, nothing open."""
    config = _parse()
    handler, wrap = _handler(config), _wrap(config)
    assert (handler.context, handler.policy.observe, handler.validity_days) == (ContextKind.WRAPPED, False, 90)
    assert (wrap.preset, wrap.senders) == (PRESETS["gitea"], frozenset({"noreply@git.example.com"}))
    assert (wrap.copies, wrap.store, wrap.bind_sender, wrap.native_passes_until) == (frozenset(), True, True, 0)
    assert (wrap.open, wrap.bounces) == ((), ())
    assert wrap.address.match(f"incoming+{'A' * 77}@git.example.com")
    assert config.warnings == ()


def test_everything_can_be_said() -> None:
    """Lists are normalised, globs are patterns."""
    wrap = _wrap(
        _parse(
            'copies = ["Archive+Git@example.com"]\nstore = false\nkey = "[0-9]{12}"\n'
            'open = ["incoming+*-issue@git.example.com"]\nbounces = ["verp-*@git.example.com"]',
            "bind_sender = false",
        )
    )
    assert (wrap.copies, wrap.store, wrap.bind_sender) == (frozenset({"archive@example.com"}), False, False)
    assert wrap.address.match("incoming+123456789012@git.example.com")
    assert not wrap.address.match(f"incoming+{'A' * 77}@git.example.com")
    assert wrap.open[0].match("incoming+a-b-issue@git.example.com")
    assert wrap.bounces[0].match("verp-abc@git.example.com")


@pytest.mark.parametrize(
    "native,until",
    [
        ('"refuse"', 0),
        ('"pass"', None),
        ("2027-01-31", 1801353600),
        ('"2027-01-31"', 1801353600),
        ("2027-01-31T12:00:00Z", 1801353600),
        ("1960-01-01", -315619200),
    ],
)
def test_native_is_a_word_or_a_date(native: str, until: int | None) -> None:
    """Until the beginning of that day in UTC; a day that is over refuses."""
    wrap = _wrap(_parse(f"native = {native}"))
    assert wrap.native_passes_until == until
    assert wrap.passes(1795867200) == (until is None or until > 1795867200)


@pytest.mark.parametrize("general", ["enforce", "observe"])
@pytest.mark.parametrize("own", ["enforce", "observe", ""])
def test_a_handler_has_its_own_mode(general: str, own: str) -> None:
    """Else the policy's, whatever the handler is for."""
    config = _parse(handler=f'mode = "{own}"' if own else "", more=f'[policy]\nmode = "{general}"')
    assert _handler(config).policy.observe == ((own or general) == "observe")
    assert config.policy.observe == (general == "observe")


@pytest.mark.parametrize(
    "general,own,found,warned", [("1", "", 0, False), ("2", "", 2, False), ("0", "1", 1, True), ("1", "1", 1, True)]
)
def test_one_reply_per_token_is_never_a_default(general: str, own: str, found: int, warned: bool) -> None:
    """Two notifications of one minute may share a token. Who says so for the handler gets it, and a warning."""
    policy = f"[handler.policy]\nreplies_per_token = {own}" if own else ""
    config = _parse(handler=policy, more=f"[policy]\nreplies_per_token = {general}")
    assert _handler(config).policy.replies_per_token == found
    assert any("replies_per_token is 1" in warning for warning in config.warnings) == warned


@pytest.mark.parametrize(
    "proof,words",
    [
        ('networks = ["127.0.0.1"]', "any program of its networks can have an address of git that it knows wrapped"),
        ('networks = ["127.0.0.1"]\nsecret_file = "x"', "any program of its networks can have an address of git"),
        ('secret_file = "x"', "handler git: no [[sign.application]] with logins or networks names it"),
        ('logins = ["git"]\nnetworks = ["127.0.0.1"]', ""),
    ],
)
def test_who_may_have_addresses_wrapped(proof: str, words: str) -> None:
    """An application that knows nothing of us shows no key: its secret proves nothing."""
    warnings = [warning for warning in _parse(proof=proof).warnings if "wrapped" in warning]
    assert len(warnings) == bool(words)
    assert all(words in warning for warning in warnings)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "generic"])
def test_every_preset_can_be_configured_by_its_address(name: str) -> None:
    """With the usual one."""
    wrap = _wrap(_parse(application=name))
    assert wrap.is_for_everybody == (name in ("redmine", "roundup"))
    assert wrap.preset is PRESETS[name]


def test_an_applications_own_delivery_reports_come_in() -> None:
    """Discourse has their addresses in the same mailbox; a list in the file stands for the usual one."""
    bounces = _wrap(_parse(application="discourse")).bounces
    assert [pattern.source for pattern in bounces] == ["reply+verp-*@discourse.example.com"]
    assert _wrap(_parse("bounces = []", application="discourse")).bounces == ()


def test_settings_that_are_read_again_are_the_same() -> None:
    """So that a reload tells a change of the wrap from none."""
    assert _handler(_parse()) == _handler(_parse())
    assert _handler(_parse()) != _handler(_parse('native = "pass"'))
    assert _handler(_parse()) != _handler(_parse('open = ["incoming+*-issue@git.example.com"]'))


def test_the_template_has_a_wrapped_handler() -> None:
    """As a comment that is a configuration once the signs are gone."""
    template = files("reply_milter.cli").joinpath("reply-milter.toml").read_text(encoding="utf-8")
    comment = template[template.index("# [[handler]]") :]
    lines = [line.removeprefix("# ") for line in comment.splitlines()]
    assert f"# or {', '.join(list(PRESETS)[1:])}" in comment
    text = 'realm = "x"\n[address]\nmint_domain = "r.test"\n[sign]\n[delivery]\n' + "\n".join(lines)
    wrap = parse(text).handlers.by_id[20].wrap
    assert wrap is not None
    assert not wrap.passes(0)
