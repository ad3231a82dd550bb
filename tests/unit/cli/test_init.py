"""``init``: a configuration that works, and keys that no other user can read."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from reply_milter.wiring import stores
from tests.support.shell import Shell


def test_init_writes_a_configuration_that_works(shell: Shell) -> None:
    """With keys that only the owner can read."""
    assert stores.load(shell.config).config.form.mint_domain == "reply.test"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in shell.folder.iterdir()}
    assert modes["keys.toml"] == modes["seal.key"] == 0o600
    assert set(modes) == {"reply-milter.toml", "keys.toml", "seal.key"}


def test_init_makes_keys_that_nobody_else_can_read(shell: Shell, tmp_path: Path) -> None:
    """Whatever the umask is."""
    before = os.umask(0)
    try:
        shell.good("init", str(tmp_path / "wide"))
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / "wide" / name).stat().st_mode) for name in ("keys.toml", "seal.key")} == {0o600}


def test_init_draws_new_keys_each_time(shell: Shell, tmp_path: Path) -> None:
    """And says where they are."""
    assert str(tmp_path / "other" / "keys.toml") in shell.good("init", str(tmp_path / "other"))
    for name in ("keys.toml", "seal.key"):
        assert (tmp_path / "other" / name).read_text() != (shell.folder / name).read_text()


@pytest.mark.parametrize("name", ["reply-milter.toml", "keys.toml", "seal.key"])
def test_init_never_writes_over_anything(shell: Shell, tmp_path: Path, name: str) -> None:
    """Keys over keys would cost the addresses that are out already. All or nothing."""
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / name).write_text("mine")
    status, line = shell.refused("init", str(folder))
    assert status == os.EX_CANTCREAT
    assert name in line
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, "mine")]


def test_init_into_a_file_is_refused(shell: Shell) -> None:
    """With the system's reason."""
    assert shell.refused("init", f"{shell.config}/x")[0] == os.EX_CANTCREAT


@pytest.mark.parametrize("words", [["--domain", "no domain"], ["--domain", ""], ["--realm", "my realm"]])
def test_init_checks_its_names(shell: Shell, tmp_path: Path, words: Sequence[str]) -> None:
    """Nothing is written."""
    assert shell.refused("init", str(tmp_path / "new"), *words)[0] == os.EX_USAGE
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_folder_that_toml_can_not_name_is_refused(shell: Shell, tmp_path: Path, name: str) -> None:
    """As where the configuration goes, and as where the state goes: nothing is written."""
    assert shell.refused("init", str(tmp_path / name))[0] == os.EX_USAGE
    assert shell.refused("init", str(tmp_path / "new"), "--state-dir", name)[0] == os.EX_USAGE
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("domain", ['a"b', "a_b!", "a..b"])
def test_domain_that_the_configuration_would_not_take_is_refused(shell: Shell, tmp_path: Path, domain: str) -> None:
    """What init writes, run must read."""
    status, _, _ = shell.run("init", str(tmp_path / "new"), "--domain", domain, "--realm", "x")
    if status == os.EX_OK:
        stores.load(str(tmp_path / "new" / "reply-milter.toml"))
