"""Key files: what they hold, and who else may read them."""

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.adapters import keyfile
from reply_milter.adapters.keyfile import (
    KeyFileError,
    load_master_keys,
    load_seal_keys,
    save_master_keys,
    write_master_keys,
)
from reply_milter.core.diagnosis import keys
from reply_milter.core.diagnosis.files import FileFacts, Kind
from reply_milter.core.token.keyring import KeyState, MasterKey

SECRET = "0f" * 32
ACTIVE = f'[[key]]\nid = "k2"\nstate = "active"\nsecret = "{SECRET}"\n'
OLD = f'[[key]]\nid = "k1"\nstate = "verify"\nsecret = "{"AA" * 32}"\n'


def written(folder: Path, text: str, mode: int = 0o600) -> str:
    """A file of this text and mode."""
    path = folder / "file.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def refused(path: str) -> list[str]:
    """What is wrong with a master key file: each line begins with its name, none holds a secret."""
    with pytest.raises(KeyFileError) as error:
        load_master_keys(path)
    assert all(problem.startswith(f"{path}: ") for problem in error.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in error.value.problems]


def test_master_keys_are_read_in_order(tmp_path: Path) -> None:
    """Oldest first; hex digits in either case."""
    assert load_master_keys(written(tmp_path, OLD + ACTIVE)) == (
        MasterKey("k1", KeyState.VERIFY, b"\xaa" * 32),
        MasterKey("k2", KeyState.ACTIVE, b"\x0f" * 32),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """The commands write key files, and so may people."""
    keys = load_master_keys(written(tmp_path, OLD + ACTIVE))
    assert load_master_keys(written(tmp_path, write_master_keys(keys))) == keys


def test_the_time_when_a_key_stopped_minting_is_read_again(tmp_path: Path) -> None:
    """0 means never, a missing time unknown; a key that a person made active by hand has not stopped."""
    text = OLD + "minted_until = 0\n" + OLD.replace("k1", "k0") + ACTIVE + "minted_until = 1767225600\n"
    keys = load_master_keys(written(tmp_path, text))
    assert [key.minted_until for key in keys] == [0, None, None]
    assert load_master_keys(written(tmp_path, write_master_keys(keys))) == keys


def test_a_file_that_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """The disk is full: the old file stays, and no half of a new one, which holds keys, lies beside it."""
    path = written(tmp_path, OLD + ACTIVE)
    keys = load_master_keys(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # Python ignores SIGXFSZ: writing more is an error
    try:
        with pytest.raises(KeyFileError, match="File too large"):
            save_master_keys(path, keys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["file.key"]
    assert load_master_keys(path) == keys


@pytest.mark.parametrize(
    "text,problem",
    [
        ("", 'key: exactly one [[key]] must have state = "active": it mints'),
        (OLD, 'key: exactly one [[key]] must have state = "active": it mints'),
        (ACTIVE + ACTIVE.replace("k2", "k3"), 'key: exactly one [[key]] must have state = "active": it mints'),
        (ACTIVE + OLD.replace("k1", "k2"), "key: two keys bear the same id"),
        (ACTIVE.replace(SECRET, SECRET[1:]), "key[1].secret: must be 64 hex digits"),
        (ACTIVE.replace(SECRET, "g" * 64), "key[1].secret: must be 64 hex digits"),
        (ACTIVE.replace('"active"', '"live"'), 'key[1].state: must be "active", "verify" or "retired"'),
        (ACTIVE.replace('"active"', f'"{SECRET}"'), 'key[1].state: must be "active", "verify" or "retired"'),
        (ACTIVE.replace('"k2"', '"k 2"'), "key[1].id: must be 1 to 64"),
        (ACTIVE + "age = 1\n", "key[1].age: unknown key"),
        (OLD + "minted_until = 1000000000000\n" + ACTIVE, "key[1].minted_until: must be between 0 and 3748955460"),
        ("not toml", "not valid TOML"),
        (f"# the old one:\r{OLD}{ACTIVE}", "not valid TOML"),  # an editor shows a comment and a table
    ],
)
def test_malformed_key_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """By key and reason."""
    assert any(line.startswith(problem) for line in refused(written(tmp_path, text)))


def test_line_ends_of_windows_are_good(tmp_path: Path) -> None:
    """As in the configuration."""
    assert load_master_keys(written(tmp_path, (OLD + ACTIVE).replace("\n", "\r\n")))


def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    """Not even a broken one."""
    found = refused(written(tmp_path, ACTIVE.replace(SECRET, SECRET[1:]) + OLD))
    assert "0f0f" not in " ".join(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777])
def test_master_keys_that_others_can_open_are_refused(tmp_path: Path, mode: int) -> None:
    """Whoever reads them can mint; group and world, for reading and writing."""
    path = written(tmp_path, ACTIVE, mode)
    assert refused(path) == [f"has mode {mode:04o} and is open to others: chmod it to 0600"]


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_master_keys_of_one_owner_are_read(tmp_path: Path, mode: int) -> None:
    """Writable or not."""
    assert load_master_keys(written(tmp_path, ACTIVE, mode))


def test_missing_and_unreadable_files_are_reported(tmp_path: Path) -> None:
    """With the system's reason."""
    assert refused(str(tmp_path / "none")) == ["No such file or directory"]
    assert refused(str(tmp_path)) == ["Is a directory"]
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "binary").chmod(0o600)
    assert refused(str(tmp_path / "binary")) == ["is not UTF-8 text"]


def test_seal_keys_are_lines_of_hex_digits(tmp_path: Path) -> None:
    """The first seals, all open; blank lines and comments don't count."""
    path = written(tmp_path, f"# new\n{SECRET}\n\n  {'AA' * 32}  \r\n")
    assert load_seal_keys(path) == (b"\x0f" * 32, b"\xaa" * 32)


@pytest.mark.parametrize("mode,good", [(0o600, True), (0o640, True), (0o660, False), (0o644, False), (0o650, False)])
def test_seal_keys_may_be_read_by_a_group(tmp_path: Path, mode: int, good: bool) -> None:
    """A hook's group may read it; others may not, and the group may not write."""
    path = written(tmp_path, SECRET, mode)
    if good:
        assert load_seal_keys(path)
        return
    with pytest.raises(KeyFileError, match="chmod it to 0600 or 0640"):
        load_seal_keys(path)


@pytest.mark.parametrize(
    "text,problem", [("", "holds no key"), ("# none\n", "holds no key"), (f"{SECRET}\nxyz\n", "line 2")]
)
def test_malformed_seal_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """By line."""
    with pytest.raises(KeyFileError, match=problem):
        load_seal_keys(written(tmp_path, text))


@given(st.binary(max_size=200) | st.text(st.sampled_from('[]key="id\n\\u0f'), max_size=100).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, octets: bytes) -> None:
    """No octets make it fail otherwise."""
    path = tmp_path_factory.getbasetemp() / "any.key"
    path.write_bytes(octets)
    path.chmod(0o600)
    for load in (load_master_keys, load_seal_keys):
        with pytest.raises(KeyFileError):
            load(str(path))


def test_name_with_a_nul_is_refused() -> None:
    """TOML can write one."""
    assert refused("a\x00b") != []


@pytest.mark.parametrize("shared", [False, True])
def test_doctor_finds_what_is_refused_here(tmp_path: Path, shared: bool) -> None:
    """For every mode that a file can have."""
    path = tmp_path / "key"
    path.write_text("x")
    read = keyfile.read_seal_keys if shared else keyfile.read_master_keys
    for mode in range(0o400, 0o1000):
        path.chmod(mode)
        is_refused = False
        try:
            read(str(path))
        except KeyFileError as error:
            is_refused = "chmod it" in str(error)
        file = keys.KeyFile(FileFacts(str(path), Kind.FILE, mode), (), shared=shared)
        assert ("keys.mode" in [finding.check for finding in keys.examine_file(file, None)]) is is_refused, oct(mode)
