"""Which secrets a configuration file holds itself."""

import pytest

from reply_milter.config import ConfigError, parse
from reply_milter.config.secrets import held_secrets

WEBHOOK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = """
realm = "example"
state_dir = "/var/lib/reply-milter"
[address]
mint_domain = "reply.example.com"
[keys]
file = "keys.toml"
seal_file = "seal.key"
[verify]
socket = "unix:/run/reply-milter/verify.sock"
[delivery]
listen = "inet:2424@127.0.0.1"
[store]
url = "{store}"
[[handler]]
id = 1
name = "issue"
[handler.delivery]
type = "webhook"
url = "{url}"
{secret}
"""


@pytest.mark.parametrize(
    "store,url,secret,held",
    [
        ("embedded", "https://app.example/in", "", []),
        ("redis://127.0.0.1:6379", "https://app.example/in", "", []),
        ("redis://:hunter2@127.0.0.1:6379", "https://app.example/in", "", ["the password in store.url"]),
        ("rediss://rm:hunter2@redis.example", "https://app.example/in?a=b:c@d", "", ["the password in store.url"]),
        (
            "embedded",
            "https://rm:hunter2@app.example/in",
            f'secret = "{WEBHOOK_KEY}"',
            [
                "the webhook secret of the handler issue",
                "the password in the webhook's URL of the handler issue",
            ],
        ),
    ],
)
def test_secrets_are_named_by_their_place(store: str, url: str, secret: str, held: list[str]) -> None:
    """And never shown."""
    assert list(held_secrets(parse(CONFIG.format(store=store, url=url, secret=secret)))) == held


@pytest.mark.parametrize("secret", ['secret = ""', 'secret = "  "', 'secret = "\\n"'])
def test_an_empty_secret_is_refused(secret: str) -> None:
    """An empty variable is an error: otherwise any sender could post."""
    with pytest.raises(ConfigError) as refused:
        parse(CONFIG.format(store="embedded", url="https://app.example/in", secret=secret))
    (problem,) = refused.value.problems
    assert problem.startswith("handler[1].delivery.secret: must not be empty") and "leave it out" in problem
