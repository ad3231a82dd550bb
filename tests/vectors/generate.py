"""Writes the test vectors, by the documents alone: nothing of the milter is imported."""

import json
import sys
from pathlib import Path

from tests.vectors.formats import Group
from tests.vectors.raw_messages import messages
from tests.vectors.token_groups import (
    TOKEN_NOTES,
    addresses,
    ids,
    issue_times,
    keys,
    large_contexts,
    lifetimes,
    message_ids,
    mintable_ids,
    odd_domains,
    senders,
    threads,
    user_keys,
)
from tests.vectors.verdict_groups import VERDICT_NOTES, body_digests, large_contexts_told, verdicts
from tests.vectors.wrapping_groups import (
    WRAPPING_NOTES,
    capsules,
    contexts,
    copies,
    originals,
    plains,
    pseudo_users,
)

FOLDER = Path(__file__).parent


def token_vectors() -> str:
    groups = [
        user_keys(),
        issue_times(),
        threads(),
        senders(),
        keys(),
        addresses("reply", "+", altered=True),
        addresses("reply", "-"),
        addresses("no-reply-to", "+"),
        addresses("incoming.reply1", "+", altered=True),
        addresses("incoming.reply1", "-"),
        addresses("", "+"),
        lifetimes(),
        message_ids(),
        ids(),
        odd_domains(),
        mintable_ids(),
        large_contexts(),
    ]
    header = [
        "Test vectors for reply-milter's reply addresses, version 1 (docs/token-format.md).",
        "Octets are in hex, contexts in decimal text (they exceed 2^53), times in Unix seconds, issued in minutes.",
    ]
    return document("reply-milter token 1", "reply_token_v1", header, TOKEN_NOTES, groups)


def verdict_vectors() -> str:
    header = [
        "Test vectors for the field X-Reply-Verdict, version 1 (docs/verdict-header.md).",
        "fields: the values of all fields of this name on one message, from the top. body: the message's, in hex.",
    ]
    groups = [body_digests(), verdicts(), messages(), large_contexts_told()]
    return document("reply-milter verdict 1", "reply_verdict_v1", header, VERDICT_NOTES, groups)


def wrapping_vectors() -> str:
    header = [
        "Test vectors for what a wrapped address stands for, version 1 (docs/wrapping-format.md).",
        "Octets are in hex, contexts in decimal text (they exceed 2^53), ids without angle brackets.",
    ]
    groups = [plains(), pseudo_users(), contexts(), capsules(), copies(), originals()]
    return document("reply-milter wrapping 1", "reply_wrapping_v1", header, WRAPPING_NOTES, groups)


def document(
    algorithm: str, schema: str, header: list[str], notes: dict[str, tuple[str, str]], groups: list[Group]
) -> str:
    tests = [test for group_ in groups for test in group_["tests"]]
    for number, test in enumerate(tests, 1):
        members = dict(test)
        test.clear()
        test.update({"tcId": number, **members})
    assert {flag for test in tests for flag in test["flags"]} == set(notes)
    told = {flag: {"bugType": bug, "description": words} for flag, (bug, words) in notes.items()}
    whole = {"algorithm": algorithm, "schema": schema, "numberOfTests": len(tests), "header": header}
    return json.dumps({**whole, "notes": told, "testGroups": groups}, indent=2) + "\n"


FILES = {"token.json": token_vectors, "verdict.json": verdict_vectors, "wrapping.json": wrapping_vectors}


def main(arguments: list[str]) -> int:
    differing = []
    for name, vectors in FILES.items():
        path, text = FOLDER / name, vectors()
        if arguments == ["--write"]:
            path.write_text(text, encoding="ascii")
        elif not path.exists() or path.read_text(encoding="ascii") != text:
            differing.append(name)
    print(f"differ: {', '.join(differing)}" if differing else "as committed")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
