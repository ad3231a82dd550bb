"""Draws the pictures of the README anew: ``make pictures``. Needs root, as the demonstration does."""

import sys
import tempfile
from pathlib import Path

from tools.pictures.demonstration import PictureError, demonstration, printed
from tools.pictures.flow import flow

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> int:
    """Write both; return the exit status."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "flow.svg").write_text(flow(), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        Path(name).chmod(0o755)  # Postfix's daemons are not root
        try:
            drawn = demonstration(printed(Path(name)))
        except PictureError as error:
            print(error, file=sys.stderr)
            return 1
    (FOLDER / "demo.svg").write_text(drawn, encoding="utf-8")
    print(f"wrote {FOLDER}/flow.svg and {FOLDER}/demo.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
