"""A stranger's first day, and the last: from the README's lines to a posted reply, and back without a trace."""

import json
import os
import re
from collections.abc import Iterator

import pytest

from tests.support.hosts.machine import Machine
from tests.support.processes.daemon_process import wait_until
from tests.system.package_under_test import ROOT, machine, package

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not os.environ.get("REPLY_MILTER_LONG"), reason="the long form of test_pages: make deb-test"),
]

_CONFIG = "/etc/reply-milter/reply-milter.toml"
_README = (ROOT / "README.md").read_text(encoding="utf-8")
_SIGN = """
[sign]
socket = "unix:/var/spool/postfix/reply-milter/sign.sock"

[[sign.application]]
name = "shop"
secret_file = "/etc/reply-milter/shop.secret"
handlers = ["issue"]
"""


@pytest.fixture
def host() -> Iterator[Machine]:
    """A machine with Debian's Postfix running, where the address of a customer is an account."""
    found = machine()
    try:
        found.sh("useradd -m jane; newaliases; systemctl start postfix; mkdir /root/posts")
        yield found
    finally:
        found.stop()


def test_the_first_day_and_the_last(host: Machine) -> None:
    """No command fails, no warning comes that is not meant, and Postfix has its files back to the octet."""
    before = _postfix(host)
    _install(host)
    _receive(host)
    host.sh(f'sed -i \'s/^mode = "observe"/mode = "enforce"/\' {_CONFIG}; systemctl reload reply-milter')
    address, answered = host.good(*_MINT).split()
    assert "250 2.0.0 Ok" in _answer(host, address, answered, "It comes in blue.")
    wait_until(lambda: _posted(host) == [("42", "shop/orders/issue/2351", "It comes in blue.")], 20, "it is posted")

    _sign(host)
    _break_and_mend(host)
    _revoke_and_undo(host)

    host.good("reply-milter", "postfix", "detach", "--yes")
    assert _postfix(host) == before
    assert host.run("reply-milter", "postfix", "status").returncode == 0
    host.sh("apt-get -q -y purge reply-milter")
    assert "250 2.0.0 Ok" in host.good("swaks", "--server", "127.0.0.1", "--to", "jane@localhost")


_MINT = (
    "reply-milter", "mint", "--handler", "issue", "--user", "42", "--locator", "shop/orders/issue/2351",
    "--to", "jane@example.net",
)  # fmt: skip


def _install(host: Machine) -> None:
    """As the README has it, with yes to what apt and attach ask."""
    host.put(package(), f"/root/{package().name}")
    (section,) = re.findall(r"(?m)^## Install\n\n((?: {4}.*\n)+)", _README)
    lines = [line.strip() for line in section.splitlines()]
    assert lines[0].startswith("make deb && ") and any("postfix attach" in line for line in lines)
    script = "\n".join(["cd /root; mkdir dist; mv *.deb dist", lines[0].removeprefix("make deb && "), *lines[1:]])
    script = script.replace("apt-get install", "apt-get -q -y --no-install-recommends install")
    script = re.sub(r"(?m)^(reply-milter postfix attach.*)$", r"\1 --yes", script)
    told = host.sh(script.replace("reply-milter top", "reply-milter top --once --interval 0.5"))
    assert "0 errors, 0 warnings" in told
    assert "\nready\n" in told


def _receive(host: Machine) -> None:
    """Start the receiver of the README, with the secret that ``init`` has made."""
    (program,) = re.findall(r"(?s)```python\n(import http.*?)```", _README)
    (secret,) = re.findall(r"whsec_[\w+/=]{20,}", host.good("cat", _CONFIG))
    host.write("/root/posts/receiver.py", program.replace("whsec_YOUR_SECRET", secret))
    python = ROOT / ".venv/bin/python"
    host.good("systemd-run", "--unit=receiver", "--working-directory=/root/posts", str(python), "receiver.py")


