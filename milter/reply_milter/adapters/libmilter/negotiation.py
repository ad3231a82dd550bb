"""What each kind of milter negotiates with the MTA (SMFIC_OPTNEG)."""

from dataclasses import dataclass

import Milter

from reply_milter.ports import Stage


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What one kind of milter asks of the MTA: the ``steps`` that it does not need, and the ``actions`` that it needs.

    ``at_rcpt``, ``at_end``: the names of RCPT and end of message in metrics. ``asks_login``: whether MAIL needs to know
    as whom the client has authenticated.
    """

    steps: int
    actions: int
    at_rcpt: Stage
    at_end: Stage
    asks_login: bool = False

    @property
    def stages(self) -> tuple[Stage, Stage]:
        """Both stages."""
        return self.at_rcpt, self.at_end

    def choose(self, offered: int, over_tcp: bool, early: bool) -> int:
        """Return the steps for a session with an MTA that has ``offered`` these.

        Over TCP we answer DATA, whoever the MTA is. Postfix sends the macros of DATA in any case; unanswered, they are
        acknowledged after 40 ms, and what it writes behind them waits for that.

        ``early``: DATA may end a message, so only replies have their body sent; its pieces then need no answer. An MTA
        that cannot leave DATA out is too old to have it: nothing changes for its sessions.

        DATA takes the end of the header with it: in libmilter, a body may follow RCPT or a header, but not DATA. A
        message without any header field would never get its answer.
        """
        steps = offered & self.steps
        early = early and bool(offered & Milter.P_NODATA)
        if over_tcp or early:
            steps = steps & ~int(Milter.P_NODATA | Milter.P_NOEOH) | offered & int(Milter.P_NR_EOH)
        if early:
            steps = steps & ~int(Milter.P_SKIP) | offered & int(Milter.P_NR_BODY)
        return steps


_NEVER = Milter.P_NOHELO | Milter.P_NOUNKNOWN | Milter.P_NODATA | Milter.P_NOEOH
_SILENT = Milter.P_NR_CONN | Milter.P_NR_MAIL | Milter.P_NR_HDR
EDITS = Milter.ADDHDRS | Milter.CHGHDRS
VERIFY = Negotiation(
    steps=_NEVER | Milter.P_SKIP | _SILENT,
    actions=EDITS | Milter.DELRCPT | Milter.QUARANTINE,
    at_rcpt=Stage.RCPT,
    at_end=Stage.EOM,
)
SIGN = Negotiation(
    steps=_NEVER | Milter.P_NOBODY | _SILENT,
    actions=EDITS,
    at_rcpt=Stage.SIGN_RCPT,
    at_end=Stage.SIGN_EOM,
    asks_login=True,
)
