"""The Public Suffix List, as it comes with its library: where one owner's names end and another's begin."""

from functools import cache

from publicsuffixlist import PublicSuffixList

from reply_milter.core.rules.authentication import Organisational


@cache
def organisational_domains() -> Organisational:
    """The domain that the owner of a name registered; None for a public suffix, and for nonsense. Takes 50 ms and 5 MB.

    RFC 7489 section 3.2. Domains under which others are given names (``github.io``) are suffixes as well.
    """
    return PublicSuffixList().privatesuffix
