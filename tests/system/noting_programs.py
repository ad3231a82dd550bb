"""reply-milter that notes each program that it, or a process of its, starts: run in place of ``-m reply_milter``.

NOTED names a file; it gets a line of JSON each: event, program, arguments. These are the interpreter's own audit
events, so that no way to start one is left out, libraries' included.
"""

import json
import os
import sys

from reply_milter import cli

_EVENTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
_NOTED = os.environ["NOTED"]


def _note(event: str, given: tuple[object, ...]) -> None:
    if event in _EVENTS:
        line = json.dumps([event, *map(_shown, given[:2])]) + "\n"
        with open(_NOTED, "a", encoding="utf-8") as file:  # each time: a store closes what it inherits
            file.write(line)


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        return os.fsdecode(value)
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value


sys.addaudithook(_note)
sys.exit(cli.main())
