"""``make reply-text-score``: how many replies of the corpus come out right, kind by kind.

Prints a row per kind (right, too much kept, words lost), then the file of each reply that is not right. Exit 0: no
words were lost, though too much may be kept. 1: words were lost. 2: the corpus can't be read. An argument names another
folder of such files.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.reply_text_corpus import CORPUS, Score, ShapeError, score, shapes

_ROW = "{:<24}{:>8}{:>16}{:>14}"


def main(arguments: Sequence[str]) -> int:
    """Print the table; see above for what is returned."""
    folder = Path(arguments[0]) if arguments else CORPUS
    try:
        scored = [(one, score(one.kept, one.read().stripped)) for one in shapes(folder)]
    except (ShapeError, OSError) as error:
        print(f"reply-text-score: {error}", file=sys.stderr)
        return 2
    if not scored:
        print(f"reply-text-score: {folder}: holds no *.eml file", file=sys.stderr)
        return 2
    counts: dict[str, Counter[Score]] = {}
    for one, found in scored:
        counts.setdefault(one.kind, Counter())[found] += 1
    print("\n".join(_table(counts)))
    for one, found in scored:
        if found is not Score.RIGHT:
            print(f"{found}: {folder / one.name}.eml")
    return 1 if any(found is Score.LOST for _, found in scored) else 0


def _table(counts: dict[str, Counter[Score]]) -> list[str]:
    rows = [_ROW.format("kind", *Score)]
    rows += [_ROW.format(kind, *(found[one] for one in Score)) for kind, found in sorted(counts.items())]
    total = sum(counts.values(), Counter[Score]())
    return [*rows, _ROW.format("all", *(total[one] for one in Score))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
