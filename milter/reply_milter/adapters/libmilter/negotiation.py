"""What each kind of milter negotiates with the MTA (SMFIC_OPTNEG)."""

from dataclasses import dataclass

from reply_milter.core.milter_protocol.options import TO_SIGN, TO_VERIFY, Needs
from reply_milter.ports import Stage


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What one kind of milter ``needs`` of the MTA.

    ``at_rcpt``, ``at_end``: the names of RCPT and end of message in metrics. ``asks_login``: whether MAIL needs to know
    as whom the client has authenticated.
    """

    needs: Needs
    at_rcpt: Stage
    at_end: Stage
    asks_login: bool = False

    @property
    def stages(self) -> tuple[Stage, Stage]:
        """Both stages."""
        return self.at_rcpt, self.at_end


VERIFY = Negotiation(TO_VERIFY, at_rcpt=Stage.RCPT, at_end=Stage.EOM)
SIGN = Negotiation(TO_SIGN, at_rcpt=Stage.SIGN_RCPT, at_end=Stage.SIGN_EOM, asks_login=True)
