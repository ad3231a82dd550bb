"""The door to the MTA: libmilter's callbacks, its answers, and the sockets that it listens on."""

from reply_milter.adapters.libmilter.door import SIGN, VERIFY, Door
from reply_milter.adapters.libmilter.listening import ListenError, adopt, listen, serve

__all__ = ["SIGN", "VERIFY", "Door", "ListenError", "adopt", "listen", "serve"]
