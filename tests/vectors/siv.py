"""AES-SIV (RFC 5297) for encryption, from the RFCs and FIPS 197 alone: Python's standard library has no AES.

Slow, and not for secrets: it looks up tables by key. It computes vectors of published keys, and nothing else.
"""

BLOCK = 16
_RCON = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36)


def _times(left: int, right: int) -> int:
    """Multiply in GF(2^8), FIPS 197 section 4.2."""
    product = 0
    while right:
        product ^= left if right & 1 else 0
        left = left << 1 ^ (0x11B if left & 0x80 else 0)
        right >>= 1
    return product


def _substitutes() -> bytes:
    """FIPS 197 section 5.1.1: the inverse, and behind it the affine map."""
    inverses = [0] + [next(two for two in range(256) if _times(one, two) == 1) for one in range(1, 256)]
    rotated = [[(one << turn | one >> (8 - turn)) & 0xFF for turn in range(5)] for one in inverses]
    return bytes(one[0] ^ one[1] ^ one[2] ^ one[3] ^ one[4] ^ 0x63 for one in rotated)


_SUBSTITUTES = _substitutes()


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ two for one, two in zip(left, right, strict=True))


def _round_keys(key: bytes) -> list[bytes]:
    """FIPS 197 section 5.2."""
    size = len(key) // 4
    words = [key[at : at + 4] for at in range(0, len(key), 4)]
    for number in range(size, 4 * (size + 7)):
        word = words[-1]
        if number % size == 0:
            turned = (word[1:] + word[:1]).translate(_SUBSTITUTES)
            word = bytes([turned[0] ^ _RCON[number // size - 1]]) + turned[1:]
        elif size == 8 and number % size == 4:
            word = word.translate(_SUBSTITUTES)
        words.append(_xor(words[-size], word))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def _mixed(state: bytes) -> bytes:
    """FIPS 197 section 5.1.3."""
    columns = [state[at : at + 4] for at in range(0, BLOCK, 4)]
    return bytes(
        _times(column[row], 2) ^ _times(column[(row + 1) % 4], 3) ^ column[(row + 2) % 4] ^ column[(row + 3) % 4]
        for column in columns
        for row in range(4)
    )


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """AES of one block, FIPS 197 section 5.1."""
    first, *rounds = _round_keys(key)
    state = _xor(block, first)
    for number, round_key in enumerate(rounds, 1):
        substituted = state.translate(_SUBSTITUTES)
        shifted = bytes(substituted[(at + 4 * (at % 4)) % BLOCK] for at in range(BLOCK))
        state = _xor(shifted if number == len(rounds) else _mixed(shifted), round_key)
    return state


def _doubled(block: bytes) -> bytes:
    """RFC 5297 section 2.3."""
    number = int.from_bytes(block, "big") << 1
    return (number & (2**128 - 1) ^ (0x87 if number >> 128 else 0)).to_bytes(BLOCK, "big")


def cmac(key: bytes, data: bytes) -> bytes:
    """RFC 4493."""
    once = _doubled(encrypt_block(key, bytes(BLOCK)))
    whole = bool(data) and len(data) % BLOCK == 0
    padded = data if whole else data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)
    chained = bytes(BLOCK)
    for at in range(0, len(padded) - BLOCK, BLOCK):
        chained = encrypt_block(key, _xor(chained, padded[at : at + BLOCK]))
    return encrypt_block(key, _xor(chained, _xor(padded[-BLOCK:], once if whole else _doubled(once))))


def _s2v(key: bytes, associated: bytes, text: bytes) -> bytes:
    """RFC 5297 section 2.4, for one component of associated data."""
    digest = _xor(_doubled(cmac(key, bytes(BLOCK))), cmac(key, associated))
    if len(text) >= BLOCK:
        return cmac(key, text[:-BLOCK] + _xor(text[-BLOCK:], digest))
    return cmac(key, _xor(_doubled(digest), text + b"\x80" + bytes(BLOCK - len(text) - 1)))


def encrypt(key: bytes, associated: bytes, text: bytes) -> bytes:
    """The synthetic IV, and ``text`` encrypted: RFC 5297 section 2.6. ``key``: 32, 48 or 64 octets."""
    half = len(key) // 2
    synthetic = _s2v(key[:half], associated, text)
    counter = int.from_bytes(synthetic, "big") & ~(1 << 63 | 1 << 31)
    stream = b"".join(
        encrypt_block(key[half:], ((counter + number) % 2**128).to_bytes(BLOCK, "big"))
        for number in range(-(-len(text) // BLOCK))
    )
    return synthetic + _xor(text, stream[: len(text)])
