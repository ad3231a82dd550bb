"""What is measured, and by which names: kinds of mail, filters, smtpds, and how much of each."""

from dataclasses import dataclass

NAMES = {
    "null": "a C loop that says yes, our steps",
    "null early": "a C loop that accepts at DATA",
    "null tcp": "a C loop that says yes, over TCP",
    "empty spare": "empty pymilter, our steps",
    "empty plain": "empty pymilter, all steps",
    "opendkim": "OpenDKIM, verifying unsigned mail",
    "rspamd": "Rspamd, no modules",
    "rspamd replies": "Rspamd, `replies` on Redis and one field added",
    "ours 1": "reply-milter, one worker",
    "ours": "reply-milter",
    "ours early": "reply-milter, `accept_early`",
    "ours loop": "reply-milter, its loop",
    "ours loop early": "reply-milter, its loop, `accept_early`",
    "ours loop compiled": "reply-milter, its loop, compiled",
    "ours loop compiled early": "reply-milter, its loop, compiled, `accept_early`",
    "ours tcp": "reply-milter, over TCP",
    "ours tcp early": "reply-milter, `accept_early`, over TCP",
}
MAILS = {
    "replies": "Genuine replies",
    "ordinary": "Ordinary mail",
    "forged": "Forged recipients",
    "replies25": "Genuine replies of 25 fields",
    "ordinary25": "Ordinary mail of 25 fields",
}
# Which filters get which mail, in this order and back again: what is compared stands side by side.
PLAN: dict[str, tuple[str, ...]] = {
    "replies": (
        "null",
        "null tcp",
        "empty spare",
        "empty plain",
        "opendkim",
        "rspamd",
        "rspamd replies",
        "ours 1",
        "ours",
        "ours tcp",
        "ours early",
        "ours loop",
        "ours loop early",
    ),
    "ordinary": (
        "null tcp",
        "null",
        "empty plain",
        "empty spare",
        "rspamd",
        "ours 1",
        "ours tcp",
        "ours",
        "ours loop",
        "ours early",
        "ours loop early",
        "null early",
        "ours tcp early",
    ),
    "forged": ("opendkim", "ours", "ours loop"),
    "replies25": ("null", "rspamd", "ours"),
    "ordinary25": ("null", "rspamd", "ours", "ours early"),
}
# Both engines beside each other, the loop as it is and compiled, and what it is compared with: ``make bench-engines``.
ENGINES_PLAN: dict[str, tuple[str, ...]] = {
    "replies": ("rspamd replies", "ours", "ours loop", "ours loop compiled"),
    "ordinary": (
        "ours",
        "ours loop",
        "ours loop compiled",
        "ours early",
        "ours loop early",
        "ours loop compiled early",
    ),
}
ALONE = {"replies": ("ours 1", "ours"), "ordinary": ("ours 1", "ours")}  # with one connection
DOORS = {
    "none": "no milter",
    "null": NAMES["null"],
    "ours": NAMES["ours"],
    "ours early": NAMES["ours early"],
    "ours loop early": NAMES["ours loop early"],
    "ours loop compiled early": NAMES["ours loop compiled early"],
    "null early": NAMES["null early"],
    "null tcp": NAMES["null tcp"],
    "null tcp early": "a C loop that accepts at DATA, over TCP",
    "ours tcp": NAMES["ours tcp"],
    "ours tcp early": NAMES["ours tcp early"],
    "ours loop tcp early": "reply-milter, its loop, `accept_early`, over TCP",
}
FULL_DOORS = tuple(door for door in DOORS if "compiled" not in door)
ENGINES_DOORS = (
    "none",
    "null early",
    "ours early",
    "ours loop early",
    "ours loop compiled early",
    "null tcp early",
    "ours tcp early",
    "ours loop tcp early",
)
SESSION = 25  # messages of one connection of the MTA


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. ``warm``: rounds that are thrown away. ``spin_seconds``: of a pure CPU loop.

    ``replies``, ``others``: messages of one sample. Other mail takes less time, and more of it about the same.
    """

    rounds: int
    warm: int
    replies: int
    others: int
    postfix_messages: int
    connections: tuple[int, ...]
    sessions: tuple[int, ...]
    spin_seconds: float

    def count(self, mail: str, connections: int) -> int:
        """Messages of one sample: enough for one whole session on each connection."""
        return max(self.replies if mail.startswith("replies") else self.others, connections * SESSION)

    @property
    def crowds(self) -> tuple[int, ...]:
        """Numbers of connections at which everything is measured."""
        return tuple(connections for connections in self.connections if connections > 1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A ratio of messages per second: ``one`` to ``other``, each a filter with its mail. ``aim``: 0 for none."""

    one: tuple[str, str]
    other: tuple[str, str]
    aim: float = 0.0

    @property
    def words(self) -> str:
        """Its row's name."""
        (one, mail), (other, than) = self.one, self.other
        if mail == than:
            return f"{MAILS[mail].lower()}, {NAMES[one]} : {NAMES[other]}"
        return f"{NAMES[one]}, {MAILS[mail].lower()} : {MAILS[than].lower()}"


