"""Certificates and logins in files: refused by name, and followed when they change."""

import os
from pathlib import Path

import pytest

from reply_milter.adapters.telemetry.page_access import Certificate, Login, PageAccessError, mistakes
from tests.support.certificate import basic, write_certificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key)
    return cert, key


def secret(folder: Path, text: str = "hunter2\n", mode: int = 0o600) -> Path:
    """A file with a password."""
    path = folder / "password"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_good_files_are_taken(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A group of its own may read the key, as Debian's ssl-cert does."""
    cert, key = files
    key.chmod(0o640)
    assert list(mistakes(str(cert), str(key), str(secret(tmp_path)))) == []
    assert list(mistakes("", "", "")) == []


def test_a_key_that_others_can_read_is_refused(files: tuple[Path, Path]) -> None:
    """As for all keys."""
    cert, key = files
    key.chmod(0o644)
    (mistake,) = mistakes(str(cert), str(key), "")
    assert mistake == f"metrics.tls_key: {key}: has mode 0644 and is open to others: chmod it to 0600 or 0640"


def test_a_certificate_that_is_no_use_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Missing, of another key, or no PEM at all."""
    cert, key = files
    (missing,) = mistakes(f"{cert}x", str(key), "")
    assert missing == f"metrics.tls_cert: {cert}x: No such file or directory"
    write_certificate(tmp_path / "other.pem", tmp_path / "other.key")
    (foreign,) = mistakes(str(cert), str(tmp_path / "other.key"), "")
    assert "does not belong to tls_key" in foreign
    cert.write_text("no certificate")
    (garbage,) = mistakes(str(cert), str(key), "")
    assert "must be PEM files" in garbage
    (folder,) = mistakes(str(cert), str(tmp_path), "")
    assert folder == f"metrics.tls_key: {tmp_path}: is not a file"


@pytest.mark.parametrize(
    "text,mode,found",
    [
        ("\nhunter2", 0o600, "the first line must hold the password"),
        ("hunter2", 0o604, "has mode 0604 and is open to others: chmod it to 0600 or 0640"),
    ],
)
def test_a_password_file_that_is_no_use_is_named(tmp_path: Path, text: str, mode: int, found: str) -> None:
    """Never with what it holds."""
    path = secret(tmp_path, text, mode)
    assert list(mistakes("", "", str(path))) == [f"metrics.password_file: {path}: {found}"]


def test_a_login_is_the_user_and_the_password_and_nothing_else(tmp_path: Path) -> None:
    """RFC 7617; the scheme is compared without case."""
    login = Login("prometheus", str(secret(tmp_path)))
    assert login.admits(basic("prometheus:hunter2"))
    assert login.admits(basic("prometheus:hunter2").replace("Basic", "basic"))
    for wrong in ("prometheus:hunter", "prometheus:hunter22", "root:hunter2", "prometheus", ":", ""):
        assert not login.admits(basic(wrong)), wrong
    for field in ("", "Basic", "Basic !!!", "Bearer " + basic("prometheus:hunter2")[6:], "Basic \u00e9"):
        assert not login.admits(field), field


def test_a_new_password_counts_at_once_and_a_lost_one_admits_nobody(tmp_path: Path) -> None:
    """The file is read for each request."""
    path = secret(tmp_path)
    login = Login("p", str(path))
    path.write_text("changed")
    assert login.admits(basic("p:changed"))
    path.unlink()
    assert not login.admits(basic("p:changed"))


def test_a_renewed_certificate_is_taken_up_and_a_broken_one_is_not(files: tuple[Path, Path]) -> None:
    """At the next connection; the old one stays in the meantime."""
    cert, key = files
    certificate = Certificate(str(cert), str(key))
    first = certificate.context()
    assert certificate.context() is first
    cert.write_text("half of it")
    assert certificate.context() is first
    write_certificate(cert, key)
    os.utime(cert, ns=(1, 1))
    renewed = certificate.context()
    assert renewed is not first
    cert.unlink()
    assert certificate.context() is renewed


def test_a_certificate_that_was_never_good_is_an_error(tmp_path: Path) -> None:
    """The daemon does not come this far: its configuration is refused before."""
    with pytest.raises(PageAccessError, match="tls_key"):
        Certificate(str(tmp_path / "a"), str(tmp_path / "b")).context()
