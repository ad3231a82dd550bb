"""The libraries' own tests pass, all vectors are among them, and what each says of itself is true."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.languages import JAVASCRIPT, LANGUAGES, PHP, ROOT, Language

VECTORS = ROOT / "tests/vectors"


def _number_of_vectors() -> int:
    files = ("token.json", "verdict.json")
    return sum(json.loads((VECTORS / name).read_text())["numberOfTests"] for name in files)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.name)
def test_the_library_passes_its_own_tests(language: Language) -> None:
    """With every vector of both formats."""
    done = subprocess.run(language.tests, cwd=language.folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    count = re.search(r"(?m)^(?:\S tests )?(\d+)(?: tests, 0 failed)?$", done.stdout)
    assert count is not None and int(count[1]) > _number_of_vectors()


def test_a_failing_test_fails_the_run(tmp_path: Path) -> None:
    """PHP's runner is our own: it must not call a failure success."""
    program = "<?php return ['x' => static function (): void { throw new Exception('no'); }];"
    for name in ("run.php", "assertions.php"):
        text = (
            (PHP.folder / "tests" / name)
            .read_text()
            .replace("__DIR__ . '/../autoload.php'", f"'{PHP.folder}/autoload.php'")
        )
        (tmp_path / name).write_text(text)
    (tmp_path / "FailingTest.php").write_text(program)
    done = subprocess.run(["php", str(tmp_path / "run.php")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "not ok: FailingTest: x" in done.stdout


def test_the_library_for_node_has_the_programs_version() -> None:
    """A release changes both."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert json.loads((JAVASCRIPT.folder / "package.json").read_text())["version"] == version


def test_neither_library_has_dependencies() -> None:
    """Node.js and PHP alone."""
    assert (
        not {"dependencies", "peerDependencies"} & json.loads((JAVASCRIPT.folder / "package.json").read_text()).keys()
    )
    assert json.loads((PHP.folder / "composer.json").read_text())["require"] == {"php-64bit": ">=8.1"}


def test_both_licences_are_the_programs() -> None:
    """As pyproject.toml has it."""
    licence = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]["text"]
    for file in (JAVASCRIPT.folder / "package.json", PHP.folder / "composer.json"):
        assert json.loads(file.read_text())["license"] == licence


def _exported(text: str) -> set[str]:
    lists = re.findall(r"export \{([^}]*)\}", text)
    names = {name.strip() for one in lists for name in one.split(",") if name.strip()}
    return names | set(re.findall(r"(?m)^export (?:declare )?(?:const|function|class) (\w+)", text))


@pytest.mark.parametrize("module", ["index", "testing"])
def test_types_name_what_is_exported_and_nothing_else(module: str) -> None:
    """Interfaces and types aside."""
    source = JAVASCRIPT.folder / "src"
    exported = _exported((source / f"{module}.js").read_text())
    assert exported and exported == _exported((source / f"{module}.d.ts").read_text())


_AMBIENT = """
declare class Buffer extends Uint8Array {}
declare module "node:http" {
  export interface IncomingMessage { method?: string }
  export interface ServerResponse { end(): void }
}
"""
_USE = """
import { Minter, openVerdict, openWebhook, mintRequest, receiver } from "reply-milter";
import { sealedMessage, webhookRequest } from "reply-milter/testing";

const field: string = mintRequest({ handler: "issue", user: 42n, locator: "a/b" });
const fate = openVerdict(sealedMessage({ reply: { user: 7 } }), ["00"]);
if (fate.outcome === "unverified") { const why: string = fate.why; } else { const user: number = fate.reply.user; }
const text: string = openWebhook(webhookRequest(), "whsec_").text;
receiver("whsec_", async (reply) => { const context: string = reply.context; });
const minter = new Minter({ realm: "x", masterKey: "", domain: "x", handlers: { a: { id: 1 } } });
minter.mint("a", { user: 1, context: "7" }).headers["Reply-To"];
// @ts-expect-error a user is needed
mintRequest({ handler: "issue" });
// @ts-expect-error an unverified message has no reply
fate.reply.user;
// @ts-expect-error a context is text
const wrong: number = openWebhook(webhookRequest(), "").context;
"""


def test_the_types_hold(tmp_path: Path) -> None:
    """By TypeScript itself, where it is: each use is taken, and each misuse refused."""
    compiler = ROOT / ".venv/grafana-types/node_modules/typescript/bin/tsc"
    if not compiler.exists():
        pytest.skip("no TypeScript here: make test installs it where there is npm")
    JAVASCRIPT.install(tmp_path)
    (tmp_path / "use.ts").write_text(_USE)
    (tmp_path / "ambient.d.ts").write_text(_AMBIENT)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"]
    argv = ["node", str(compiler), *options, "use.ts", "ambient.d.ts"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
