"""reply-milter, with IMAP's deadlines a minute shorter, so that a test of silent servers needs none. A program."""

import sys

from reply_milter import cli
from reply_milter.adapters.imap import client, idling, session

SECONDS = 2.0

session.Session.begin.__defaults__ = (session.COMMAND_OCTETS, SECONDS)
idling.COMMAND_SECONDS = SECONDS  # type: ignore[attr-defined]
idling.RENEWED_SECONDS = client._CONNECT_SECONDS = SECONDS
session._CLOSE_SECONDS = SECONDS / 4
sys.exit(cli.main())
