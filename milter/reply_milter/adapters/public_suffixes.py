"""The Public Suffix List of its library: which part of a domain name one owner has registered."""

from functools import cache

from publicsuffixlist import PublicSuffixList

from reply_milter.core.rules.authentication import Organisational


@cache
def organisational_domains() -> Organisational:
    """Return a function: the domain that a name's owner registered, None for a public suffix. Takes 50 ms and 5 MB.

    RFC 7489 section 3.2. Domains under which others are given names (``github.io``) are suffixes as well.
    """
    return PublicSuffixList().privatesuffix
