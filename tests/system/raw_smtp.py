"""An SMTP client that sends octets unchanged, where smtplib would normalise them."""

from collections.abc import Iterable

from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.site_under_test import Site, reply

BOB = "bob@example.com"


class RawClient:
    """A session of ``site``, after EHLO. Answers are ``CODE text``, one for each that is waited for."""

    def __init__(self, site: Site) -> None:
        self._smtp = site.client()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._smtp.close()

    def says(self, octets: bytes, answers: int = 1) -> list[str]:
        """Send ``octets`` in one go and read ``answers``; fewer if the server closes the connection."""
        self._smtp.send(octets)
        heard = []
        for _ in range(answers):
            code, text = self._smtp.getreply()
            heard.append(f"{code} {text.decode(errors='replace')}")
            if code == 421:
                break
        return heard

    def begins(self, recipients: Iterable[str], parameters: str = "") -> None:
        """MAIL, RCPT and DATA, one by one, all of them taken."""
        commands = [f"MAIL FROM:<alice@client.example>{parameters}", *(f"RCPT TO:<{name}>" for name in recipients)]
        for command, expected in (*((command, "250") for command in commands), ("DATA", "354")):
            (answer,) = self.says(f"{command}\r\n".encode())
            assert answer.startswith(expected), (command, answer)


def transaction(recipient: str, message: bytes) -> bytes:
    """A whole message with its envelope, as a pipelining client would send it."""
    return f"MAIL FROM:<alice@client.example>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode() + message + b"\r\n.\r\n"


def raw_reply(minted: MintedAddress, name: str, body: bytes) -> bytes:
    """A good reply with a body of any octets, without the end of data."""
    return reply(minted, name).partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
