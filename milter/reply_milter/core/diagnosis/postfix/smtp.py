"""Settings of smtpd that do not concern milters, but affect reply mail."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import milters, syntax
from reply_milter.core.diagnosis.postfix.site import MasterService, Ours, Site, put
from reply_milter.core.diagnosis.problem import MASTER_CF, Problem, Remedy, error, note, warning

_LOOPBACK = ("127.", "[::1]", "::1", "localhost")
_GOOD = frozenset({"yes", "normalize", "reject"})


def examine(site: Site, ours: Ours, service: MasterService) -> Iterator[Problem]:
    """Examine one service, even if it does not ask the milter: these settings take effect before it."""
    yield from _bare_newline(site, service)
    yield from _claimed_clients(ours, service)
    yield from _end_of_data(service)
    name = "smtpd_command_filter"
    if service.get(name):
        yield warning(
            "postfix.command_filter",
            f"{service.where(name)}: {name} is {service.get(name)}",
            "it changes commands of clients, with their addresses, before they are read",
            service.put(name, ""),
        )
    if service.get("disable_vrfy_command") != "yes":
        yield warning(
            "postfix.vrfy",
            f"{service.where('disable_vrfy_command')}: disable_vrfy_command is no",
            "VRFY answers about reply addresses without asking the milter",
            service.put("disable_vrfy_command", "yes"),
        )


def _bare_newline(site: Site, service: MasterService) -> Iterator[Problem]:
    name = "smtpd_forbid_bare_newline"
    why = "SMTP smuggling (CVE-2023-51764) carries a second message past the checks of the first"
    if name not in site.main:
        yield error(
            "postfix.bare_newline",
            f"this Postfix ({site.get('mail_version')}) has no {name}",
            why,
            Remedy("shell", "apt-get install --only-upgrade postfix"),
        )
    elif service.get(name) not in _GOOD:
        yield error(
            "postfix.bare_newline",
            f"{service.where(name)}: {name} is {service.get(name)}",
            why,
            service.put(name, "normalize"),
        )


def _claimed_clients(ours: Ours, service: MasterService) -> Iterator[Problem]:
    """Examine XCLIENT and XFORWARD: which hosts may claim another client address."""
    xclient = service.get("smtpd_authorized_xclient_hosts")
    if xclient:
        name = "smtpd_authorized_xclient_hosts"
        severity = error if ours.believes_addresses and not _local(xclient) else warning
        yield severity(
            "postfix.xclient",
            f"{service.where(name)}: {name} is {xclient}",
            "those hosts may claim any client address, to avoid limits, or to pass as a peer or trusted client",
            service.put(name, ""),
        )
    xforward = service.get("smtpd_authorized_xforward_hosts")
    if xforward and not _local(xforward):
        name = "smtpd_authorized_xforward_hosts"
        yield warning(
            "postfix.xforward",
            f"{service.where(name)}: {name} is {xforward}",
            "other hosts may write any client address into the log",
            service.put(name, "127.0.0.0/8"),
        )


def _local(hosts: str) -> bool:
    return all(host.startswith(_LOOPBACK) for host in syntax.elements(hosts))


def _end_of_data(service: MasterService) -> Iterator[Problem]:
    name = "smtpd_end_of_data_restrictions"
    if service.get(name):
        yield warning(
            "postfix.end_of_data",
            f"{service.where(name)}: {name} is {service.get(name)}",
            "in Postfix before August 2026, a message refused by these leaves Postfix and milters in different states; "
            "the same restrictions work in other lists",
            service.put(name, ""),
        )


def examine_site(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine what belongs to no single service."""
    for service in site.services:
        if service.program == "postscreen" and service.own.get("smtpd_milters"):
            yield warning(
                "postfix.postscreen",
                f"{MASTER_CF}, service {service}: postscreen is given smtpd_milters",
                "postscreen asks no milter; the smtpd behind it does, with its own settings",
                service.put("smtpd_milters", ""),
            )
    queue_directory = site.get("queue_directory")
    if ours.verify and milters.find(site.get("non_smtpd_milters"), ours.verify, queue_directory) is None:
        yield note(
            "postfix.local",
            "mail that programs of this host submit with sendmail(1) is not checked",
            "replies among it arrive without a seal",
            put("non_smtpd_milters", milters.reference(site, ours.verify)),
        )
    yield from _size(site, ours)


def _size(site: Site, ours: Ours) -> Iterator[Problem]:
    text = site.get("message_size_limit")
    limit = int(text) if text.isdecimal() else 0
    why = "a message between the two limits is refused only after all of it was sent"
    if not limit or limit > ours.max_message_bytes:
        yield note(
            "postfix.size",
            f"message_size_limit is {text}, and verify.max_message_bytes {ours.max_message_bytes}",
            why,
            put("message_size_limit", str(ours.max_message_bytes)),
        )
