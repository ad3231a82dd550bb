"""The embedded store, in folders with unusual names."""

from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.cli.embedded_store import reachable_store
from reply_milter.cli.init import write_files
from reply_milter.wiring.stores import load, open_store


@pytest.mark.parametrize("name", ["plain", "two words", 'a"b', "it's", "a#b", "a?b=c%41d", "back\\slash", "Straße"])
def test_a_folder_may_be_called_as_it_likes(tmp_path: Path, name: str) -> None:
    """The name is part of redis.conf and of a URL, and both have special characters."""
    folder = tmp_path / name
    folder.mkdir()
    write_files(tmp_path / "etc", "reply.example.com", "test", str(tmp_path))
    config = replace(load(str(tmp_path / "etc/reply-milter.toml")).config, state_dir=str(folder))
    with reachable_store(config):
        store = open_store(config)
        store.ping()
        store.close()
    assert (folder / "redis/appendonlydir").is_dir()
