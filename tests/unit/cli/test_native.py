"""``explain`` and ``check`` of an application's own addresses that are verified."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.native_writers import gitea_token, moodle_key
from tests.support.shell import Shell
from tests.support.wrapped_settings import WRAPPED

SECRET, OTHER = "77f3fb1de115523da4d552f6127ed9a2", "3b27f07c862c0918394ca05f179b32dc"
JANE = "jane@example.org"
MOODLE = """
[[handler]]
id = 21
name = "moodle"
context = "wrapped"
[handler.wrap]
application = "moodle"
address = "incoming+{{key}}@moodle.example.com"
native = "verify"
outward = false
[handler.verify]
type = "moodle"
source = "file:{path}"
[handler.delivery]
type = "maildir"
path = "/tmp/none/moodle"
"""


@pytest.fixture
def verifying(shell: Shell, tmp_path: Path) -> Shell:
    """A fresh installation that verifies addresses of a Gitea and a Moodle."""
    users = tmp_path / "users"
    lines = [
        {"id": 42, "secret": SECRET, "addresses": [JANE]}, {"id": 43, "secret": OTHER, "disabled": True},
        {"handler": 1, "data": 7, "secret": OTHER}, {"handler": 1, "data": 8, "secret": OTHER, "expires": 1},
        {"handler": 2, "data": 7, "secret": OTHER, "disabled": True},
    ]  # fmt: skip
    users.write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = Path(shell.config)
    path.write_text(path.read_text() + WRAPPED + MOODLE.format(path=users))
    shell.edit("\nopen = [", '\nnative = "verify"\nopen = [')
    text = path.read_text()
    at = text.index("[handler.delivery]", text.index('\napplication = "gitea"'))
    path.write_text(f'{text[:at]}[handler.verify]\ntype = "gitea"\nsource = "file:{users}"\n{text[at:]}')
    return shell


def gitea(user: int = 42, secret: str = SECRET, seconds: int = 86400) -> str:
    """An address of the Gitea."""
    return f"incoming+{gitea_token(user, secret, int(time.time()) + seconds)}@git.example.com"


def moodle(handler: int = 1, user: int = 42, data: int = 7, secret: str = SECRET) -> str:
    """An address of the Moodle."""
    return f"incoming+{moodle_key(handler, user, data, OTHER, secret)}@moodle.example.com"


def explained(shell: Shell, address: str) -> Any:
    """What ``explain`` says as JSON; no secret stands in it, nor in the words, nor the key."""
    text, words = shell.explained(address, "--json"), shell.explained(address)
    key = address.partition("+")[2].rpartition("@")[0]
    for said in (text, words):
        assert SECRET not in said and OTHER not in said and (not key or key.lower() not in said.lower())
    return json.loads(text)


def steps(told: Any) -> list[str]:
    """The checks that were made; a failed one in capitals."""
    return [one["check"] if one["passed"] else one["check"].upper() for one in told["checks"]]


def test_a_genuine_one_is_told_with_its_user_and_its_end(verifying: Shell) -> None:
    """The id is the one in log lines; there is no version, no context and no master key."""
    told = explained(verifying, gitea())
    assert (told["valid"], told["class"], told["handler"]) == (True, "native", "gitea")
    assert steps(told) == ["recipient", "form", "source", "mac", "user", "expires"]
    assert told["token_id"] and told["pseudo_user"] and told["user"] is None and told["key"] is None
    assert 86000 < told["expires"] - time.time() < 86500
    assert (told["version"], told["context"], told["bound"]) == (None, None, None)
    words = verifying.explained(gitea())
    assert "as gitea writes it: user 42 of the application" in words and f"answers come from {JANE}" in words


def test_a_genuine_one_of_moodle_names_what_it_is_about(verifying: Shell) -> None:
    """Its end is the data key's."""
    told = explained(verifying, moodle())
    assert steps(told) == ["recipient", "form", "source", "mac", "user", "handler", "expires"]
    assert (told["valid"], told["expires"]) == (True, None)
    assert "handler 1 of the application's, user 42, data 7" in verifying.explained(moodle())


@pytest.mark.parametrize(
    "address,reason,failed,words",
    [
        (gitea()[:-30] + "@git.example.com", "forged", "FORM", "it was cut off, or altered"),
        (gitea().replace("incoming+A", "incoming+a"), "forged", "FORM", "a second spelling"),
        (gitea(user=44), "forged", "SOURCE", "it knows no user 44"),
        (gitea(secret=OTHER), "forged", "MAC", "made with another secret"),
        (gitea(user=43, secret=OTHER), "forged", "USER", "user 43 is disabled by the application"),
        (gitea(seconds=-60), "expired", "EXPIRES", "expired 20"),
        (moodle(handler=3), "forged", "SOURCE", "no data key of handler 3 and data 7"),
        (moodle(handler=2), "forged", "HANDLER", "handler 2 of the application's is disabled"),
        (moodle(data=8), "expired", "EXPIRES", "expired 1970-01-01 00:00 UTC"),
        (moodle().lower(), "forged", "FORM", "a server that folds the case of letters"),
    ],
    ids=["cut", "spelling", "stranger", "mac", "disabled", "old", "no data", "handler", "old data", "folded"],
)
def test_why_it_is_refused(verifying: Shell, address: str, reason: str, failed: str, words: str) -> None:
    """The check that fails, and what the log says; ``check`` comes to the same verdict."""
    told = explained(verifying, address)
    assert (told["valid"], told["reason"]) == (False, reason)
    assert failed in steps(told)
    assert words in verifying.explained(address)


def test_a_source_without_an_answer_is_told(verifying: Shell, tmp_path: Path) -> None:
    """The client is deferred, then."""
    (tmp_path / "users").unlink()
    told = explained(verifying, gitea())
    assert told["reason"] == "store_unavailable" and "SOURCE" in steps(told)
    assert "so that the client hears 451: No such file or directory" in verifying.explained(gitea())


def test_the_mailbox_alone_is_refused_as_ever(verifying: Shell) -> None:
    """Nothing is there to verify."""
    told = explained(verifying, "incoming@git.example.com")
    assert (told["valid"], told["reason"]) == (False, "native")
