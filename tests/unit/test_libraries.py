"""What is relied on in libraries is looked for at the start: one line in place of a traceback, or of wrong counts."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from prometheus_client import Counter

from reply_milter import libraries
from reply_milter.adapters import telemetry
from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.config import ConfigError, parse
from reply_milter.core.verdict.destination import Format, Webhook
from reply_milter.libraries import LibraryError
from reply_milter.libraries.table import IMAPCLIENT, LIBRARIES, Library
from reply_milter.wiring import mailboxes
from reply_milter.wiring.stores import load_to_run
from tests.support import run_dependencies

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "milter", "Milter", "redis", "hiredis", "prometheus_client", "cryptography", "idna", "authres", "publicsuffixlist",
    "tqdm", "aiosmtpd", "aiohttp", "yarl", "imapclient",
}  # fmt: skip


def requirements() -> list[Requirement]:
    """Each line of pyproject.toml, run dependencies and extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("needed", requirements(), ids=str)
def test_each_has_an_upper_bound_that_is_no_further_than_the_next_major(needed: Requirement) -> None:
    """Of a 0.x series that breaks with each minor, the next one; what is pinned lies within."""
    (bound,) = [Version(one.version) for one in needed.specifier if one.operator == "<"]
    pinned = run_dependencies.pins().get(run_dependencies.normalised(needed.name))
    if pinned is not None:
        assert needed.specifier.contains(pinned)
        assert bound.major <= Version(pinned).major + 1
    if needed.name == "httpx":
        assert not needed.specifier.contains("1.0.dev3", prereleases=True)


def test_all_that_is_relied_on_is_there() -> None:
    """In the libraries that tests run with."""
    libraries.check()
    libraries.check(*libraries.POSTING, IMAPCLIENT)
    assert libraries.problem_apart(*libraries.POSTING) == ""
    assert {one.distribution for one in (*LIBRARIES, *libraries.POSTING)} == {
        re.split(r"[^A-Za-z0-9-]", line)[0] for line in metadata.requires("reply-milter") or () if "extra" not in line
    }


