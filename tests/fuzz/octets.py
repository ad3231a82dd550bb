"""Octets of a fuzzer as the texts that an MTA would make of them."""


def text(octets: bytes) -> str:
    """UTF-8, with other octets as surrogates, as pymilter's values are read."""
    return octets.decode("utf-8", "surrogateescape")
