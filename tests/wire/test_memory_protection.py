"""The whole daemon where the kernel refuses memory that is both written and executed (PR_SET_MDWE, Linux 6.3).

Newer systemds make MemoryDenyWriteExecute= of it. libmilter, the cryptographic libraries, redis-server with its
allocator and its Lua have to do without.
"""

import subprocess
from collections.abc import Iterator

import pytest

from tests.support.processes.daemon_process import runtime
from tests.wire.milter_alone import Milter, own_folder
from tests.wire.milter_client import CONTINUE, INSERT_HEADER, Mta

pytestmark = pytest.mark.wire

_PROTECT = """
import ctypes, mmap, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(3)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    os.execv(sys.argv[1], sys.argv[1:])
sys.exit(1)
"""


@pytest.fixture
def milter() -> Iterator[Milter]:
    """A daemon that is not started yet."""
    with own_folder() as folder:
        alone = Milter(folder)
        alone.daemon.wrapper = (runtime()[0], "-c", _PROTECT)
        yield alone
        alone.daemon.stop()


def test_a_reply_is_taken_without_memory_that_is_written_and_executed(milter: Milter) -> None:
    """Checksum, a claim in Lua, and a sealed header; the kernel really refuses, and its refusal outlives exec."""
    if subprocess.run([*milter.daemon.wrapper, "/bin/true"]).returncode == 3:
        pytest.skip("this kernel has no PR_SET_MDWE")
    milter.daemon.start()
    minted = milter.mint()
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"<{minted.address}>", minted.address).code == CONTINUE
        mta.header("From", "alice@client.example")
        mta.header("Message-ID", "<1@client.example>")
        mta.header("In-Reply-To", f"<{minted.message_id}>")
        mta.body(b"Yes.\r\n")
        answer = mta.end_of_message()
    assert answer.code == CONTINUE
    assert any(code == INSERT_HEADER and b"replay=first" in edit for code, edit in answer.edits)