COMPARISONS = (
    Comparison(("ours", "replies"), ("opendkim", "replies"), 1.0),
    Comparison(("ours", "replies"), ("rspamd", "replies"), 1.0),
    Comparison(("ours", "replies"), ("rspamd replies", "replies"), 1.0),
    Comparison(("ours", "replies"), ("empty plain", "replies"), 0.45),
    Comparison(("ours", "replies"), ("empty spare", "replies"), 0.45),
    Comparison(("ours tcp", "replies"), ("ours", "replies"), 0.85),
    Comparison(("ours early", "replies"), ("ours", "replies")),
    Comparison(("ours loop", "replies"), ("ours", "replies"), 1.25),
    Comparison(("ours loop", "replies"), ("rspamd replies", "replies"), 1.0),
    Comparison(("ours loop compiled", "replies"), ("ours loop", "replies")),
    Comparison(("ours loop compiled", "replies"), ("rspamd replies", "replies"), 1.0),
    Comparison(("ours loop", "ordinary"), ("ours", "ordinary")),
    Comparison(("ours loop early", "ordinary"), ("ours early", "ordinary")),
    Comparison(("ours loop compiled", "ordinary"), ("ours loop", "ordinary")),
    Comparison(("ours loop compiled early", "ordinary"), ("ours loop early", "ordinary")),
    Comparison(("ours loop", "forged"), ("ours", "forged")),
    Comparison(("ours", "ordinary"), ("rspamd", "ordinary")),
    Comparison(("ours", "ordinary"), ("empty plain", "ordinary"), 0.9),
    Comparison(("ours", "ordinary"), ("empty spare", "ordinary"), 0.9),
    Comparison(("ours early", "ordinary"), ("ours", "ordinary"), 1.8),
    Comparison(("ours tcp", "ordinary"), ("ours", "ordinary"), 0.85),
    Comparison(("ours tcp early", "ordinary"), ("ours early", "ordinary"), 0.85),
    Comparison(("null tcp", "ordinary"), ("null", "ordinary")),
    Comparison(("ours", "forged"), ("opendkim", "forged"), 1.5),
    Comparison(("ours", "replies25"), ("ours", "replies")),
    Comparison(("ours", "ordinary25"), ("ours", "ordinary")),
    Comparison(("ours early", "ordinary25"), ("ours", "ordinary25"), 1.8),
)
# Through Postfix: one door, another, the aim.
DOOR_COMPARISONS = (
    ("ours", "none", 0.93),
    ("ours early", "none", 0.75),
    ("ours loop early", "none", 0.83),
    ("ours loop early", "null early", 0.92),
    ("ours loop early", "ours early", 0.0),
    ("ours loop compiled early", "none", 0.83),
    ("ours loop compiled early", "null early", 0.92),
    ("ours loop compiled early", "ours loop early", 0.0),
    ("ours loop tcp early", "none", 0.83),
    ("ours loop tcp early", "null tcp early", 0.92),
    ("ours loop tcp early", "ours tcp early", 0.0),
    ("null", "none", 0.0),
    ("null early", "none", 0.0),
    ("ours", "null", 0.95),
    ("ours early", "null early", 0.95),
    ("ours tcp", "ours", 0.85),
    ("ours tcp early", "ours early", 0.85),
    ("ours tcp", "null tcp", 0.95),
)
