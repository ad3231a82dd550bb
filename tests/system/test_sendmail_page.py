"""contrib/sendmail word by word, on a machine where Debian's Sendmail was installed in place of Postfix."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.machine import Machine
from tests.support.hosts.sendmail_packages import installable
from tests.system.package_under_test import ROOT, machine, package
from tests.system.page_commands import commands_of, until_refused

pytestmark = pytest.mark.system

_PAGE = ROOT / "contrib/sendmail/README.md"
_INCLUDE = "include(`/etc/mail/m4/reply-milter.mc')dnl"
_ABOVE = "dnl # Default Mailer setup"
# Packages ask for others that are on the machine under other names, and no script may ask a question.
_INSTALL = ("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-depends")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    """A machine with Debian's Sendmail running, and our package."""
    found = machine()
    try:
        found.good(*_INSTALL, "--purge", "postfix")
        files = [*installable(tmp_path), package()]
        for file in files:
            found.put(file, f"/root/{file.name}")
        found.good(*_INSTALL, "--install", *(f"/root/{file.name}" for file in files))
        found.sh("cp /etc/mail/service.switch-nodns /etc/mail/service.switch")  # there is no name server to ask
        yield found
    finally:
        found.stop()


def test_the_steps(host: Machine) -> None:
    """From Debian's sendmail.mc to a refusal, and a reply in the Maildir; and 451 while the milter is down."""
    folder, *copies, tables, make, ask = commands_of(_PAGE)
    assert len(copies) == 3
    text = _PAGE.read_text()
    assert f"`{_ABOVE}`" in text
    assert f"    {_INCLUDE}\n" in text
    _configure(host)
    host.sh(f"{folder}; systemctl start reply-milter")
    host.sh("\n".join(["cd /opt/reply-milter/share/reply-milter/contrib/sendmail", *copies]))
    settings = host.good("cat", "/etc/mail/sendmail.mc")
    assert settings.count(_ABOVE) == 1
    host.write("/etc/mail/sendmail.mc", settings.replace(_ABOVE, f"{_INCLUDE}\n{_ABOVE}"))
    host.sh(f"{tables}\n{make}")
    assert "<** 550 5.7.1 <reply+hello@reply.example.com>... This reply address is not valid" in host.sh(
        f"cd /root; {until_refused(ask)}"
    )
    assert '"result": "pass"' in host.sh(_REPLY)
    host.sh("systemctl stop reply-milter")
    assert "<** 451 4.3.2" in host.run(*ask.split()).stdout


def _configure(host: Machine) -> None:
    """As step 1 says."""
    assert """`socket = "unix:/run/reply-milter/verify.sock"` and `socket_group = ""`""" in _PAGE.read_text()
    host.sh("""reply-milter init /etc/reply-milter --domain reply.example.com
        chown reply-milter: /etc/reply-milter/keys.toml /etc/reply-milter/seal.key
        sed -i -e 's#^socket = .*#socket = "unix:/run/reply-milter/verify.sock"#' \\
            -e 's#^socket_group = .*#socket_group = ""#' /etc/reply-milter/reply-milter.toml""")


# From an address whose domain exists without DNS, which Sendmail asks for.
_REPLY = """
set -- $(reply-milter mint --handler issue --user 42 --locator shop/issue/1 --to alice@mx.example.com)
swaks --server 127.0.0.1 --from alice@mx.example.com --to "$1" --h-From '<alice@mx.example.com>' --h-In-Reply-To "$2"
timeout 20 sh -c 'until [ -s /var/mail/replies/new/* ]; do sleep 0.1; done' || { mailq; journalctl --no-pager -n 20; }
reply-milter verify-header /var/mail/replies/new/*
"""
