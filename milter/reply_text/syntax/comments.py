"""Remove RFC 5322 comments in one pass with bounds, even nested and unbalanced ones."""


def without_comments(value: str) -> str:
    """Return ``value`` without comments (RFC 5322 section 3.2.2); quoted strings keep their parentheses."""
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
