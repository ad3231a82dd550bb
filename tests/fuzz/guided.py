"""``make fuzz``: looks for inputs that break an invariant, guided by coverage (atheris), each target for some minutes.

A process a target, one after the other, and at the end a table of what each did. What it learns stays under .fuzz/ for
the next time; an input that breaks the invariant, or takes too long, is put into the target's corpus, where every test
run meets it from then on.
"""

import argparse
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import FOLDER, NAMES, Target

LONGEST = 4096  # octets of an input
SLOWEST_SECONDS = 5  # for one input, with instrumentation and on a loaded machine
_LEARNED = FOLDER.parents[1] / ".fuzz"
# libFuzzer's own lines: after the corpus, now and then, at the end.
_STATUS = re.compile(r"#(\d+)\s+(INITED|DONE|NEW|REDUCE|RELOAD|pulse)\s+cov: (\d+)")


@dataclass
class Outcome:
    """What became of one target: inputs tried, and branches reached by the known inputs and in the end."""

    name: str
    executions: int = 0
    known: int = 0
    reached: int = 0
    held: bool = False

    def hears(self, line: str) -> bool:
        """Whether ``line`` is one of libFuzzer's about its progress; it is remembered."""
        status = _STATUS.match(line)
        if status is None:
            return False
        self.executions, self.reached = int(status[1]), int(status[3])
        if status[2] == "INITED":
            self.known = self.reached
        return True

    def row(self) -> str:
        """A line of a table."""
        outcome = "holds" if self.held else "BROKEN"
        return f"| {self.name} | {self.executions:,} | {self.known:,} | {self.reached:,} | {outcome} |"


def main() -> int:
    """Fuzz the targets named on the command line, or all; exit 1 if one broke."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", type=float, help="for each target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--here", action="store_true", help="in this process: what the others are started with")
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in NAMES]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    if options.here:
        _fuzz(options.targets[0], options.minutes)
    outcomes = [_in_a_process(name, options.minutes) for name in options.targets or NAMES]
    print("\n| target | inputs | branches, corpus | branches, in the end | |\n|---|---:|---:|---:|---|")
    print("\n".join(outcome.row() for outcome in outcomes))
    return 0 if all(outcome.held for outcome in outcomes) else 1


def _in_a_process(name: str, minutes: float) -> Outcome:
    print(f"{name}: {minutes:g} min", flush=True)
    outcome = Outcome(name)
    command = [sys.executable, "-m", "tests.fuzz.guided", "--here", str(minutes), name]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if not outcome.hears(line):
                print(line, end="", flush=True)
    outcome.held = process.returncode == 0
    return outcome


def _fuzz(name: str, minutes: float) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris  # an extra of its own: tests of every day need none

    with atheris.instrument_imports(include=["reply_milter", "reply_text", "authres", "aiosmtpd"]):
        from tests.fuzz.target import load

        target = load(name)
    learned = _LEARNED / name
    learned.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={int(60 * minutes)}", f"-max_len={LONGEST}", f"-timeout={SLOWEST_SECONDS}"]
    quiet = ["-print_final_stats=1", "-verbosity=1", "-close_fd_mask=0"]
    kept = [f"-artifact_prefix={target.corpus}/", f"-dict={_dictionary(target)}"]
    atheris.Setup([name, *limits, *quiet, *kept, str(learned), str(target.corpus)], _with_cause(target.run))
    atheris.Fuzz()


def _with_cause(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Run ``run``; report an exception with its cause, which atheris omits."""

    def one_input(octets: bytes) -> None:
        try:
            run(octets)
        except Exception:
            traceback.print_exc()
            raise

    return one_input


def _dictionary(target: Target) -> Path:
    """The target's words, as libFuzzer reads them."""
    path = _LEARNED / f"{target.name}.dict"
    quoted = ("".join(f"\\x{octet:02x}" for octet in word) for word in target.words)
    path.write_text("".join(f'"{word}"\n' for word in quoted))
    return path


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main())
