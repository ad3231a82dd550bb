"""All rules about Postfix, in the order in which mail meets them."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import (
    application_roads,
    early,
    milter_bypass,
    milter_settings,
    overridden,
    recipients,
    rewriting,
    sender_authentication,
    sign_place,
    smtp,
)
from reply_milter.core.diagnosis.postfix.site import Ours, Site
from reply_milter.core.diagnosis.problem import Problem


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine ``site``, whose tables have been looked up. The same problem may come more than once."""
    if ours.verify is not None:
        yield from milter_bypass.examine(site, ours, ours.verify)
    if ours.sign is not None:
        yield from milter_bypass.examine_signing(site, ours.sign)
    for service in site.smtpd_services():
        yield from milter_settings.examine(site, ours, service)
        yield from smtp.examine(site, ours, service)
        if ours.verify is not None:
            yield from sender_authentication.examine(site, ours, service, ours.verify)
    yield from smtp.examine_site(site, ours)
    yield from sender_authentication.examine_site(site, ours)
    if ours.verify is not None:
        yield from early.examine(site, ours, ours.verify)
        yield from recipients.examine(site, ours)
    yield from application_roads.examine(site, ours)
    yield from sign_place.examine(site, ours)
    yield from overridden.examine(site, ours)
    yield from rewriting.examine(site, ours)
    yield from rewriting.broken_tables(site)
