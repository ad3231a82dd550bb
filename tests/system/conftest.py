"""One mail host for all system tests of a module; starting one takes a second or two."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.mail_authentication import MailAuthentication
from tests.support.hosts.sendmail_settings import SendmailLayout
from tests.support.hosts.site_under_test import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A Postfix with Debian's chrooted master.cf and a daemon that is not root."""
    running = Site()
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def sendmail_site() -> Iterator[Site]:
    """A Sendmail with Debian's sendmail.mc, contrib/sendmail, and a daemon that is not root."""
    running = Site(layout=SendmailLayout())
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def observing_site() -> Iterator[Site]:
    """The Postfix host in observe mode."""
    running = Site({'mode = "enforce"': 'mode = "observe"'})
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def fresh() -> Iterator[Site]:
    """A Postfix host of a test's own, which it may break."""
    running = Site()
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def vouching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailAuthentication]:
    """OpenDKIM, OpenDMARC and their DNS."""
    folder: Path = tmp_path_factory.mktemp("authentication")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    running = MailAuthentication(folder / "milters")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder that others may enter, whose name is short: a socket's path has at most 107 octets."""
    folder = Path(tempfile.mkdtemp(prefix="rm-at-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
