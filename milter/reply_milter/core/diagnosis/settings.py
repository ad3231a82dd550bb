"""Settings that are allowed, but that an operator should know about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from reply_milter.core.diagnosis.problem import TOML, Problem, Remedy, error, note, warning

_WIDE = {4: 8, 6: 16}  # networks with shorter prefixes belong to more than one site


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """``warnings``: as the reader of the configuration reported them."""

    warnings: Sequence[str]
    observe: bool
    accepts_without_store: bool
    peers: Sequence[IPv4Network | IPv6Network]
    trusted: Sequence[IPv4Network | IPv6Network]
    metrics_local: bool


def examine(settings: SettingsFacts) -> Iterator[Problem]:
    """Examine all settings."""
    for text in settings.warnings:
        yield warning("config.warning", text, "reported when the configuration was read")
    yield from _networks(settings)
    if settings.observe:
        yield note(
            "config.observe",
            "policy.mode is observe",
            "nothing is refused; verdicts say what enforce would do",
            Remedy(TOML, 'mode = "enforce"', "[policy]"),
        )
    if settings.accepts_without_store:
        yield note(
            "config.on_failure",
            "store.on_failure is accept",
            "while the store is unavailable, replies pass with replay=unknown; the hook must check for that",
        )
    if not settings.metrics_local:
        yield note(
            "config.metrics",
            "metrics.listen is open to other hosts",
            "every host that can connect can read the metrics",
        )


def _networks(settings: SettingsFacts) -> Iterator[Problem]:
    """Examine networks that are too large to be one site's own."""
    for network in settings.trusted:
        if network.prefixlen < _WIDE[network.version]:
            yield error(
                "config.trusted",
                f"sign.trusted holds {network}",
                "every host there can have reply addresses minted, in any user's name",
                Remedy(TOML, 'trusted = ["127.0.0.1"]', "[sign]"),
            )
    for network in settings.peers:
        if network.prefixlen < _WIDE[network.version]:
            yield warning(
                "config.peers",
                f"verify.peers holds {network}",
                "a sealed reply that is sent again from there passes without a claim",
                Remedy(TOML, "peers = []", "[verify]"),
            )
