"""``init``: a configuration that works, and keys that no other user can read."""

import base64
import os
import pwd
import re
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from reply_milter.cli import init, init_files
from reply_milter.cli.init_text import applications
from reply_milter.core.verdict.destination import Webhook
from reply_milter.core.wrapping.presets import PRESETS
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


@pytest.mark.parametrize(
    "domain", ["reply.YOUR.DOMAIN", "reply.yourdomain.com", "reply.your-company.org", "mail.invalid", "DOMAIN"]
)
def test_a_placeholder_is_no_domain(shell: Shell, tmp_path: Path, domain: str) -> None:
    """As pages and messages have it; whoever copies one hears so, and nothing is written."""
    status, line = shell.refused("init", str(tmp_path / "new"), "--domain", domain)
    assert status == os.EX_USAGE
    assert line == f"reply-milter: {domain.lower()} is a placeholder: name a domain of yours, for replies only\n"
    assert not (tmp_path / "new").exists()


def test_an_installation_needs_a_domain(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it may be left out, for a trial; the last lines then say that it is an example."""
    assert "reply.example.com is an example: change mint_domain" in shell.good("init", str(tmp_path / "trial"))
    assert "example" not in shell.good("init", str(tmp_path / "own"), "--domain", "reply.shop.test")
    monkeypatch.setattr(init, "_INSTALLATION", str(tmp_path / "etc-of-it"))
    status, line = shell.refused("init", str(tmp_path / "etc-of-it"))
    assert (status, "--domain reply.YOUR.DOMAIN" in line) == (os.EX_USAGE, True)
    assert not (tmp_path / "etc-of-it").exists()


def _next(told: str) -> list[str]:
    """The commands at the end of what it wrote."""
    return [line.strip() for line in told.split("next:\n")[1].splitlines()]


def test_the_last_lines_are_the_next_commands(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under systemd for an installation, in the foreground for a trial; with what was asked for."""
    config = f"{tmp_path}/trial/reply-milter.toml"
    assert _next(shell.good("init", str(tmp_path / "trial"))) == [
        f"reply-milter check-config --config {config}", f"reply-milter run --config {config}"
    ]  # fmt: skip
    shell.good(*_next(shell.good("init", str(tmp_path / "a b")))[0].replace("'", "").split(" ", 3)[1:])
    monkeypatch.setattr(init, "_INSTALLATION", str(tmp_path / "etc-of-it"))
    monkeypatch.setattr(init, "daemon_user", lambda _folder: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    words = ("--domain", "reply.shop.test", "--webhook", "http://127.0.0.1:1/x?a=b&c", "--application", "gitea")
    assert _next(shell.good("init", str(tmp_path / "etc-of-it"), *words)) == [
        "reply-milter check-config",
        "systemctl enable --now reply-milter",
        "reply-milter postfix attach --hook --sign",
        "reply-milter test-endpoint 'http://127.0.0.1:1/x?a=b&c'",
        "reply-milter doctor --postfix /etc/postfix",
    ]


def test_observe(shell: Shell, tmp_path: Path) -> None:
    """Nothing is refused; the line can be turned over as the quick start does it."""
    shell.good("init", str(tmp_path / "new"), "--observe")
    path = tmp_path / "new" / "reply-milter.toml"
    assert stores.load(str(path)).config.policy.observe is True
    path.write_text(re.sub('(?m)^mode = "observe"', 'mode = "enforce"', path.read_text()))
    assert stores.load(str(path)).config.policy.observe is False


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/replies", 'https://shop.test/a"b\\c', "http://u:p@shop.test/"])
def test_webhook(shell: Shell, tmp_path: Path, url: str) -> None:
    """With a secret of its own, in a file that is closed to others, and the hook that posts."""
    secrets = set()
    for name in ("one", "two"):
        told = shell.good("init", str(tmp_path / name), "--webhook", url)
        path = tmp_path / name / "reply-milter.toml"
        config = stores.load(str(path)).config
        destination = config.handlers.by_id[1].destination
        assert isinstance(destination, Webhook)
        assert (destination.url, len(destination.secrets[0])) == (url, 32)
        assert config.delivery is not None
        assert config.warnings == ()
        assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
        assert "whsec_" + base64.b64encode(destination.secrets[0]).decode() not in told
        secrets.add(destination.secrets)
    assert len(secrets) == 2


@pytest.mark.parametrize("url", ["shop.test/replies", "ftp://shop.test/", "http://", "http://a b/"])
def test_a_webhook_that_is_no_url_is_refused(shell: Shell, tmp_path: Path, url: str) -> None:
    """In one line, and nothing is written."""
    status, line = shell.refused("init", str(tmp_path / "new"), "--webhook", url)
    assert (status, line) == (os.EX_USAGE, "reply-milter: --webhook must be an http:// or https:// URL\n")
    assert not (tmp_path / "new").exists()


PAGES = Path(__file__).parents[3] / "docs/applications"


@pytest.mark.parametrize("name", applications())
def test_application(shell: Shell, tmp_path: Path, name: str) -> None:
    """The lines of its page, below the reply domain's parent; sign mode for its login; and the hook."""
    told = shell.good("init", str(tmp_path / "new"), "--domain", "reply.shop.test", "--application", name)
    path = tmp_path / "new" / "reply-milter.toml"
    config = stores.load(str(path)).config
    handler = config.handlers.named(name)
    assert handler is not None and handler.wrap is not None
    assert (handler.wrap.preset, handler.policy.observe) == (PRESETS[name], True)
    (application,) = config.sign.applications
    assert (application.name, set(application.handlers)) == (name, {name})
    assert set(application.logins) == {f"{name}@shop.test"}
    assert config.delivery is not None and config.sign.place is not None
    assert config.warnings == ()
    lines = re.findall(r"(?m)^## Lines of ours\n((?:(?!## ).*\n)*)", (PAGES / f"{name}.md").read_text())[0]
    theirs = "\n".join(re.findall(r"(?m)^ {4}(.*)$", lines)).replace("example.com", "shop.test")
    assert path.read_text().endswith(f"\n{theirs}\n")
    assert f"lines marked CHANGE in {path} are guesses: docs/applications/{name}.md has more" in told
    assert path.read_text().count("CHANGE") == 2


def test_every_application_but_the_generic_one_can_be_named() -> None:
    """Of that nothing can be guessed."""
    assert applications().keys() == PRESETS.keys() - {"generic"}


def test_all_wishes_at_once(shell: Shell, tmp_path: Path) -> None:
    """One file with all of them."""
    words = ("--observe", "--webhook", "http://127.0.0.1:1/", "--application", "gitea")
    shell.good("init", str(tmp_path / "new"), *words)
    config = stores.load(str(tmp_path / "new" / "reply-milter.toml")).config
    assert isinstance(config.handlers.by_id[1].destination, Webhook)
    assert config.handlers.named("gitea") is not None and config.policy.observe


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("webhook", [False, True])
def test_root_gives_the_keys_to_the_daemons_user(shell: Shell, tmp_path: Path, webhook: bool) -> None:
    """The owner of the state folder; whatever the umask is, it can read the configuration, and others no secret."""
    state, nobody = tmp_path / "of-nobody", pwd.getpwnam("nobody")
    state.mkdir()
    shutil.chown(state, "nobody")
    before = os.umask(0o077)
    try:
        words = ("--webhook", "http://127.0.0.1:1/") if webhook else ()
        told = shell.good("init", str(tmp_path / "new"), "--state-dir", str(state), *words)
    finally:
        os.umask(before)
    assert "keys.toml and seal.key belong to nobody, the daemon's user" in told
    found = {path.name: (path.stat(), oct(stat.S_IMODE(path.stat().st_mode))) for path in (tmp_path / "new").iterdir()}
    for name in ("keys.toml", "seal.key"):
        assert (found[name][0].st_uid, found[name][0].st_gid, found[name][1]) == (nobody.pw_uid, nobody.pw_gid, "0o600")
    config, mode = found["reply-milter.toml"]
    assert (config.st_uid, config.st_gid, mode) == (0, nobody.pw_gid, "0o640" if webhook else "0o644")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_without_a_user_the_keys_stay_roots_and_that_is_said(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command to give them away later."""
    monkeypatch.setattr(init_files, "USER", "no-such-user")
    folder = tmp_path / "etc-of-it"
    monkeypatch.setattr(init, "_INSTALLATION", str(folder))
    words = ("--domain", "reply.shop.test", "--state-dir", str(tmp_path / "none"))
    told = shell.good("init", str(folder), *words)
    assert "there is no user reply-milter yet: when there is, give it keys.toml and seal.key" in told
    assert _next(told)[0] == f"chown reply-milter: {folder}/keys.toml {folder}/seal.key"


def test_a_full_disk_leaves_nothing_half_written(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files or none: the next try must not find half of the keys."""
    write = init_files._write

    def failing(path: Path, *rest: object) -> None:
        if path.name == "seal.key":
            raise OSError(28, "No space left on device", str(path))
        write(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(init_files, "_write", failing)
    status, line = shell.refused("init", str(tmp_path / "new"))
    assert (status, "No space left" in line) == (os.EX_CANTCREAT, True)
    assert list((tmp_path / "new").iterdir()) == []
