"""The MTA's milter protocol: libmilter's callbacks, its answers, and the sockets that it listens on."""

from reply_milter.adapters.libmilter.callbacks import MilterCallbacks
from reply_milter.adapters.libmilter.listening import ListenError, listen
from reply_milter.adapters.libmilter.negotiation import SIGN, VERIFY

__all__ = ["SIGN", "VERIFY", "ListenError", "MilterCallbacks", "listen"]
