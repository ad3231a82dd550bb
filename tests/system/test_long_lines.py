"""Lines that a real Postfix breaks on their way to the hook: the application gets them as their author wrote them."""

from collections.abc import Iterator

import pytest

from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import reply

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """A host whose hook posts to a receiver, with Postfix's own limit of lines."""
    running = DeliverySite()
    try:
        yield running.start()
    finally:
        running.stop()


_LINK = f"https://shop.example.com/{'colour/' * 500}blue"


@pytest.mark.parametrize(
    "name,text",
    [
        ("link", f"See {_LINK}, please."),
        ("characters", "蓝色的。谢谢。" * 300),
        ("words", "Das blaue für die Tür, bitte. " * 200 + "Danke."),
        ("one", "x" * 999),
        ("fits", "x" * 998 + "\nNo break."),
    ],
)
def test_a_long_line_arrives_whole(host: DeliverySite, name: str, text: str) -> None:
    """Postfix breaks it after 998 octets, within a word, a link or a character."""
    host.receiver.posts.clear()
    host.receiver.calls.clear()
    address = host.site.mint(locator=f"long/{name}", recipient="alice@client.example")
    body = text.replace("\n", "\r\n")
    fields = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    assert host.site.send([f"<{address.address}>"], reply(address, name, *fields, body=body)).startswith("250")
    host.posted(1)
    assert host.receiver.calls[0].json["StrippedTextReply"] == text
