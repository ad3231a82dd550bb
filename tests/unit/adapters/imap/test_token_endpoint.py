"""Access tokens from an OAuth server, asked for with a form."""

import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.adapters.imap import token_endpoint
from reply_milter.adapters.imap.token_endpoint import TokenSource
from reply_milter.core.fetching.account import Grant, TokenEndpoint
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError
from tests.support.token_server import TokenServer, token_server

USER = "inbound@example.com"


def _endpoint(server: TokenServer, folder: Path) -> TokenEndpoint:
    (folder / "secret").write_text("s3cret\n")
    if not (folder / "refresh").exists():
        (folder / "refresh").write_text("refresh-1\n")
        (folder / "refresh").chmod(0o640)
    return TokenEndpoint(
        url=server.url,
        client_id="an-id",
        client_secret_file=str(folder / "secret"),
        refresh_token_file=str(folder / "refresh"),
        scope="https://mail.example.com/",
        grant=Grant.REFRESH_TOKEN,
    )


def test_a_refresh_token_is_asked_with(tmp_path: Path) -> None:
    """The form of RFC 6749 section 6; a new token for each login."""
    with token_server(USER) as server:
        source = TokenSource(_endpoint(server, tmp_path))
        assert [source.token(), source.token()] == ["token-1", "token-2"]
    assert server.asked[0] == {
        "grant_type": "refresh_token",
        "client_id": "an-id",
        "client_secret": "s3cret",
        "refresh_token": "refresh-1",
        "scope": "https://mail.example.com/",
    }


def test_client_credentials_need_no_refresh_token(tmp_path: Path) -> None:
    """RFC 6749 section 4.4: Microsoft 365 without a user."""
    with token_server(USER) as server:
        endpoint = replace(_endpoint(server, tmp_path), grant=Grant.CLIENT_CREDENTIALS, refresh_token_file="")
        assert TokenSource(endpoint).token() == "token-1"
    assert "refresh_token" not in server.asked[0]


def test_a_new_refresh_token_replaces_the_old_one(tmp_path: Path) -> None:
    """Atomically, mode kept; the next login uses it."""
    with token_server(USER) as server:
        server.renews = True
        source = TokenSource(_endpoint(server, tmp_path))
        source.token()
        assert (tmp_path / "refresh").read_text() == "refresh-2\n"
        assert stat.S_IMODE((tmp_path / "refresh").stat().st_mode) == 0o640
        source.token()
    assert server.asked[1]["refresh_token"] == "refresh-2"  # noqa: S105
    assert sorted(os.listdir(tmp_path)) == ["refresh", "secret"]


def test_a_refresh_token_that_can_not_be_kept_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The access token works all the same; no secret is in the log."""

    def full(*_paths: object) -> None:
        raise OSError(28, "No space left on device")

    with token_server(USER) as server:
        server.renews = True
        source = TokenSource(_endpoint(server, tmp_path))
        monkeypatch.setattr(os, "replace", full)
        assert source.token() == "token-1"
    assert "a new refresh token can't be kept" in caplog.text and "refresh-2" not in caplog.text
    assert sorted(os.listdir(tmp_path)) == ["refresh", "secret"]


@pytest.mark.parametrize(
    "answer,error,words",
    [
        ((400, b'{"error": "invalid_grant"}'), MailboxRefusedError, "invalid_grant"),
        ((401, b"<html>"), MailboxRefusedError, "401"),
        ((400, b'{"error": ' + b"[" * 60_000), MailboxRefusedError, "400"),
        ((429, b""), MailboxUnavailableError, "answered 429"),
        ((503, b"{}"), MailboxUnavailableError, "answered 503"),
        ((302, b""), MailboxUnavailableError, "answered 302"),
        ((200, b"{}"), MailboxUnavailableError, "no access_token"),
        ((200, b'{"access_token": 7}'), MailboxUnavailableError, "no access_token"),
        ((200, b'{"access_token": "a\\nb"}'), None, "a"),
        ((200, b'{"access_token": "a\\u0001b"}'), MailboxRefusedError, "first line"),
        ((200, b'{"access_token": "' + b"x" * 20_000 + b'"}'), MailboxRefusedError, "first line"),
        ((200, b'{"access_token": "' + b"x" * 90_000 + b'"}'), MailboxUnavailableError, "no access_token"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_an_endpoint_may_answer(
    answer: tuple[int, bytes], error: type[Exception] | None, words: str, tmp_path: Path
) -> None:
    """A 4xx needs somebody to act; the rest may pass by itself."""
    with token_server(USER) as server:
        server.answer = answer
        source = TokenSource(_endpoint(server, tmp_path))
        if error is None:
            assert source.token() == words
            return
        with pytest.raises(error, match=words):
            source.token()


def test_a_dripping_endpoint_meets_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each octet comes in time, the answer never."""
    monkeypatch.setattr(token_endpoint, "_SECONDS", 0.4)
    with token_server(USER) as server:
        server.drips = True
        server.answer = (200, b" " * 10_000)
        began = time.monotonic()
        with pytest.raises(MailboxUnavailableError):
            TokenSource(_endpoint(server, tmp_path)).token()
        assert time.monotonic() - began < 5


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    """And a missing file is named."""
    with token_server(USER) as server:
        endpoint = _endpoint(server, tmp_path)
    with pytest.raises(MailboxUnavailableError, match="gave no answer: ConnectionRefusedError"):
        TokenSource(endpoint).token()
    (tmp_path / "refresh").unlink()
    with pytest.raises(MailboxRefusedError, match="refresh: No such file"):
        TokenSource(endpoint).token()
