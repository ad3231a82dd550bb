"""Settings: what is noticed only where the files themselves are looked at, and what the flows get of them."""

from pathlib import Path

import pytest

from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.cli.init import write_files
from reply_milter.config import ConfigError
from reply_milter.core.notification.application import digest
from reply_milter.wiring.loading import locate
from reply_milter.wiring.settings import Settings, unpack

WEBHOOK = '\n[handler.delivery]\ntype = "webhook"\nurl = "http://{login}127.0.0.1:8000/"\n{secret}[delivery]\n'
SECRET = 'secret = "whsec_bm90IGEgc2VjcmV0IGF0IGFsbCwgcmVhbGx5"\n'  # noqa: S105 # of this test alone


def load(path: str) -> Settings:
    """All that the daemon reads."""
    return locate(path).load(of_applications=True)


def _written(folder: Path, store: str = "embedded", more: str = "") -> Path:
    write_files(folder, "reply.example.com", "example", str(folder / "state"))
    path = folder / "reply-milter.toml"
    path.write_text(path.read_text().replace('url = "embedded"', f'url = "{store}"') + more)
    return path


@pytest.mark.parametrize(
    "store,more,holds",
    [
        ("embedded", "", False),
        ("redis://redis.example.com", WEBHOOK.format(login="", secret=""), False),
        ("redis://:hunter2@redis.example.com", "", True),
        ("unix://reply:hunter2@/run/redis.sock", "", True),
        ("redis://redis.example.com?password=hunter2", "", True),
        ("embedded", WEBHOOK.format(login="", secret=SECRET), True),
        ("embedded", WEBHOOK.format(login="hook:hunter2@", secret=""), True),
    ],
)
def test_a_file_with_secrets_that_others_can_read_is_warned_of(
    tmp_path: Path, store: str, more: str, holds: bool
) -> None:
    """By its mode and the cure, and not by the secret. A group of its own may read it."""
    path = _written(tmp_path / "etc", store, more)
    path.chmod(0o644)
    warnings = load(str(path)).config.warnings
    assert [("chmod it to 0640" in warning and "0644" in warning) for warning in warnings] == [True] * holds
    assert "hunter2" not in str(warnings)
    path.chmod(0o640)
    assert load(str(path)).config.warnings == ()


def test_nothing_shows_the_secrets_of_settings(tmp_path: Path) -> None:
    """As in a traceback that tells a value."""
    path = _written(
        tmp_path / "etc", "redis://:hunter2@redis.example.com", WEBHOOK.format(login="hook:hunter2@", secret=SECRET)
    )
    shown = repr(load(str(path)))
    keys = (tmp_path / "etc" / "seal.key").read_text().strip()
    assert "hunter2" not in shown and "bm90IGEg" not in shown and keys not in shown
    assert repr(bytes.fromhex(keys)) not in shown


_SIGN = """
[sign]
[[sign.application]]
name = "shop"
handlers = ["issue"]
secret_file = "shop.secret"
"""


def _with_application(folder: Path, secret: str, mode: int = 0o600) -> Path:
    path = _written(folder / "etc", more=_SIGN)
    (folder / "etc" / "shop.secret").write_text(secret)
    (folder / "etc" / "shop.secret").chmod(mode)
    return path


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_secret_of_an_application_goes_along_with_the_settings(tmp_path: Path, end: str) -> None:
    """To another process, too; as a digest, and shown by nothing. Its file lies beside the configuration."""
    loaded = load(str(_with_application(tmp_path, f"hunter2-hunter2-hunter2{end}", mode=0o640)))
    for settings in (loaded, unpack(loaded.packed())):
        (shop,) = settings.minting_rules().sign.applications
        assert shop.secret == digest("hunter2-hunter2-hunter2")
        assert "hunter2" not in repr(settings) + repr(settings.minting_rules()) and repr(shop.secret) not in repr(shop)


