"""An application that knows nothing of us, wrapped: its handler, and addresses of ours that stand for its own."""

from typing import NamedTuple

from reply_milter.core.token import token
from reply_milter.core.token.mint import MintedAddress
from reply_milter.core.verdict.handler import ContextKind, Handler
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping import capsule, outward_minting, pattern
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.wrap import Wrap
from tests.support.fakes import AUTHOR, FORM, KEYRING, NOW

KEY, OTHER_KEY = "A" * 77, "B" * 80
NATIVE, OTHER_NATIVE = f"incoming+{KEY}@git.example.com", f"incoming+{OTHER_KEY}@git.example.com"
NOTIFICATION = "org/repo/issues/7@git.example.com"


def wrap(**changes: object) -> Wrap:
    """Gitea at git.example.com."""
    given = {
        "preset": PRESETS["gitea"],
        "address": pattern.parse("incoming+{key}@git.example.com", PRESETS["gitea"].key),
        "senders": frozenset({"noreply@git.example.com"}),
        "open": (pattern.glob("incoming+*-issue@git.example.com"),),
        "bounces": (pattern.glob("incoming+verp-*@git.example.com"),),
    }
    return Wrap(**{**given, **changes})  # type: ignore[arg-type]


def gitea(policy: Policy | None = None, **changes: object) -> Handler:
    """Its handler; ``changes`` of its wrap."""
    return Handler(20, "gitea", ContextKind.WRAPPED, 90, True, "", policy or Policy(), wrap=wrap(**changes))


class Wrapped(NamedTuple):
    """An address of ours, what it stands for, and the id that carries that."""

    address: str
    plain: Plain
    capsule: str
    glob: str
    token: MintedAddress
    token_id: str


def wrapped(original: str = NATIVE, recipient: str = AUTHOR, issued: int = NOW - 86400) -> Wrapped:
    """One that stands for ``original``, minted for ``recipient``."""
    plain = Plain(original, recipient)
    made = outward_minting.mint(plain, gitea(), True, issued, KEYRING, FORM)
    glob = FORM.token_text(made.address.rpartition("@")[0])
    read = token.parse(glob, FORM.checksum_length)
    assert read is not None
    sealed = capsule.write(FORM.mint_domain, made.sealed)
    minted = MintedAddress(made.address, "", read.token, read.token.expires_at(90))
    return Wrapped(made.address, plain, sealed, glob, minted, made.token_id)
