"""Stands before a Redis and makes it slow: each answer of the server is held back for a while.

A program: the socket it listens on, the server's, and a file with the milliseconds, which a test may write anew.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

_LISTENING, _SERVER, _MILLISECONDS = sys.argv[1:]


async def _hold_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """From server to client, in order, each piece after its time."""
    loop = asyncio.get_running_loop()

    def pass_on(octets: bytes) -> None:
        if not writer.is_closing():
            writer.write(octets)

    with suppress(ConnectionError):
        while octets := await reader.read(65536):
            loop.call_later(int(Path(_MILLISECONDS).read_text()) / 1000, pass_on, octets)
    writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """From client to server, at once."""
    with suppress(ConnectionError):
        while octets := await reader.read(65536):
            writer.write(octets)
    writer.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    from_server, to_server = await asyncio.open_unix_connection(_SERVER)
    tasks = [asyncio.create_task(_pass_on(reader, to_server)), asyncio.create_task(_hold_back(from_server, writer))]
    await asyncio.wait(tasks)


async def _main() -> None:
    server = await asyncio.start_unix_server(_serve, _LISTENING, backlog=512)
    Path(_LISTENING).chmod(0o666)
    await server.serve_forever()


asyncio.run(_main())
