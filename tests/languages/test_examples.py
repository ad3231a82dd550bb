"""Every example of each README runs as it stands, on what this program itself makes and reads."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reply_milter.adapters import keyfile
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.seal import verdict_header
from reply_milter.core.token.keyring import KeyState, MasterKey
from reply_milter.mint import Minter, handler
from tests.support.hosts.receiver import SECRET
from tests.support.languages import JAVASCRIPT, LANGUAGES, PHP, ROOT, Language
from tests.support.processes.ports import free_port
from tests.vectors import formats, verdict_groups

every = pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.name)
_NAMED = re.compile("/etc/reply-milter/(seal.key|keys.toml)")


def _here(program: str, folder: Path) -> str:
    """The example, with the key files of a test."""
    return _NAMED.sub(lambda found: str(folder / found[1]), program)


@every
def test_a_verdict_is_opened(language: Language, tmp_path: Path) -> None:
    """As the milter seals it; and an altered body is told."""
    digest = BodyDigest()
    digest.feed(verdict_groups.BODY)
    tags = [*(part.split("=", 1) for part in verdict_groups.TAGS.split(";")), ["body", digest.text()]]
    value = verdict_header.seal([(name, text) for name, text in tags], formats.SEAL_KEY)
    message = f"X-Reply-Verdict: {value}\nSubject: x\n\n".encode() + verdict_groups.BODY
    (tmp_path / "seal.key").write_text(f"# ours\n{formats.SEAL_KEY.hex()}\n")
    program = _here(language.example("/etc/reply-milter/seal.key"), tmp_path)
    assert language.run(program, tmp_path, message) == "post it for user 42, once for lnyzn7bffjl7knkekdz26tmxft\n"
    broken = language.run(program, tmp_path, message + b"more")
    assert broken == "keep it, post nothing, answer 250: seal_broken, and alert somebody\n"


@every
def test_an_address_is_minted_that_this_program_would_have_minted(language: Language, tmp_path: Path) -> None:
    """For the id and the minute of the example's own."""
    keys = (
        MasterKey("k1", KeyState.RETIRED, formats.OLDER_MASTER, 1),
        MasterKey("k2", KeyState.ACTIVE, formats.MASTER),
    )
    (tmp_path / "keys.toml").write_text(keyfile.write_master_keys(keys))
    told = language.run(_here(language.example("/etc/reply-milter/keys.toml"), tmp_path), tmp_path)
    address = re.search(r"reply\+\w+@reply\.example\.com", told)
    identifier = re.search(r"<(shop/orders/issue/2351/(\d+)\.\w+@reply\.example\.com)>", told)
    assert address is not None and identifier is not None, told
    minter = Minter("example", formats.MASTER, "reply.example.com", [handler(1, "issue")])
    order = {"user": 42, "message_id": identifier[1], "to": "jane@example.net", "at": int(identifier[2])}
    assert minter.mint("issue", **order).address == address[0]  # type: ignore[arg-type]
    assert told.count(identifier[0]) == 2 and "auto-generated" in told


@every
def test_an_application_tests_itself(language: Language, tmp_path: Path) -> None:
    """Without a milter."""
    (program,) = [text for text in language.examples() if "In blue, please." in text]
    assert language.run(program, tmp_path) == "In blue, please.\npark\n"


