"""The case files of the SMTP side, all of them: the same mail in a mailbox, with a folder for each answer.

A catch-all mailbox gets a copy for each recipient: a provider refuses none, so also for those that our RCPT refuses.
What is no reply has to stay as it is. Only an address that SMTP defers gets none: its client sends that copy later.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.cli.init import write_files
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.verdict_header import unseal
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.ports.fetching import FetchReport
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load
from reply_text.syntax.message_file import split
from tests.support.fakes import NOW
from tests.support.hosts.fetching import RECEIVED, Fetching, mail
from tests.support.hosts.site_under_test import DOMAIN, HANDLERS
from tests.system.case_file import Conversation

_CASES = sorted((Path(__file__).parents[3] / "system/cases").glob("*.case"))
_FATES = {"2": {"delivered"}, "4": {"deferred"}, "5": {"rejected"}}
# What a client of SMTP can't hear is a fate of its own here.
_WOULD = {"reject": {"rejected"}, "discard": {"discarded"}, "park": {"parked"}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of the host that the case files are written for."""
    folder = tmp_path_factory.mktemp("etc")
    write_files(folder, DOMAIN, DOMAIN, str(folder / "state"))
    path = folder / "reply-milter.toml"
    path.write_text(path.read_text() + HANDLERS)
    return load(str(path))


class Fetched(Conversation):
    """Runs the lines of a case against a mailbox."""

    def __init__(self, host: Fetching, settings: Settings, name: str) -> None:
        super().__init__(site=None, name=name)  # type: ignore[arg-type]
        self.host, self.settings = host, settings
        self.sender, self.recipients, self.would = "", [""], ""

    def run(self, text: str) -> None:
        """Do what each line says, as far as a mailbox can."""
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            deed = getattr(self, f"do_{word.lower()}", None) if line.strip() and not line.startswith("#") else None
            if deed is not None:
                deed(self._fill(rest))

    def do_mint(self, rest: str) -> None:
        name, *pairs = rest.split()
        given: dict[str, str] = dict(pair.split("=", 1) for pair in pairs)
        about: dict[str, object] = {"locator": given.get("locator", "shop/issue/1")}
        if "context" in given:
            about = {"context": int(given["context"])}
        handler = self.settings.config.handlers.named(given.get("handler", "issue"))
        assert handler is not None
        days = float(given.get("days_ago", "0"))
        order = Order(
            now=int(NOW - 86400 * days),
            user=int(given.get("user", "42")),
            recipient=given.get("to", ""),
            unique=f"u{len(self.minted)}",
            **about,  # type: ignore[arg-type]
        )
        minted: MintedAddress = mint(order, handler, self.settings.keyring, self.settings.config.form)
        self.minted[name] = minted

    def do_from(self, rest: str) -> None:
        self.head, self.body, self.recipients = [], [], []
        self.sender = rest.split()[0]

    def do_rcpt(self, rest: str) -> None:
        recipient, _, wanted = rest.rpartition(" = ")
        if wanted.startswith("250") and recipient.strip("<>") not in self.recipients:
            self.recipients.append(recipient.strip("<>"))
        if wanted.startswith("5"):
            address, handed = recipient.strip("<>"), self.host.handed
            self._deliver(address, {"rejected"} if self._is_ours(address) else {"rejected", "ordinary"})
            assert self.host.handed == handed

    def do_would(self, rest: str) -> None:
        self.would = rest.strip()

    def do_send(self, rest: str) -> None:
        assert self.recipients
        fates, self.would = _WOULD.get(self.would) or _FATES[rest.removeprefix("= ")[0]], ""
        for recipient in self.recipients:
            self._deliver(recipient, fates if self._is_ours(recipient) else {"ordinary"})

    def _deliver(self, recipient: str, fates: set[str]) -> None:
        """Have a copy looked at. One that is no reply stays where it is, as it is."""
        message, box, reports = self._message(recipient), self.host.mailbox, self.host.told.reports
        before, reported = len(box.messages), len(reports)
        box.deliver(message)
        self.host.look(1)
        (report,) = reports[reported:]
        assert str(report.verdict) in fates, (recipient, report)
        if report.verdict is FetchVerdict.ORDINARY:
            assert list(box.messages.values())[before:] == [message]

    def _is_ours(self, recipient: str) -> bool:
        return any(minted.address.lower() == recipient.lower() for minted in self.minted.values())

    def _message(self, recipient: str) -> bytes:
        """The copy of one recipient, as the provider's last host stores it."""
        traces = [("Return-Path", f" {self.sender}"), ("Delivered-To", f" {recipient}"), RECEIVED]
        fields = [*traces, ("Date", " Sat, 21 Nov 2026 12:00:00 +0000")]
        header = "\r\n".join([*self.head, "", ""]).encode("utf-8", "surrogateescape")
        body = "\r\n".join([*self.body, ""]).encode("utf-8", "surrogateescape")
        return mail(fields, b"").removesuffix(b"\r\n") + header + body

    def do_arrived(self, rest: str) -> None:
        count, where = rest.split()
        if where == "replies":
            assert self.host.verdicts.count("delivered") == int(count)

    def do_held(self, rest: str) -> None:
        assert self.host.verdicts.count("parked") == int(rest)

    def do_tags(self, rest: str) -> None:
        wanted: dict[str, str] = dict(pair.split("=", 1) for pair in rest.split())
        found = {name: self._tags().get(name) for name in wanted}
        assert found == wanted

    def do_notags(self, rest: str) -> None:
        assert not set(rest.split()) & set(self._tags())

    def do_settled(self, rest: str) -> None:
        """Of each that was moved."""

    def do_untouched(self, rest: str) -> None:
        text = self.settings.config.form.token_text(self.minted[rest.strip()].address.split("@")[0])
        key = self.settings.keyring.minting_key(self.minted[rest.strip()].token.user)
        assert not self.host.store.tokens.get(key.token_id(text))

    def do_rset(self, _rest: str) -> None:
        """SMTP's."""

    def do_field(self, rest: str) -> None:
        """The MTA's."""

    def do_noverdict(self, _rest: str) -> None:
        """The MTA's."""

    def _tags(self) -> dict[str, str]:
        message = self.host.hook.deliverer.replies[-1].envelope.message
        values = [value for name, value in split(message)[0] if name == VERDICT]
        tags = unseal(values, self.settings.seal_keys)
        assert isinstance(tags, dict)
        return tags


@pytest.fixture
def host(tmp_path: Path, settings: Settings) -> Iterator[Fetching]:
    """With the handlers of the case files; one application takes all replies."""
    found = Fetching(tmp_path, settings.rules())
    handlers = settings.config.handlers
    rules = replace(
        found.service.delivering.rules,
        form=settings.config.form,
        keyring=settings.keyring,
        seal_keys=settings.seal_keys,
        handlers=handlers,
    )
    takers = {handler.name: found.hook.deliverer for handler in handlers.by_id.values()}
    found.service = replace(found.service, delivering=replace(found.service.delivering, rules=rules, deliverers=takers))
    yield found
    assert all(isinstance(report, FetchReport) for report in found.told.reports)


@pytest.mark.parametrize("case", _CASES, ids=lambda path: path.stem)
def test_case(host: Fetching, settings: Settings, case: Path) -> None:
    """What the file's first comment says."""
    Fetched(host, settings, case.stem).run(case.read_text())


def test_every_case_has_a_message() -> None:
    """None is left out, and each puts something into the mailbox."""
    assert len(_CASES) >= 50
    assert all(re.search(r"(?m)^(SEND|RCPT .* = 5)", case.read_text()) for case in _CASES)
