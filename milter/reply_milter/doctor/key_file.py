"""What is wrong with the text of a key file."""

from collections.abc import Callable, Iterator
from pathlib import Path

from reply_milter.adapters import keyfile


def problems_of(parse: Callable[[str, str], object], path: str) -> Iterator[str]:
    """Yield why the text of a key file cannot be used. A missing file is another problem."""
    try:
        parse(Path(path).read_text(encoding="utf-8"), path)
    except keyfile.KeyFileError as mistake:
        yield from mistake.problems
    except PermissionError:
        yield f"{path}: this user may not read it; run doctor as root"
    except OSError:
        return
    except ValueError:
        yield f"{path}: is not UTF-8 text"
