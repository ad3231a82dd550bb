"""``python -m reply_milter``: the same as the ``reply-milter`` command."""

import sys

from reply_milter.cli import main

sys.exit(main())
