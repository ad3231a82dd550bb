"""``smtpd_milters``: its syntax, and our entry in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reply_milter.core.diagnosis import endpoint
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.site import MasterService, Settings, Site
from reply_milter.core.diagnosis.problem import MAIN_CF, Remedy

LISTS = ("smtpd_milters", "non_smtpd_milters")
_OPTIONS = {"connect_timeout": "5s", "command_timeout": "10s", "content_timeout": "30s", "default_action": "tempfail"}


@dataclass(frozen=True, slots=True)
class Milter:
    """One entry. ``text`` as it is written; ``options`` without their prefix ``milter_``."""

    text: str
    place: Endpoint | None
    options: Mapping[str, str] = field(default_factory=dict)

    def setting(self, name: str, settings: Settings) -> str:
        """Return the option ``name`` of the entry, or else the value for all milters."""
        return self.options.get(name) or settings.get(f"milter_{name}", "")


def read(value: str) -> tuple[Milter, ...]:
    """Read all entries of a list of milters."""
    return tuple(_milter(element) for element in syntax.elements(value))


def _milter(element: str) -> Milter:
    inner = syntax.inside_braces(element)
    if not inner:
        return Milter(element, endpoint.parse(element))
    first, options = syntax.options(inner)
    return Milter(element, endpoint.parse(first), options)


def find(value: str, listening: Endpoint | None, queue_directory: str) -> int | None:
    """Return which entry of a list reaches ``listening``, counted from 0; None if none does."""
    if listening is None:
        return None
    for number, milter in enumerate(read(value)):
        if milter.place is not None and milter.place.reaches(listening, queue_directory):
            return number
    return None


def reference(site: Site, listening: Endpoint) -> str:
    """Return how main.cf refers to our entry: ``$reply_milter``, or the entry itself if no parameter holds it."""
    queue_directory = site.get("queue_directory")
    for name, value in site.raw.items():
        if name not in LISTS and value and len(read(value)) == 1 and find(value, listening, queue_directory) == 0:
            return f"${name}"
    return entry(listening, queue_directory, {})


def entry(listening: Endpoint, queue_directory: str, changed: Mapping[str, str]) -> str:
    """Return an entry that reaches us, with the options of contrib/postfix, except ``changed`` ones."""
    place = short(listening, queue_directory)
    return f"{{ {', '.join([place, *(f'{name}={value}' for name, value in {**_OPTIONS, **changed}.items())])} }}"


def short(listening: Endpoint, queue_directory: str) -> str:
    """Return where Postfix reaches us: a path relative to its queue directory means the same in a chroot."""
    if listening.path:
        return f"unix:{listening.path.removeprefix(queue_directory.rstrip('/') + '/')}"
    return str(listening.for_client())


def mend_entry(site: Site, service: MasterService, listening: Endpoint, changed: Mapping[str, str]) -> Remedy:
    """Return the line that gives our entry other options; if a parameter holds it, the line redefines that."""
    name = reference(site, listening)
    queue_directory = site.get("queue_directory")
    found = find(service.get("smtpd_milters"), listening, queue_directory)
    milters = read(service.get("smtpd_milters"))
    options = {**(milters[found].options if found is not None else {}), **changed}
    new = entry(listening, queue_directory, options)
    if name.startswith("$"):
        return Remedy(MAIN_CF, f"{name[1:]} = {new}")
    texts = [new if number == found else milter.text for number, milter in enumerate(milters)]
    return service.put("smtpd_milters", ", ".join(texts))