@contextmanager
def _serving(language: Language, folder: Path) -> Iterator[str]:
    """The example of a receiver, as a server; yields its URL."""
    port = free_port()
    argv = language.placed(language.example("REPLY_SECRET"), folder)
    if language is PHP:
        argv = [*argv[:-1], "-S", f"127.0.0.1:{port}", argv[-1]]
    (folder / "posts").mkdir()
    more = {"REPLY_SECRET": SECRET, "PORT": str(port), "POSTS": str(folder / "posts"), "PHP_CLI_SERVER_WORKERS": "4"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(argv, env={**os.environ, **more}, stdout=log, stderr=log, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)


@every
def test_a_receiver_passes_the_test_of_endpoints(language: Language, tmp_path: Path) -> None:
    """``test-endpoint``: each reply is taken, again and at once; wrong, missing and old signatures are refused."""
    with _serving(language, tmp_path) as url:
        found = _tried(url)
    assert len(found) == 6 and all(found.values()), (found, (tmp_path / "log").read_text()[-2000:])
    if language is PHP:
        assert len(list((tmp_path / "posts").iterdir())) == 2  # of the reply that came twice, and of the one at once


def _tried(url: str) -> dict[str, bool]:
    argv = [sys.executable, "-m", "reply_milter", "test-endpoint", url, "--json", "--secret-file", "-"]
    deadline = time.monotonic() + 60
    while True:  # until the server listens
        done = subprocess.run(argv, input=SECRET, capture_output=True, text=True, timeout=120, cwd=ROOT / "milter")
        found = {check["name"]: check["good"] for check in json.loads(done.stdout)}
        if len(found) > 1 or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


@every
def test_no_example_is_left_out(language: Language) -> None:
    """One for each heading: the first is submitted to a real Postfix in ``system/test_languages.py``."""
    assert len(language.examples()) == 5


def _sample(page: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (found,) = re.findall(r"(?ms)^```js\n(.*?)^```$", text)
    return str(found)


def test_the_sample_of_the_token_format_mints_its_worked_example(tmp_path: Path) -> None:
    """As the page says."""
    address = "reply+000000002ababaqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com\n"
    assert JAVASCRIPT.run(_sample("token-format.md"), tmp_path) == address


_MINT_VECTORS = """
import { readFileSync } from "node:fs";
const hexed = (text) => Buffer.from(text, "hex");
const wrong = [];
const refuses = (order) => {
  try { mint(site, order); return false; } catch (error) { return error instanceof RangeError; }
};
for (const group of JSON.parse(readFileSync("VECTORS")).testGroups) {
  for (const one of group.tests) {
    let good = one.result === "valid";
    if (group.type === "Sender") {
      const name = normalise(one.address);
      const tag = name ? leftmost(hmac(hexed(group.userKey), tlv("sender", name)), 15) || 1n : 0n;
      good = (name === one.normalised && tag === BigInt(one.sender)) === good;
    } else if (group.type === "Mintable") {
      good = refuses({ user: 1, handler: 1, unix: 1767225600, messageId: one.messageId }) !== good;
    } else if (group.type === "Address" && one.user !== undefined && !one.sender && one.context < 2 ** 54) {
      const whole = { ...site, masterKey: hexed(one.masterKey), mailbox: group.mailbox, delimiter: group.delimiter };
      const order = { user: one.user, handler: one.handler, unix: 1735689600 + 60 * one.issued, context: one.context };
      good = mint(whole, order) === one.address;
    } else continue;
    if (!good) wrong.push(one.tcId);
  }
}
for (const context of [2 ** 53 + 2, 1.5, "0x10", "", " 5", null, -1, 1n << 55n, true]) {
  if (!refuses({ user: 1, handler: 1, unix: 1767225600, context })) wrong.push(String(context));
}
console.log(JSON.stringify(wrong));
"""


def test_the_sample_of_the_token_format_holds_for_the_vectors(tmp_path: Path) -> None:
    """Senders, ids, and contexts beyond 2^53; what a number can't hold throws."""
    harness = _MINT_VECTORS.replace("VECTORS", str(ROOT / "tests/vectors/token.json"))
    told = JAVASCRIPT.run(_sample("token-format.md") + harness, tmp_path).splitlines()
    assert told[-1] == "[]"


def test_the_sample_of_the_verdict_header_holds_for_the_vectors(tmp_path: Path) -> None:
    """Whole messages, as they lie in a file."""
    functions = _sample("verdict-header.md").partition("const lines =")[0]
    harness = """
const wrong = [];
const whole = JSON.parse(readFileSync("VECTORS")).testGroups;
for (const group of whole.filter((one) => one.type === "Message")) {
  const keys = group.sealKeys.map((key) => Buffer.from(key, "hex"));
  for (const one of group.tests) {
    const tags = open(Buffer.from(one.message, "hex"), keys);
    const [, body] = split(Buffer.from(one.message, "hex").toString("latin1"), "x-reply-verdict");
    const same = tags === null || JSON.stringify(Object.fromEntries(tags)) === JSON.stringify(one.tags);
    const isItsBody = Buffer.from(body, "latin1").toString("hex") === one.body;
    if ((tags !== null) !== (one.result === "valid") || !same || !isItsBody) wrong.push(one.tcId);
  }
}
console.log(JSON.stringify(wrong));
""".replace("VECTORS", str(ROOT / "tests/vectors/verdict.json"))
    assert JAVASCRIPT.run(functions + harness, tmp_path) == "[]\n"
