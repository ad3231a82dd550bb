"""The house keeps its measures: no package where pymilter's module is, small functions, modules of one concern."""

import ast
from pathlib import Path

_ROOT = Path(__file__).parents[2] / "milter"
_MODULES = sorted(_ROOT.rglob("*.py"))
MODULE_LINES = 250
FUNCTION_LINES = 40


def test_the_source_root_is_no_package() -> None:
    """``milter`` is pymilter's own C module: an __init__.py here would break its import."""
    assert not (_ROOT / "__init__.py").exists()


def test_modules_are_small() -> None:
    """What outgrows this has two concerns."""
    lengths = {str(path.relative_to(_ROOT)): path.read_text().count("\n") for path in _MODULES}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_functions_are_small() -> None:
    """Counted with their docstrings."""
    long = []
    for path in _MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES:
                    long.append(f"{path.relative_to(_ROOT)}: {node.name}: {length}")
    assert long == []


def test_nothing_starts_a_shell() -> None:
    """Recipients and headers never get near one: no shell=True, os.system, popen, eval or pickle anywhere."""
    words = ("shell=True", "os.system(", "os.popen", "eval(", "exec(", "pickle", "yaml.load")
    found = [f"{path.relative_to(_ROOT)}: {word}" for path in _MODULES for word in words if word in path.read_text()]
    assert found == []
