"""Write ``grafana/reply-milter.json``; with ``--check``, only say whether it is what would be written."""

import json
import sys
from pathlib import Path

from grafana.dashboard.model import dashboard
from grafana.dashboard.rows import ROWS

FILE = Path(__file__).parents[1] / "reply-milter.json"


def text() -> str:
    """The file as it should be."""
    return json.dumps(dashboard(ROWS), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Exit status 1 with ``--check`` if the file is another one."""
    if "--check" in sys.argv[1:]:
        return int(FILE.read_text(encoding="utf-8") != text())
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
