"""All rules about Postfix, in the order in which mail meets them."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import asking, doors, early, recipients, rewriting, smtp, vouching
from reply_milter.core.diagnosis.postfix.site import Ours, Site
from reply_milter.core.diagnosis.problem import Problem


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine ``site``, whose tables have been looked up. The same problem may come more than once."""
    if ours.verify is not None:
        yield from doors.examine(site, ours, ours.verify)
    if ours.sign is not None:
        yield from doors.examine_signing(site, ours.sign)
    for door in site.doors():
        yield from asking.examine(site, ours, door)
        yield from smtp.examine(site, ours, door)
        if ours.verify is not None:
            yield from vouching.examine(site, ours, door, ours.verify)
    yield from smtp.examine_site(site, ours)
    yield from vouching.examine_site(site, ours)
    if ours.verify is not None:
        yield from early.examine(site, ours, ours.verify)
        yield from recipients.examine(site, ours)
    yield from rewriting.examine(site, ours)
    yield from rewriting.broken_tables(site)
