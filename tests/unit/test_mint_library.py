"""``from reply_milter import mint``: what an application imports, alone and by the published vectors."""

import email
import os
import subprocess
import sys
from email.message import EmailMessage, Message
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest

import reply_milter
from reply_milter import mint
from reply_milter.cli.init import write_files
from reply_milter.core.token import token
from tests.support.vector_file import cases

DOMAIN = "reply.example.com"
JANE = "jane@example.com"
ISSUE = mint.handler(1, "issue")
WORKED_THREAD = ("6832620830914657", "go-gitea/gitea/issue/2351/1220588887.k3f9@example.com")
WORKED_SENDER = 3690


def minter(**changes: Any) -> mint.Minter:
    """One for the realm of the vectors."""
    plain: dict[str, Any] = {
        "realm": "example",
        "secret": bytes(range(32)),
        "mint_domain": DOMAIN,
        "handlers": [ISSUE, mint.handler(2, "forum", "integer")],
    }
    return mint.Minter(**plain | changes)


def test_it_needs_no_milter_and_no_store() -> None:
    """It imports no Prometheus library: an application's host need not have it."""
    program = (
        "import sys\n"
        "for name in ('Milter', 'milter', 'redis', 'hiredis', 'prometheus_client', 'tqdm'): sys.modules[name] = None\n"
        "from reply_milter import mint\n"
        "minter = mint.Minter('r', bytes(32), 'reply.example.com', [mint.handler(2, 'forum', 'integer')])\n"
        "print(minter.mint('forum', 1, context=2).address)\n"
    )
    folder = str(Path(reply_milter.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env={**os.environ, "PYTHONPATH": folder}, check=False
    )
    assert done.stdout.startswith(b"reply+"), done.stderr.decode()


def _wanted(group: dict[str, Any], test: dict[str, Any]) -> bool:
    """Addresses that a minter makes: invalid ones, and a token with the digests of another key, are for readers."""
    made = test["result"] == "valid" and "checksum" in test and "OlderKey" not in test["flags"]
    return made and test["sender"] in (0, WORKED_SENDER)


VECTORS = [case for case in cases("token.json", "Address", "address") if _wanted(*case.values)]


@pytest.mark.parametrize("group,test", VECTORS)
def test_it_mints_what_the_vectors_say(group: dict[str, Any], test: dict[str, Any]) -> None:
    """The same address, from the same facts."""
    kind = "thread" if test["context"] == WORKED_THREAD[0] else "integer"
    made = mint.Minter(
        realm=group["realm"],
        secret=bytes.fromhex(test["masterKey"]),
        mint_domain=group["domain"],
        handlers=[mint.handler(test["handler"], "h", kind)],
        mailbox=group["mailbox"],
        delimiter=group["delimiter"],
    ).mint(
        "h",
        test["user"],
        context=int(test["context"]) if kind == "integer" else None,
        message_id=WORKED_THREAD[1] if kind == "thread" else "",
        to=JANE if test["sender"] else "",
        at=test["issued"] * 60 + token.EPOCH,
    )
    assert made.address == test["address"].lower()


def test_there_are_vectors() -> None:
    """An empty list would pass, and one without threads or senders would show little."""
    tests = [case.values[1] for case in VECTORS]
    assert len(tests) >= 10
    assert {test["context"] == WORKED_THREAD[0] for test in tests} == {True, False}
    assert {test["sender"] for test in tests} == {0, WORKED_SENDER}


@pytest.mark.parametrize("kind", [EmailMessage, Message])
def test_prepare_writes_what_sign_mode_writes(kind: type[EmailMessage]) -> None:
    """Read back from the octets that are sent, with ids longer than a line."""
    message = kind()
    message["From"], message["Reply-To"], message["References"] = "a@b.example", "old@b.example", "<old@b.example>"
    made = minter().prepare(message, "issue", 42, locator="a/" + "b" * 150, to=JANE)
    read = email.message_from_bytes(message.as_bytes())
    assert read.get_all("Reply-To") is not None
    assert [value.strip() for value in read.get_all("Reply-To", [])] == [made.address]
    assert read["Message-ID"].strip() == made.message_id
    assert read["References"].split() == ["<old@b.example>", made.message_id]
    assert read["Auto-Submitted"] == "auto-generated"


def test_prepare_keeps_and_binds_an_id_of_the_application() -> None:
    """And what else it has set."""
    message = MIMEText("x")
    message["Message-ID"], message["Auto-Submitted"] = "<own@b.example>", "auto-notified"
    made = minter().prepare(message, "issue", 42, locator="a/b")
    assert made.context == minter().mint("issue", 42, message_id="<own@b.example>").context
    assert (message["Message-ID"], message["References"]) == ("<own@b.example>", "<own@b.example>")
    assert message["Auto-Submitted"] == "auto-notified"
    minter().prepare(message, "issue", 42)
    assert message["References"] == "<own@b.example>", "added once"


def test_prepare_for_a_number_makes_an_id_to_thread_by() -> None:
    """It binds nothing."""
    message = EmailMessage()
    made = minter().prepare(message, "forum", 42, context=99)
    assert made.context == 99
    assert made.message_id.startswith("<forum/99/")
    assert message["Message-ID"] == made.message_id


def test_a_mistake_leaves_the_message_as_it_was() -> None:
    """Nothing is half written."""
    message = EmailMessage()
    message["Reply-To"] = "old@b.example"
    with pytest.raises(mint.MintError, match="binds a thread"):
        minter().prepare(message, "issue", 42)
    assert message.items() == [("Reply-To", "old@b.example")]


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"secret": bytes(31)}, "32 octets"),
        ({"mint_domain": "no domain"}, "domain name"),
        ({"mailbox": "Reply"}, "mailbox"),
        ({"mailbox": "postmaster"}, "mailbox"),
        ({"mailbox": "a.very.long.mailbox"}, "15 characters"),
        ({"delimiter": "="}, "delimiter"),
        ({"realm": "not a realm"}, "realm"),
    ],
)
def test_what_no_configuration_may_name_is_refused(changes: dict[str, Any], words: str) -> None:
    """In words that say what to do."""
    with pytest.raises(mint.MintError, match=words):
        minter(**changes)
    with pytest.raises(mint.MintError, match="no handler 'other'"):
        minter().mint("other", 1, context=1)


