"""``[metrics]`` and ``[canary]``: who may read the page, and how often a canary is sent."""

import pytest

from reply_milter.config import Config, parse
from reply_milter.config.metrics import MetricsSettings

LEAST = """
realm = "example"
address.mint_domain = "reply.example.com"
MORE
[[handler]]
id = 1
name = "issue"
"""


def read(more: str) -> Config:
    """The least configuration with ``more``."""
    return parse(LEAST.replace("MORE", more))


def test_the_page_is_open_on_loopback_and_the_canary_comes_once_a_minute() -> None:
    """No configuration is needed if only this host can connect."""
    config = read("")
    assert config.metrics == MetricsSettings(("127.0.0.1", 9797))
    assert (config.canary.interval_seconds, config.warnings) == (60, ())


def test_certificate_and_login_are_files() -> None:
    """By absolute paths, since a daemon has no folder of its own."""
    config = read('metrics = {tls_cert = "/a.pem", tls_key = "/a.key", user = "p", password_file = "/p"}')
    assert config.metrics == MetricsSettings(("127.0.0.1", 9797), "/a.pem", "/a.key", "p", "/p")


def test_the_canary_may_be_switched_off() -> None:
    """By an interval of 0."""
    assert read("canary.interval_seconds = 0").canary.interval_seconds == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"])
def test_loopback_takes_no_login(host: str) -> None:
    """Whatever its address."""
    assert read(f'metrics.listen = "{host}:9797"').warnings == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "mx.example.com"])  # noqa: S104 # to be warned of
def test_a_page_for_others_without_a_login_is_warned_of(host: str) -> None:
    """And one where the password would cross the network as it is."""
    login = 'user = "p", password_file = "/p"'
    (warning,) = read(f'metrics = {{listen = "{host}:9797"}}').warnings
    assert "asks for no login" in warning
    (warning,) = read(f'metrics = {{listen = "{host}:9797", {login}}}').warnings
    assert "in the clear" in warning
    tls = 'tls_cert = "/a.pem", tls_key = "/a.key"'
    assert read(f'metrics = {{listen = "{host}:9797", {login}, {tls}}}').warnings == ()
