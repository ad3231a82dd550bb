"""The first example of each library's README: a notification handed to a real Postfix, answered, and accepted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.submission_site import SubmissionSite
from tests.support.languages import LANGUAGES, PHP, Language

pytestmark = pytest.mark.system

SUBJECT = "A comment on order 2351"
JANE = "jane@example.com"


@pytest.fixture
def host() -> Iterator[SubmissionSite]:
    """A host with sign mode, by which sendmail(1) is trusted."""
    running = SubmissionSite()
    try:
        yield running.start()
    finally:
        running.stop()


def _hand_in(language: Language, host: SubmissionSite, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the example. Its ``sendmail`` is Postfix's own, with the settings of this host."""
    sendmail = folder / "sendmail"
    sendmail.write_text(f'#!/bin/sh\nexec /usr/sbin/sendmail -C {host.site.postfix.folder}/etc "$@"\n')
    sendmail.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/bin")
    program = language.examples()[0].replace("jane@example.net", JANE)
    if language is PHP:
        settings = folder / "php.ini"
        settings.write_text(f'sendmail_path = "{sendmail} -t -i"\n')
        monkeypatch.setenv("PHP_INI_SCAN_DIR", f":{folder}")
    assert language.run(program, folder) == ""


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.name)
def test_the_first_example_gets_an_answer(
    language: Language, host: SubmissionSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One header field, and the user's reply comes back with user and thread."""
    _hand_in(language, host, tmp_path, monkeypatch)
    (found,) = host.site.arrived("Subject", SUBJECT, 1, "people")
    (reply_to,), (identifier,) = found.values("Reply-To"), found.values("Message-ID")
    assert identifier.startswith("<shop/orders/issue/2351/") and not found.values("X-Reply-Mint")
    head = f"From: {JANE}\r\nMessage-ID: <1@b>\r\nIn-Reply-To: {identifier}\r\nX-Seq: {language.name}\r\n"
    assert host.site.send([f"<{reply_to}>"], f"{head}\r\nIn blue, please.\r\n".encode(), f"<{JANE}>").startswith("250")
    (accepted,) = host.site.arrived("X-Seq", language.name, 1)
    assert isinstance(accepted.tags, dict)
    told = {name: accepted.tags[name] for name in ("user", "handler", "locator", "sender")}
    assert told == {"user": "42", "handler": "issue", "locator": "shop/orders/issue/2351", "sender": "match"}
