"""The fuzz targets: what each holds to be true, the words of its input, and the inputs that were worth keeping."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in (FOLDER / "targets").glob("[a-z]*.py")))


@dataclass(frozen=True, slots=True)
class Target:
    """``run`` raises where the invariant does not hold for an input; ``words`` are pieces that inputs are made of."""

    name: str
    invariant: str
    words: tuple[bytes, ...]
    run: Callable[[bytes], None]

    @property
    def corpus(self) -> Path:
        """Seeds, and every input that once broke the invariant."""
        return FOLDER / "corpus" / self.name

    def seeds(self) -> dict[str, bytes]:
        """The corpus by file name."""
        return {path.name: path.read_bytes() for path in sorted(self.corpus.iterdir())}


def load(name: str) -> Target:
    """The target ``name``, one of NAMES."""
    module: ModuleType = import_module(f"tests.fuzz.targets.{name}")
    invariant = (module.__doc__ or "").partition("\n")[0]
    return Target(name, invariant, module.WORDS, module.one_input)
