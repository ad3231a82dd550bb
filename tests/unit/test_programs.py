"""Nothing starts a shell, and nothing runs what it reads: by the syntax of all Python that is installed.

What was started in fact is looked at in ``system/test_programs_started.py``.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "milter" / "reply_milter"
FILES = sorted([*(_ROOT / "milter").rglob("*.py"), *(_ROOT / "contrib").rglob("*.py")])

# The rooms that start programs: the operator's own (one takes replies, one prints a mailbox's password), Postfix's,
# journalctl, a private redis-server, and the demonstration's daemon.
STARTING = {
    "adapters/handlers/command.py",
    "adapters/imap/secrets.py",
    "cli/demo/private_postfix.py",
    "adapters/postfix/postconf.py",
    "adapters/os/journal.py",
    "cli/demo/site.py",
}
BECOMING = {"adapters/redis_store/embedded.py", "adapters/handlers/keeper.py"}

_RUNS_TEXT = {"eval", "exec", "compile", "__import__", "execfile"}
_READS_CODE = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml", "code", "codeop"}
_SHELLS = {
    "os.system", "os.popen", "pty.spawn", "subprocess.getoutput", "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell", "commands.getoutput", "platform.popen",
}  # fmt: skip
_STARTS = {"subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output"}


def faults(text: str) -> Iterator[str]:
    """Everything in a module that starts a shell, or runs what it reads."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (f"imports {name}" for name in _imported(node) if _is_dangerous(name))
        elif isinstance(node, ast.Call):
            yield from _faults_of(node)


def _is_dangerous(name: str) -> bool:
    return name.partition(".")[0] in _READS_CODE or name in _SHELLS


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Modules, and what is taken out of one, with its module's name."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def _faults_of(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in _RUNS_TEXT or name in _SHELLS or name.startswith(("os.spawn", "os.posix_spawn")):
        yield f"calls {name}"
    if any(word.arg == "shell" for word in call.keywords):
        yield f"{name} may start a shell"
    if name in _STARTS and not _is_a_list(call):
        yield f"{name} is given a text"


def _is_a_list(call: ast.Call) -> bool:
    """An argument list, or the setting that is one (``core/verdict/destination.Command.argv``)."""
    first = call.args[0] if call.args else None
    return isinstance(first, ast.List) or (isinstance(first, ast.Attribute) and first.attr == "argv")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_no_shell_and_no_code_out_of_data(path: Path) -> None:
    """Argument lists alone; no eval, pickle, YAML or marshal."""
    assert list(faults(path.read_text(encoding="utf-8"))) == []


def _rooms(starts: str) -> set[str]:
    found = set()
    for path in FILES:
        names = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        if any(name.startswith(starts) for name in names):
            found.add(str(path.relative_to(_SOURCE)))
    return found


def test_few_rooms_start_programs() -> None:
    """So that a new one is noticed."""
    assert len(FILES) > 150
    assert _rooms("subprocess.") == STARTING
    assert _rooms("os.exec") == BECOMING
    assert _rooms("asyncio.create_subprocess") == _rooms("multiprocessing.") == set()


@pytest.mark.parametrize(
    "text",
    [
        'os.system("x")', "import pickle", "from os import system", "from marshal import loads", "import yaml",
        'subprocess.run("ls " + name)', 'subprocess.Popen(f"ls {name}", stdin=None)', "subprocess.run(command)",
        "subprocess.run([name], shell=True)", "subprocess.run([name], shell=no)", "eval(text)", 'exec("x")',
        "asyncio.create_subprocess_shell(x)", "os.posix_spawn(x, y, z)", "subprocess.getoutput(x)",
        "def f(): os.popen(x)",
    ],
)  # fmt: skip
def test_each_kind_would_be_found(text: str) -> None:
    """The check itself."""
    assert list(faults(text))


def test_what_is_harmless_is_let_be() -> None:
    """A list, and names that only look like it."""
    assert (
        list(faults('subprocess.run([name, "-x"], check=True)\nre.compile(x)\nself.evaluate()\nimport tomllib')) == []
    )
