"""What is counted and logged. Labels are bounded sets, never client text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from reply_milter.core.verdict.reasons import Reason
from reply_milter.ports.store import Replay


class Stage(StrEnum):
    """Where in a message something is decided, as metrics and log name it."""

    RCPT = "rcpt"
    EOM = "eom"
    SIGN_RCPT = "sign_rcpt"
    SIGN_EOM = "sign_eom"


class Fate(StrEnum):
    """What became of a reply, as metrics and log name it: the actions of a policy, and one more."""

    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"
    DISCARD = "discard"
    PARK = "park"
    DROPPED = "dropped"  # the reply recipient was removed from a message that others get


class Sight(StrEnum):
    """What became of mail to a wrapped application's own address."""

    PASSED = "passed"  # it was sealed, and the hook restores it
    REFUSED = "refused"  # the address is right, and native addresses are refused
    UNFIT = "unfit"  # the application gives out no such address; or the message is malformed, too large, or a loop
    BESIDE = "beside"  # removed: the message has the right address of the same application, too
    WOULD_REFUSE = "would_refuse"  # in observe mode: it passed


class Decision(NamedTuple):
    """What was decided about a reply, for log and metrics. Never a mail address.

    ``because``: more of the reason, for the log alone. ``would``: in observe mode, the action of enforce mode.
    ``client``: an IP address, to find the MTA's own line by while there is no queue id. ``road``: a value of
    ``core.wrapping.wrap.Road`` for an application's own address, with ``sight`` once that is final; else both are
    empty.
    """

    stage: Stage
    verdict: Fate
    reason: Reason
    would: str = ""
    handler: str = ""
    token_id: str = ""
    queue_id: str = ""
    replay: str = ""
    because: str = ""
    client: str = ""
    road: str = ""
    sight: Sight | None = None


class Telemetry(Protocol):
    """Counts and logs what verify mode decides. Labels are bounded sets, never client text."""

    def recipient(self, decision: Decision) -> None:
        """Report the answer to one reply recipient at RCPT."""
        ...

    def message(self, decision: Decision) -> None:
        """Report the answer to one message to a reply recipient."""
        ...

    def replay(self, outcome: Replay) -> None:
        """Count the answer to one claim, or that there was none."""
        ...

    def wrong_author(self, last: bool) -> None:
        """Count a wrong author; ``last``: the address has leaked by that."""
        ...

    def address_disagreement(self) -> None:
        """Count an address that the MTA reads in another way than we do."""
        ...

    def headers_stripped(self, count: int) -> None:
        """Count foreign verdict fields that were removed."""
        ...

    def key_used(self, master_id: str, now: int) -> None:
        """Note that a master key verified a reply at ``now``, Unix seconds."""
        ...

    def token_age(self, seconds: int) -> None:
        """Note the age of an address whose reply was accepted."""
        ...


class Minting(StrEnum):
    """What became of a message that asked for a reply address, or that holds a wrapped application's own."""

    MINTED = "minted"
    REFUSED = "refused"  # the request cannot be met: the client hears why
    IGNORED = "ignored"  # it came from someone who may not ask, or from elsewhere
    WRAPPED = "wrapped"  # the application's own address was replaced
    DEFERRED = "deferred"  # neither the message nor the store could hold what its address stands for
    WOULD_WRAP = "would_wrap"  # in observe mode: it left as it came
    WOULD_REFUSE = "would_refuse"


class Lack(StrEnum):
    """What a wrapped notification, or the store, does not hold of what its address stands for."""

    CAPSULE = "capsule"  # it would be too long for an id
    COPY = "copy"  # the store did not take it in time


@dataclass(frozen=True, slots=True)
class Notification:
    """An outgoing message that asked for a reply address, or was wrapped, for log and metrics. Never a reply address.

    ``problem``: why it was refused, or ignored, in words. ``application``: who asked, as the configuration calls it.
    ``lacks``: of one that was wrapped, or deferred for that; ``stored``: the store holds what its address stands for.
    ``untrusted``: it was ignored because its client may not ask, which an operator must hear of.
    """

    outcome: Minting
    handler: str = ""
    token_id: str = ""
    queue_id: str = ""
    problem: str = ""
    application: str = ""
    lacks: tuple[Lack, ...] = ()
    stored: bool = False
    untrusted: bool = False


class MintingTelemetry(Protocol):
    """Counts and logs what sign mode decides."""

    def notification(self, notification: Notification) -> None:
        """Report the answer to one message that asked for a reply address."""
        ...

    def native(self, decision: Decision) -> None:
        """Report a recipient that is a wrapped application's own address, and no longer passes."""
        ...
