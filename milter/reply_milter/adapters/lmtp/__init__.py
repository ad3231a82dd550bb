"""The LMTP server (RFC 2033) to which the MTA hands accepted replies, with places and memory per handler."""

from reply_milter.adapters.lmtp.lanes import Lanes
from reply_milter.adapters.lmtp.server import LmtpServer

__all__ = ["Lanes", "LmtpServer"]
