"""Rspamd as a milter: with no module at all, or with what comes nearest to our work.

That is its module ``replies``, which looks up in Redis whether the message that is answered was one of ours, and one
header field that is added.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import redis

from benchmarks.mails import Letter

_OPTIONS = """\
options {{ filters = ""; url_tld = "{folder}/tld"; tempdir = "{folder}"; hs_cache_dir = "{folder}";
           control_socket = "{folder}/control.sock mode=0600"; dns {{ nameserver = ["127.0.0.1"]; }} }}
logging {{ type = "console"; level = "error"; }}
worker "rspamd_proxy" {{ bind_socket = "{folder}/milter.sock mode=0666"; milter = yes; timeout = 60s; count = {workers};
                         upstream "local" {{ default = yes; self_scan = yes; }} }}
"""
_REPLIES = """\
modules {{ path = "/usr/share/rspamd/plugins/replies.lua"; path = "/usr/share/rspamd/plugins/milter_headers.lua"; }}
replies {{ servers = "{folder}/redis.sock"; }}
milter_headers {{ use = ["x-spamd-result"]; }}
"""
_REDIS = "port 0\nunixsocket {folder}/redis.sock\nunixsocketperm 777\ndir {folder}\nappendonly yes\nlogfile redis.log\n"
_ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"  # rspamd_encode_base32
_KEY, _RECIPIENT = 20, 8  # characters that replies.lua keeps of each hash


def configure(folder: Path, workers: int, replies: bool) -> Path:
    """Write its configuration, and that of its Redis if it looks for ``replies``."""
    (folder / "tld").write_text("example\n")  # its own list takes it many seconds to compile
    (folder / "redis.conf").write_text(_REDIS.format(folder=folder))
    written = folder / "rspamd.conf"
    text = _OPTIONS.format(folder=folder, workers=workers) + (_REPLIES.format(folder=folder) if replies else "")
    written.write_text(text)
    return written


class SentMessages:
    """Its record of the messages that are answered, as it would keep it itself."""

    def __init__(self, folder: Path) -> None:
        self._store = redis.Redis(unix_socket_path=str(folder / "redis.sock"))

    def close(self) -> None:
        """End the connection."""
        self._store.close()

    def remember(self, letters: Iterable[Letter]) -> None:
        """What ``letters`` answer was sent, and asked for answers to the address that they use."""
        known = {f"rr{_hash(f'<{letter.answers}>', _KEY)}": _hash(letter.to.lower(), _RECIPIENT) for letter in letters}
        self._store.flushdb()
        self._store.mset(known)


def _hash(text: str, length: int) -> str:
    bits = int.from_bytes(hashlib.blake2b(text.encode()).digest(), "little")
    return "".join(_ALPHABET[bits >> 5 * place & 31] for place in range(length))