@pytest.mark.parametrize(
    "secret,mode,words",
    [
        ("", 0o600, "is empty: make one by"),
        ("\n", 0o600, "is empty: make one by"),
        ("hunter2-hunter2", 0o600, "must be one line of 16 to 128"),
        ("hunter2 hunter2 hunter2", 0o600, "must be one line of 16 to 128"),
        ("hunter2-hunter2-hunter2\nmore", 0o600, "must be one line of 16 to 128"),
        ("hunter2-hunter2-hunter2;", 0o600, "must be one line of 16 to 128"),
        ("hunter2-hunter2-hunter\u00e9", 0o600, "must be one line of 16 to 128"),
        ("hunter2-" * 17, 0o600, "must be one line of 16 to 128"),
        ("hunter2-hunter2-hunter2", 0o644, "is open to others: chmod it to 0600 or 0640"),
        (None, 0o600, "No such file or directory"),
    ],
)
def test_a_secret_that_is_none_is_refused(tmp_path: Path, secret: str | None, mode: int, words: str) -> None:
    """By file, key and reason, and not by what stands there."""
    path = _with_application(tmp_path, secret or "", mode)
    if secret is None:
        (tmp_path / "etc" / "shop.secret").unlink()
    with pytest.raises(ConfigError) as error:
        load(str(path))
    (problem,) = error.value.problems
    (line,) = [n for n, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("secret_file = ")]
    assert problem.startswith(f"{path}:{line}: sign.application[1].secret_file: {tmp_path}/etc/shop.secret: ")
    assert words in problem and "hunter2" not in problem


def test_nobody_mints_for_the_hooks_own_handler(tmp_path: Path) -> None:
    """An address of the handler confirm would answer a question that no user was asked."""
    path = _with_application(tmp_path, "hunter2-hunter2-hunter2")
    path.write_text(path.read_text() + "[delivery]\n")
    settings = load(str(path))
    assert settings.rules().handlers.named("confirm") is not None
    mintable = settings.minting_rules().handlers
    assert (mintable.named("confirm"), mintable.named("issue")) == (None, settings.config.handlers.named("issue"))


@pytest.mark.parametrize("authserv_id,owner", [("", None), ("mx.example.com", "shop.co.uk")])
def test_the_list_of_suffixes_is_loaded_only_for_those_who_ask(
    tmp_path: Path, authserv_id: str, owner: str | None
) -> None:
    """The list takes time and memory; without an authserv_id it is not used."""
    organisational_domains.cache_clear()
    write_files(tmp_path / "etc", "reply.example.com", "example", str(tmp_path / "state"))
    config = tmp_path / "etc" / "reply-milter.toml"
    config.write_text(config.read_text().replace('authserv_id = ""', f'authserv_id = "{authserv_id}"'))
    rules = load(str(config)).rules()
    assert rules.organisational("mail.shop.co.uk") == owner
    assert organisational_domains.cache_info().currsize == (1 if authserv_id else 0)


WRAPPED = """
[sign]
[[sign.application]]
name = "git"
handlers = ["gitea"]
logins = ["git"]
[delivery]
[[handler]]
id = 20
name = "gitea"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{{key}}@git.example.com"
from = ["noreply@git.example.com"]
native = {native}
[handler.delivery]
type = "lmtp"
address = "inet:24@127.0.0.1"
"""


def test_a_reload_follows_a_wrapped_handler(tmp_path: Path) -> None:
    """Without a restart, in every process: the texts are what travels."""
    running = load(str(_written(tmp_path / "old", more=WRAPPED.format(native='"refuse"'))))
    told = load(str(_written(tmp_path / "new", more=WRAPPED.format(native="2027-01-31"))))
    followed = unpack(told.packed()).in_place_of(running)
    assert told.needs_restart(running) == ["state_dir"]  # of the folder of this test
    wrap = followed.rules().handlers.by_id[20].wrap
    assert wrap is not None
    assert wrap.native_passes_until == 1801353600
    assert followed.minting_rules().handlers.by_id[20].wrap == wrap


IMAP = """
[delivery]
[[imap]]
name = "first"
url = "imaps://imap.example.com"
user = "{user}"
password_file = "/run/password"
{more}
"""


def test_a_reload_follows_a_mailbox_but_for_its_name(tmp_path: Path) -> None:
    """Each has a process of its own, so none is added or taken away without a restart."""
    second = IMAP.format(user="c", more="").replace("[delivery]", "").replace("first", "second")
    running = load(str(_written(tmp_path / "old", more=IMAP.format(user="a", more=""))))
    told = load(str(_written(tmp_path / "new", more=IMAP.format(user="b", more="poll_seconds = 7\n") + second)))
    followed = unpack(told.packed()).in_place_of(running)
    assert told.needs_restart(running) == ["state_dir", "imap"]
    assert [(one.name, one.account.user, one.poll_seconds) for one in followed.config.imap] == [("first", "b", 7)]
    gone = load(str(_written(tmp_path / "gone"))).in_place_of(running)
    assert [one.name for one in gone.config.imap] == ["first"]