def test_it_reads_the_daemons_files_but_for_the_seal_key(tmp_path: Path) -> None:
    """An application that mints needs no seal key, and gets an error in words for what it needs."""
    write_files(tmp_path, DOMAIN, DOMAIN, str(tmp_path / "state"))
    (tmp_path / "seal.key").unlink()
    path = tmp_path / "reply-milter.toml"
    assert mint.Minter.load(str(path)).mint("issue", 1, locator="a/b").address.endswith(f"@{DOMAIN}")
    (tmp_path / "keys.toml").chmod(0o644)
    with pytest.raises(mint.ConfigError, match="open to others"):
        mint.Minter.load(str(path))
    with pytest.raises(mint.ConfigError, match=r"nothing\.toml: No such file"):
        mint.Minter.load(str(tmp_path / "nothing.toml"))


@pytest.mark.parametrize(
    "number,name,context", [(1024, "a", "thread"), (-1, "a", "thread"), (1, "A b", "thread"), (1, "a", "x")]
)
def test_a_handler_that_no_file_may_name_is_refused(number: int, name: str, context: str) -> None:
    """Its addresses would belong to another handler, or to none."""
    with pytest.raises(mint.MintError):
        mint.handler(number, name, context)


def test_two_handlers_of_one_number_are_refused() -> None:
    """One of them would vanish without a word."""
    with pytest.raises(mint.MintError, match="same number or name"):
        mint.Minter("test", bytes(32), "reply.test", [mint.handler(1, "a"), mint.handler(1, "b")])


def test_one_thing_is_answered() -> None:
    """A locator and an id together would bind the address to a Message-ID that is never sent."""
    with pytest.raises(mint.MintError, match="one of"):
        minter().mint("issue", 1, locator="a/b", message_id="<mine@shop.example>")


def test_prepare_reads_a_message_id_as_sign_mode_does() -> None:
    """With a comment behind it; and two are refused."""
    message = Message()
    message["Message-ID"] = "<a@b.example> (mine)"
    assert minter().prepare(message, "issue", 42).message_id == "<a@b.example>"
    message["Message-ID"] = "<c@d.example>"
    with pytest.raises(mint.MintError, match="at most one"):
        minter().prepare(message, "issue", 42)