def _imported() -> set[str]:
    """``MODULE:NAME`` of each name that our code takes from one of the libraries by ``from MODULE import NAME``."""
    found = set()
    for path in (ROOT / "milter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PACKAGES:
                found |= {f"{node.module}:{name.name}" for name in node.names}
    return found


def test_what_our_code_imports_is_looked_for() -> None:
    """Each import has its line here, and so have names that are used without an import."""
    known = (*LIBRARIES, *libraries.POSTING, IMAPCLIENT)
    listed = {re.split(r"[.(\[]", name.partition(":")[2])[0] for one in known for name in one.names}
    modules = {name.partition(":")[0].rpartition(".")[2] for one in known for name in one.names}
    missing = {name for name in _imported() if name.partition(":")[2] not in listed | modules}
    assert missing == set()


def _used(module: str) -> set[str]:
    """All names of a module that our code reaches by ``module.NAME``."""
    found = set()
    for path in (ROOT / "milter").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        if any(isinstance(node, ast.Import) and module in {name.name for name in node.names} for node in nodes):
            attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
            found |= {node.attr for node in attributes if ast.unparse(node.value) == module}
    return found


@pytest.mark.parametrize("module", sorted(PACKAGES))
def test_what_our_code_uses_of_a_module_is_looked_for(module: str) -> None:
    """By ``module.NAME``; of httpx also the other way round: names that are no longer used are not listed."""
    names = [name.partition(":") for one in (*LIBRARIES, *libraries.POSTING) for name in one.names]
    listed = {re.split(r"[.(\[]", name)[0] for where, _, name in names if where == module}
    imported = {name.partition(":")[2] for name in _imported() if name.partition(":")[0] == module}
    modules = {where for where, _, _ in names}
    assert {name for name in _used(module) if f"{module}.{name}" not in modules} - listed == set()
    if module == "aiohttp":  # whose objects we get without naming their classes
        assert listed - _used(module) - imported == {"ClientResponse", "StreamReader"} - _used(module)


def test_what_the_webhook_does_with_its_session_is_looked_for() -> None:
    """Methods, attributes and keywords: a release without one of them is named at the start, and not by a traceback."""
    tree = ast.parse((ROOT / "milter/reply_milter/adapters/handlers/http_post.py").read_text())
    calls = {ast.unparse(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [name.partition(":")[2] for one in libraries.POSTING for name in one.names]
    listed = {name.partition("[")[0]: name for name in names}
    for name in ("ClientSession", "TCPConnector", "ClientTimeout"):
        written = {keyword.arg for keyword in calls[f"aiohttp.{name}"].keywords}
        assert set(listed[name].partition("[")[2].rstrip("]").split(",")) == written
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    of_objects = {
        "given": "URL", "url": "URL", "response": "ClientResponse", "self._session": "ClientSession",
        "tracing": "TraceConfig", "response.content": "StreamReader",
    }  # fmt: skip
    used = {f"{of_objects[owner]}.{name}" for owner, _, name in (one.rpartition(".") for one in attributes)
            if owner in of_objects}  # fmt: skip
    assert used == {name for name in listed if "." in name}


# Looked for at the start, by name.
PRIVATE = {
    "adapters/redis_store": {"_connect"},  # and of its connections, as their own: _sock, _parser
    "adapters/handlers": {"_factory"},  # an object's alone, which can't be looked for; test_webhook finds it gone
}


def _private(room: str) -> set[str]:
    """Attributes of others that begin with ``_``, which a room uses."""
    found = set()
    for path in (ROOT / "milter/reply_milter" / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
                of_a_base = isinstance(node.value, ast.Call)  # super()
                ours = getattr(node.value, "id", "") in {"self", "os", "logging"} or (
                    of_a_base and node.attr == "_open"
                )
                found |= set() if ours else {node.attr}
    return found


@pytest.mark.parametrize(
    "room", ["adapters/redis_store", "adapters/telemetry", "adapters/libmilter", "adapters/handlers"]
)
def test_what_is_private_to_a_library_is_known(room: str) -> None:
    """Whoever uses more of it also looks for it."""
    assert _private(room) <= PRIVATE.get(room, set())
    listed = " ".join(name for one in LIBRARIES for name in one.names)
    assert all(name in listed for name in ("._sock", "._parser.parse_error", "._connect"))


@pytest.mark.parametrize(
    "name",
    [
        "redis.connection:Connection()._socket",
        "redis.nowhere:Thing",
        "httpx:AsyncHTTPTransport[verification]",
        "idna:decode.x",
    ],
)
def test_what_is_missing_is_reported_in_one_line(name: str) -> None:
    """The library, its version, what is missing, and which versions are good."""
    with pytest.raises(LibraryError) as found:
        libraries.check(Library("redis", (name,)))
    told = str(found.value)
    assert "\n" not in told
    assert told.startswith(f"redis {metadata.version('redis')} has no ")
    assert "redis<9,>=8.0" in told or "redis>=8.0,<9" in told


def _run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """reply-milter, with the modules of ``folder`` before all others."""
    path = os.pathsep.join((str(folder), str(ROOT / "milter")))
    argv = [sys.executable, "-m", "reply_milter", *words]
    return subprocess.run(argv, capture_output=True, text=True, env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"})


def _stub(folder: Path, lines: str) -> None:
    """A sitecustomize, which runs before anything of ours: another release of a library."""
    (folder / "sitecustomize.py").write_text(lines)


def test_a_library_without_what_we_need_ends_each_command_in_one_line(tmp_path: Path) -> None:
    """EX_CONFIG, and no traceback; for the pipe from the MTA, EX_TEMPFAIL: no mail is returned for it."""
    _stub(tmp_path, "import redis.connection as c\ndel c.AbstractConnection._connect, c.Connection._connect\n")
    for words, status in ((("run",), os.EX_CONFIG), (("mint", "--help"), os.EX_CONFIG), (("deliver",), os.EX_TEMPFAIL)):
        done = _run(tmp_path, *words)
        assert done.returncode == status, done
        assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
        assert re.search(r"redis \S+ has no redis\.connection\.Connection\(\)\._connect", done.stderr), done.stderr


def test_a_library_that_is_not_there_is_reported_in_one_line(tmp_path: Path) -> None:
    """As after half an upgrade."""
    _stub(tmp_path, "import sys\nsys.modules['Milter'] = sys.modules['milter'] = None\n")
    done = _run(tmp_path, "run")
    assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1)
    assert "pymilter 1" in done.stderr


def test_a_library_that_counts_otherwise_is_found_by_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is there, and means something else: the page would show nothing, or what is wrong."""
    telemetry.rehearse()
    with monkeypatch.context() as patched:
        patched.setattr("prometheus_client.mmap_dict._unpack_two_doubles", lambda _data, _at: (0.0, 0.0))
        with pytest.raises(LibraryError, match=r"prometheus-client .* counts otherwise"):
            telemetry.rehearse()
    with monkeypatch.context() as patched:
        patched.setattr(Counter, "_metric_init", lambda self: setattr(self, "_moved", 0))
        with pytest.raises(LibraryError, match=r"prometheus-client .* can't be counted with"):
            telemetry.rehearse()
    telemetry.rehearse()


def test_aiohttp_is_looked_at_where_a_webhook_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked at the start and at a reload if a handler posts; other installations do not import it."""
    lacking = Library("aiohttp", ("aiohttp:TCPConnector[ssl,tunnels]",))
    monkeypatch.setattr(libraries, "POSTING", (lacking,))
    assert _run(tmp_path, "init", str(tmp_path / "etc"), "--domain", "reply.example.com").returncode == 0
    path = tmp_path / "etc/reply-milter.toml"
    load_to_run(str(path))
    text = path.read_text() + '\n[delivery]\nlisten = "unix:/tmp/hook.sock"\n'
    delivery = '\n[handler.delivery]\ntype = "webhook"\nurl = "https://app.example.com/"\n'
    path.write_text(text + _handler(delivery))
    with pytest.raises(ConfigError) as found:
        load_to_run(str(path))
    assert any(
        re.search(r"webhook: aiohttp 3\.\S* has no aiohttp\.TCPConnector", line) for line in found.value.problems
    )
    webhook = Webhook("https://app.example.com/", (), Format.JSON, 30)
    with pytest.raises(LibraryError):
        deliverer_for(webhook, WallClock(), HostNames())


def _handler(delivery: str) -> str:
    return f'\n[[handler]]\nid = 77\nname = "posting"\n{delivery}'


def test_only_who_fetches_needs_imapclient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, a daemon with a mailbox does not start; another one does not even look."""
    missing = "IMAPClient (not installed) has no imapclient.IMAPClient"
    monkeypatch.setattr(mailboxes, "problem_apart", lambda library: missing if library is IMAPCLIENT else "")
    text = 'realm = "x"\n[address]\nmint_domain = "r.example.com"\n[keys]\nfile = "k"\nseal_file = "s"\n[delivery]\n'
    text += '[[handler]]\nid = 1\nname = "a"\n'
    box = '[[imap]]\nname = "b"\nurl = "imaps://h"\nuser = "u"\npassword_file = "/p"\n'
    assert mailboxes.library_problem(parse(text)) == ""
    assert mailboxes.library_problem(parse(text + box)) == f"imap: {missing}; install reply-milter[imap]"


def test_the_debian_package_has_imapclient() -> None:
    """As pip is told when it is built."""
    assert '".[imap]"' in (ROOT / "contrib/debian/package/rules").read_text()
