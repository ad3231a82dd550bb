"""What an operator says about verifying native addresses: ``[handler.verify]``, read."""

from dataclasses import dataclass

from reply_milter.core.native.forms import NativeForm


@dataclass(frozen=True, slots=True)
class LinesFile:
    """A file of JSON lines with the application's users; watched. ``path``: absolute."""

    path: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query to an SQLite database that is opened read-only. ``path``: absolute."""

    path: str
    sql: str


@dataclass(frozen=True, slots=True)
class CanaryUser:
    """A user that the source knows, for the canary. ``handler`` and ``data``: of a data key of Moodle's; else 0."""

    user: int
    handler: int = 0
    data: int = 0


@dataclass(frozen=True, slots=True)
class Verification:
    """How native addresses of one handler are verified, and where the secrets of its users are.

    ``canary``: None where none is sent.
    """

    form: NativeForm
    source: LinesFile | Query
    canary: CanaryUser | None = None
