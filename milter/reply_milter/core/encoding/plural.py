"""A number with its noun, for people: ``1 reply``, ``2 replies``."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``number`` with the noun ``one``, or with its plural: ``many``, or ``one`` with an ``s``."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
