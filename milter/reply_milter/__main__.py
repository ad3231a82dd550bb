"""``python -m reply_milter``: the same as the ``reply-milter`` command."""

import os
import signal
import sys


def main() -> int:
    """Run one command; returns its exit status."""
    if sys.argv[1:2] == ["run"]:  # what follows takes a while, and a SIGHUP would end it: nothing is read yet
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from reply_milter import libraries

    try:
        libraries.check()
    except libraries.LibraryError as error:
        print(f"reply-milter: {error}", file=sys.stderr)  # noqa: T201 # there is no log yet
        # As cli.main does: nothing that ``deliver`` ends with may return mail to its senders, who may be forged.
        return os.EX_TEMPFAIL if sys.argv[1:2] == ["deliver"] else error.status
    from reply_milter.cli import main as run_command

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
