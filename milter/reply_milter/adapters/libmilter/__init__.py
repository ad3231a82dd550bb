"""The door to the MTA: libmilter's callbacks, its answers, and the sockets that it listens on."""

from reply_milter.adapters.libmilter.callbacks import SIGN, VERIFY, MilterCallbacks
from reply_milter.adapters.libmilter.listening import ListenError, adopt, listen, serve

__all__ = ["SIGN", "VERIFY", "ListenError", "MilterCallbacks", "adopt", "listen", "serve"]
