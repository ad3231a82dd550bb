"""The case files of the SMTP side, as far as a mailbox can have them: the same mail, with a folder for each answer."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.cli.init import write_files
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
# What SMTP alone knows: several envelope recipients, a queue id, an answer at RCPT, the MTA's own Message-ID.
_OF_SMTP = {
    "not-alone", "not-alone-after-refusal", "not-alone-resent", "mixed-accepted", "mixed-refused", "ordinary",
    "c-24-no-message-id", "reserved-names",
}  # fmt: skip
_WITH_MESSAGE = [case for case in _CASES if "\nSEND" in case.read_text() and case.stem not in _OF_SMTP]
_FATES = {"2": {"delivered", "parked", "discarded"}, "4": {"deferred"}, "5": {"rejected"}}


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
        self.sender, self.recipients = "", [""]

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
        if wanted.startswith("250"):
            self.recipients.append(recipient.strip("<>"))

    def do_send(self, rest: str) -> None:
        (recipient,) = self.recipients
        fields: list[tuple[str, str]] = [
            ("Return-Path", f" {self.sender}"),
            ("Delivered-To", f" {recipient}"),
            RECEIVED,
        ]
        fields.append(("Date", " Sat, 21 Nov 2026 12:00:00 +0000"))
        header = "\r\n".join([*self.head, "", ""]).encode("utf-8", "surrogateescape")
        body = "\r\n".join([*self.body, ""]).encode("utf-8", "surrogateescape")
        before = len(self.host.told.reports)
        self.host.mailbox.deliver(mail(fields, b"").removesuffix(b"\r\n") + header + body)
        self.host.look(1)
        (report,) = self.host.told.reports[before:]
        ours = any(minted.address.lower() == recipient.lower() for minted in self.minted.values())
        fates = _FATES[rest.removeprefix("= ")[0]] if ours else {"ordinary", "rejected"}
        assert str(report.verdict) in fates, (report, rest)

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


@pytest.mark.parametrize("case", _WITH_MESSAGE, ids=lambda path: path.stem)
def test_case(host: Fetching, settings: Settings, case: Path) -> None:
    """What the file's first comment says."""
    Fetched(host, settings, case.stem).run(case.read_text())


def test_there_are_cases() -> None:
    """Most of them have a message; the others are named here."""
    assert len(_WITH_MESSAGE) >= 30
    assert {case.stem for case in _CASES} >= _OF_SMTP
    assert all(re.search(r"(?m)^SEND", case.read_text()) for case in _WITH_MESSAGE)
