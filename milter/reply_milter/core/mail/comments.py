"""RFC 5322 comments, removed in one pass with bounds, nested or unbalanced as they may be."""


def without_comments(value: str) -> str:
    """``value`` without its parenthesised comments; those inside a quoted string stay (RFC 5322 section 3.2.2)."""
    if "(" not in value:
        return value
    kept: list[str] = []
    depth = 0
    quoted = escaped = False
    for character in value:
        opens = character == "(" and not quoted and not escaped
        closes = character == ")" and depth > 0 and not escaped
        depth += opens - closes
        if character == '"' and not depth and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
        if not depth and not closes:
            kept.append(character)
    return "".join(kept)
