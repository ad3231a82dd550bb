"""``accept_early``: whether this Postfix lets a milter accept a message at DATA without being led past it later."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters
from reply_milter.core.diagnosis.postfix.site import MasterService, Ours, Site
from reply_milter.core.diagnosis.problem import TOML, Problem, Remedy, note, warning

_RESTRICTIONS = "smtpd_end_of_data_restrictions"
_MENDED = "20260803"  # mail_release_date of the first Postfix that forgets an accepted message which these refuse
_TABLE = "[verify]"


def examine(site: Site, ours: Ours, listening: Endpoint) -> Iterator[Problem]:
    """Warn where the setting is on and a client could use it; recommend it where it is off and safe."""
    asking = [service for service in site.smtpd_services() if _asks(site, service, listening)]
    unsafe = [] if _mended(site) else [service for service in asking if service.get(_RESTRICTIONS)]
    if ours.accept_early:
        for service in unsafe:
            yield warning(
                "postfix.accept_early",
                f"accept_early is on, and {service.where(_RESTRICTIONS)} has {_RESTRICTIONS}",
                f"in this Postfix ({site.get('mail_version')}), a client whose message these refuse can send further"
                " mail in the same session that the milter never sees",
                Remedy(TOML, "accept_early = false", _TABLE),
            )
    elif asking and not unsafe:
        yield note(
            "postfix.accept_early",
            "accept_early is off, and this Postfix may have it",
            "mail that is no reply would cost Postfix and the milter about half",
            Remedy(TOML, "accept_early = true", _TABLE),
        )


def _asks(site: Site, service: MasterService, listening: Endpoint) -> bool:
    return milters.find(service.get("smtpd_milters"), listening, site.get("queue_directory")) is not None


def _mended(site: Site) -> bool:
    """Whether Postfix is of a date at which the defect was mended; a package may have the change without the date."""
    date = site.get("mail_release_date")
    return date.isdecimal() and len(date) == len(_MENDED) and date >= _MENDED