def _posted(host: Machine) -> list[tuple[str, ...]]:
    """Who, about what, which text; in the order in which they came."""
    asked = host.run(str(ROOT / ".venv/bin/python"), "-c", _ROWS).stdout
    return [tuple(row) for row in json.loads(asked or "[]")]


_ROWS = """
import json, sqlite3
rows = sqlite3.connect("/root/posts/posts.db").execute("SELECT user, about, trim(text) FROM post ORDER BY rowid")
print(json.dumps([[str(word) for word in row] for row in rows]))
"""


def _answer(host: Machine, address: str, answered: str, text: str, author: str = "jane@example.net") -> str:
    words = ["swaks", "--server", "127.0.0.1", "--from", author, "--h-From", f"<{author}>"]
    return host.run(*words, "--to", address, "--h-In-Reply-To", answered, "--body", text).stdout


def _sign(host: Machine) -> None:
    """The application writes one field; the customer's answer to what came is posted."""
    host.sh("install -o root -g reply-milter -m 0640 /dev/null /etc/reply-milter/shop.secret"
            "\nhead -c 32 /dev/urandom | base64 -w0 > /etc/reply-milter/shop.secret")  # fmt: skip
    host.write(_CONFIG, host.good("cat", _CONFIG) + _SIGN)
    host.sh(
        "reply-milter check-config; systemctl restart reply-milter; reply-milter postfix attach --hook --sign --yes"
    )
    assert "0 errors, 0 warnings" in host.good("reply-milter", "doctor", "--postfix", "/etc/postfix")
    host.sh("""
        sendmail -t -f shop@example.com <<END
From: Shop <shop@example.com>
To: jane@localhost
Subject: A comment on order 7
X-Reply-Mint: handler=issue; user=7; locator=shop/orders/issue/7; key=$(cat /etc/reply-milter/shop.secret)

Somebody asks.
END""")
    wait_until(lambda: host.run("test", "-s", "/var/mail/jane").returncode == 0, 20, "the notification is there")
    came = host.good("cat", "/var/mail/jane")
    assert "X-Reply-Mint" not in came
    (address,) = re.findall(r"(?mi)^Reply-To: .*?(reply\+[^\s>]+)", came)
    (answered,) = re.findall(r"(?mi)^Message-ID: (\S+)", came)
    assert "250 2.0.0 Ok" in _answer(host, address, answered, "And in green.", "jane@localhost")
    wait_until(lambda: ("7", "shop/orders/issue/7", "And in green.") in _posted(host), 20, "that is posted, too")
    assert len(_posted(host)) == 2


def _break_and_mend(host: Machine) -> None:
    """A mistake has its line, a reload refuses it, and the daemon goes on."""
    host.sh(f"sed -i 's/^settle_ms/setle_ms/' {_CONFIG}")
    checked = host.run("reply-milter", "check-config")
    assert checked.returncode and re.search(rf"{_CONFIG}:\d+: .*did you mean settle_ms", checked.stderr)
    assert host.run("systemctl", "reload", "reply-milter").returncode
    assert host.good("systemctl", "is-active", "reply-milter").strip() == "active"
    host.sh(f"sed -i 's/^setle_ms/settle_ms/' {_CONFIG}; reply-milter check-config; systemctl reload reply-milter")


def _revoke_and_undo(host: Machine) -> None:
    address, answered = host.good(*_MINT).split()
    host.good("reply-milter", "revoke", "user", "42")
    assert "550 5.7.1" in _answer(host, address, answered, "Nobody hears this.")
    assert "42" in host.good("reply-milter", "revoke", "list")
    host.good("reply-milter", "revoke", "undo", "user", "42")
    assert "250 2.0.0 Ok" in _answer(host, address, answered, "In red, then.")
    wait_until(lambda: ("42", "shop/orders/issue/2351", "In red, then.") in _posted(host), 20, "it is posted")
    assert len(_posted(host)) == 3


def _postfix(host: Machine) -> tuple[str, str]:
    return host.good("cat", "/etc/postfix/main.cf"), host.good("cat", "/etc/postfix/master.cf")
