"""Settings: what the flows get of a configuration."""

from pathlib import Path

import pytest

from reply_milter import settings
from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.cli.init import write_files


@pytest.mark.parametrize("authserv_id,owner", [("", None), ("mx.example.com", "shop.co.uk")])
def test_the_list_of_suffixes_is_loaded_only_for_those_who_ask(
    tmp_path: Path, authserv_id: str, owner: str | None
) -> None:
    """It takes time and memory; without an authserv_id nobody's word is heard."""
    organisational_domains.cache_clear()
    write_files(tmp_path / "etc", "reply.example.com", "example", str(tmp_path / "state"))
    config = tmp_path / "etc" / "reply-milter.toml"
    config.write_text(config.read_text().replace('authserv_id = ""', f'authserv_id = "{authserv_id}"'))
    rules = settings.load(str(config)).rules()
    assert rules.organisational("mail.shop.co.uk") == owner
    assert organisational_domains.cache_info().currsize == (1 if authserv_id else 0)
