"""The keys of wrapping, each derived from a master key or a seal key, and what is computed with them.

HKDF-Expand and HMAC with SHA-256 (RFC 5869, RFC 2104), AES-SIV with a 64-octet key (RFC 5297). Every input is
length-prefixed by ``tlv``. AES-SIV needs no nonce: the same PLAIN under the same GLOB gives the same octets, which is
what makes a notification that is sent again the same one.
"""

import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from reply_milter.core.encoding import base32
from reply_milter.core.encoding.tlv import tlv
from reply_milter.core.token.keyring import ID_LENGTH, MasterKey, UserKey
from reply_milter.core.wrapping.plain import Plain, decode, encode

_SIV_OCTETS = 16  # the synthetic IV stands before what is encrypted
_PSEUDO_USER_BITS, _CONTEXT_BITS = 40, 55
_MASTERS = 8  # live master keys at a time; what falls out is made again


def pseudo_user(master: MasterKey, realm: str, recipient: str) -> int:
    """The user number that stands for a recipient of wrapped notifications. ``recipient`` is normalised.

    40 bits; it can't be told from a real number by itself, so everything that names a user says which kind it is.
    """
    key = _wrap_key(master.secret, realm)
    return int.from_bytes(hmac.digest(key, tlv(b"user", recipient), hashlib.sha256)) >> (256 - _PSEUDO_USER_BITS)


def context_of(key: UserKey, plain: Plain) -> int:
    """The 55-bit context of a token that stands for ``plain``."""
    return int.from_bytes(key.digest(b"wrapped", encode(plain))) >> (256 - _CONTEXT_BITS)


def seal_capsule(master: MasterKey, realm: str, glob: str, plain: Plain) -> bytes:
    """Encrypt ``plain`` for the token ``glob`` (its text in lower case)."""
    return _capsule_cipher(master, realm).encrypt(encode(plain), [tlv(glob)])


def open_capsule(master: MasterKey, realm: str, glob: str, sealed: bytes) -> Plain | None:
    """Open what ``seal_capsule`` made with the same key for the same ``glob``; None for everything else."""
    return _opened(_capsule_cipher(master, realm), glob, sealed)


def seal_original(seal_key: bytes, identifier: str, handler: str, plain: Plain) -> bytes:
    """Encrypt ``plain`` for the hook, bound to the reply's id and its handler's name: the ``original`` of a verdict."""
    return _original_cipher(seal_key).encrypt(encode(plain), [tlv(identifier, handler)])


def direct_id(realm: str, handler: str, address: str, *message: bytes) -> str:
    """26 characters that name a ``message`` (octets that are the same when it comes again) to an application's address.

    No key goes in, so that a rotation changes no name; 130 bits are found by nobody a second time.
    """
    digest = hashlib.sha256(tlv(b"direct", realm, handler, address, *message)).digest()
    return base32.leftmost(digest, 2 * ID_LENGTH)


def open_original(seal_keys: Iterable[bytes], identifier: str, handler: str, sealed: bytes) -> Plain | None:
    """Open what ``seal_original`` made with any of ``seal_keys``; None for everything else."""
    for key in seal_keys:
        plain = _opened(_original_cipher(key), (identifier, handler), sealed)
        if plain is not None:
            return plain
    return None


def _opened(cipher: AESSIV, bound_to: str | tuple[str, ...], sealed: bytes) -> Plain | None:
    if len(sealed) <= _SIV_OCTETS:
        return None
    parts = (bound_to,) if isinstance(bound_to, str) else bound_to
    try:
        return decode(cipher.decrypt(sealed, [tlv(*parts)]))
    except InvalidTag:
        return None


def _capsule_cipher(master: MasterKey, realm: str) -> AESSIV:
    return AESSIV(_capsule_key(master.secret, realm))


def _original_cipher(seal_key: bytes) -> AESSIV:
    return AESSIV(_expand(seal_key, 64, b"reply-milter/1/original"))


# The same for each notification. A key that is made anew each time costs as much as what is done with it.
@lru_cache(_MASTERS)
def _wrap_key(secret: bytes, realm: str) -> bytes:
    return _expand(secret, 32, b"reply-milter/1/wrap", realm)


@lru_cache(_MASTERS)
def _capsule_key(secret: bytes, realm: str) -> bytes:
    return _expand(secret, 64, b"reply-milter/1/capsule", realm)


def _expand(secret: bytes, length: int, *info: str | bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=length, info=tlv(*info)).derive(secret)
