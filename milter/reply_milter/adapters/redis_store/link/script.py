"""Lua scripts: called by their digest (EVALSHA), or sent as text (EVAL) if Redis does not have them."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from reply_milter.adapters.redis_store.link.errors import NoScriptError
from reply_milter.adapters.redis_store.link.operation import Command, Operation

Argument = str | bytes | int


class Script:
    """The script ``NAME.lua`` beside the modules of ``package``. It works on one key."""

    def __init__(self, package: str, name: str) -> None:
        self._text = files(package).joinpath(f"{name}.lua").read_bytes()
        self._sha = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    def command(self, key: Argument, *arguments: Argument) -> Command:
        """Return the command that runs it once, if Redis has it."""
        return ("EVALSHA", self._sha, 1, key, *arguments)

    def run(self, call: Operation, key: str, *arguments: Argument) -> Any:
        """Run it once; return its answer."""
        return self.run_behind(call, (), key, *arguments)[0]

    def run_behind(self, call: Operation, reads: Sequence[Command], key: str, *arguments: Argument) -> list[Any]:
        """Run it once, after ``reads`` and in one round trip with them; return all answers, its own last.

        If it has to be sent as text, the reads are sent again with it, which does no harm.
        """
        try:
            return call(*reads, self.command(key, *arguments))
        except NoScriptError:  # Redis did not run it, so this is the first time
            return call(*reads, ("EVAL", self._text, 1, key, *arguments))

    def run_each(self, call: Operation, runs: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Run it for each of ``runs`` (a key and its arguments) in one round trip.

        Only for scripts that may run twice for the same arguments: Redis may lose them between two runs.
        """
        commands = [self.command(*run) for run in runs]
        try:
            return call(*commands)
        except NoScriptError:  # the text with each: in a Cluster, they go to several servers
            return call(*(("EVAL", self._text, 1, *run) for run in runs))
