"""What each handler of these tests is given."""

import time

from reply_milter.adapters.os.host_names import HostNames
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.delivery.sample_reply import sample_reply
from tests.support.fakes import FixedClock
from tests.support.hosts.hooked import ID

NAMES = HostNames()


def reply() -> Reply:
    """Something to hand over."""
    return sample_reply(ID, int(time.time()))


def now() -> FixedClock:
    """The receiver looks at the time of a signature."""
    return FixedClock(int(time.time()))
