"""Settings of services that ask the milter: order, time-outs, macros, protocol, and ``default_action``."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters, syntax
from reply_milter.core.diagnosis.postfix.milters import Milter
from reply_milter.core.diagnosis.postfix.site import MasterService, Ours, Site
from reply_milter.core.diagnosis.problem import Problem, error, note, warning

_PROTOCOL = 6  # of Postfix 2.6 and later: header positions, SKIP, no replies
_NEEDED: dict[str, tuple[str, ...]] = {
    "milter_rcpt_macros": ("{rcpt_addr}", "{rcpt_mailer}"),
    "milter_end_of_data_macros": ("i",),
}
_NEEDED_TO_SIGN: dict[str, tuple[str, ...]] = {"milter_mail_macros": ("{auth_authen}",)}
_TIMEOUTS = {"command_timeout": 30, "content_timeout": 300}


def examine(site: Site, ours: Ours, service: MasterService) -> Iterator[Problem]:
    """Examine one service, if it asks the milter."""
    queue_directory = site.get("queue_directory")
    for listening in (ours.verify, ours.sign):
        listed = service.get("smtpd_milters")
        number = milters.find(listed, listening, queue_directory)
        if listening is None or number is None:
            continue
        milter = milters.read(listed)[number]
        yield from _path(service, milter, listening, queue_directory)
        yield from _action(site, ours, service, milter, listening)
        yield from _times(site, ours, service, milter, listening)
        yield from _protocol(site, service, milter, listening)
        yield from _macros(service, _NEEDED if listening is ours.verify else _NEEDED_TO_SIGN)
        if listening is ours.verify:
            yield from _last(ours, service, number, queue_directory)
            yield from _whole_message(service)


def _path(service: MasterService, milter: Milter, listening: Endpoint, queue_directory: str) -> Iterator[Problem]:
    if service.chroot and milter.place is not None and milter.place.path.startswith("/"):
        yield error(
            "postfix.chroot",
            f"{service.where('smtpd_milters')}: {milter.place} is an absolute path, but service {service} is chrooted",
            f"it looks below {queue_directory}, where nothing answers, so default_action decides about its mail",
            service.put("smtpd_milters", milters.entry(listening, queue_directory, {})),
        )


def _action(site: Site, ours: Ours, service: MasterService, milter: Milter, listening: Endpoint) -> Iterator[Problem]:
    """Examine what happens while the milter is down."""
    action = milter.setting("default_action", service.settings)
    mend = milters.mend_entry(site, service, listening, {"default_action": "tempfail"})
    what = f"{service.where('smtpd_milters')}: default_action is {action} for {listening}"
    if action == "accept":
        hard = bool(ours.wrapped) if listening is ours.sign else not ours.hook
        why = "while the milter is down, replies pass unverified, without a seal"
        if listening is ours.sign:
            why = f"while the milter is down, notifications leave with {unsigned(ours)}"
        yield (error if hard else warning)("postfix.default_action", what, why, mend)
    elif action == "reject":
        yield error("postfix.default_action", what, "while the milter is down, all mail of this service bounces", mend)
    elif action == "quarantine":
        yield warning(
            "postfix.default_action", what, "while the milter is down, all mail of this service is put on hold", mend
        )
    elif listening is ours.verify and not _only_ours(service):
        yield note(
            "postfix.layout",
            f"{service.where('smtpd_milters')}: mail for other domains depends on the milter, too",
            f"while the milter is down, default_action={action} applies to all mail of the same smtpd; "
            "an smtpd of its own for the reply domain avoids that (contrib/postfix, layout 2)",
        )


def unsigned(ours: Ours) -> str:
    """Say with which addresses notifications leave that sign mode does not see."""
    return "the application's own addresses, keys included" if ours.wrapped else "no reply address"


def _only_ours(service: MasterService) -> bool:
    """Return whether a service takes mail for listed recipients only, or only from clients that log in."""
    relay = [name for name, _ in syntax.restrictions(service.get("smtpd_relay_restrictions"))]
    return (relay[:1] == ["check_recipient_access"] and "reject" in relay) or relay[:1] == ["permit_sasl_authenticated"]


def _times(site: Site, ours: Ours, service: MasterService, milter: Milter, listening: Endpoint) -> Iterator[Problem]:
    for name, default in _TIMEOUTS.items():
        wait = syntax.seconds(milter.setting(name, service.settings), default)
        if listening is ours.verify and wait * 1000 <= ours.timeout_ms:
            longer = f"{ours.timeout_ms // 1000 * 2 + 10}s"
            yield error(
                "postfix.timeout",
                f"{service.where('smtpd_milters')}: {name} is {wait} s, and store.timeout_ms {ours.timeout_ms}",
                "Postfix gives up the milter before the milter gives up the store, and default_action decides",
                milters.mend_entry(site, service, listening, {name: longer}),
            )


def _protocol(site: Site, service: MasterService, milter: Milter, listening: Endpoint) -> Iterator[Problem]:
    version = milter.setting("protocol", service.settings)
    if version.isdecimal() and int(version) < _PROTOCOL:
        yield error(
            "postfix.protocol",
            f"{service.where('smtpd_milters')}: milter protocol {version} for {listening}",
            f"before version {_PROTOCOL}, headers cannot be put at their place",
            milters.mend_entry(site, service, listening, {"protocol": str(_PROTOCOL)}),
        )


def _macros(service: MasterService, needed: dict[str, tuple[str, ...]]) -> Iterator[Problem]:
    for name, macros in needed.items():
        listed = list(syntax.elements(service.get(name)))
        missing = [macro for macro in macros if macro not in listed and macro.strip("{}") not in listed]
        if missing:
            yield error(
                "postfix.macros",
                f"{service.where(name)}: {name} lacks {' '.join(missing)}",
                "the milter does not learn how Postfix reads a recipient, or who has logged in",
                service.put(name, " ".join([*listed, *missing])),
            )
    invented = [
        word for word in ("rcpt_addr", "rcpt_mailer", "auth_authen") if word in service.get("milter_macro_defaults")
    ]
    if invented:
        yield error(
            "postfix.macro_defaults",
            f"{service.where('milter_macro_defaults')}: milter_macro_defaults gives {invented[0]} a value",
            "the milter believes it: a local submission looks like one over SMTP, or an unknown client seems logged in",
            service.put("milter_macro_defaults", ""),
        )


def _last(ours: Ours, service: MasterService, number: int, queue_directory: str) -> Iterator[Problem]:
    listed = milters.read(service.get("smtpd_milters"))
    after = listed[number + 1 :]
    if not after or milters.find(service.get("smtpd_milters"), ours.sign, queue_directory) is not None:
        return  # a milter after our sign milter signs what we minted: that is its place
    texts = [milter.text for place, milter in enumerate(listed) if place != number]
    names = ", ".join(str(milter.place or milter.text) for milter in after)
    yield warning(
        "postfix.order",
        f"{service.where('smtpd_milters')}: milters after ours: {names}",
        'what a later milter refuses is already taken here: the retry of the sender is refused as "already received"',
        service.put("smtpd_milters", ", ".join([*texts, listed[number].text])),
    )


def _whole_message(service: MasterService) -> Iterator[Problem]:
    if service.get("smtpd_proxy_filter"):
        yield error(
            "postfix.proxy_filter",
            f"{service.where('smtpd_proxy_filter')}: smtpd_proxy_filter is {service.get('smtpd_proxy_filter')}",
            "Postfix then shows milters only the envelope: configure the milter in the smtpd behind the filter",
            service.put("smtpd_proxy_filter", ""),
        )
