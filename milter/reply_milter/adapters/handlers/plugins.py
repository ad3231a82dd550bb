"""Load handlers of other packages, by entry points of the group ``reply_milter.handlers``.

An entry point names a callable that takes the settings of ``[handler.delivery]`` (a mapping, without ``type``) and
returns an object with ``name``, ``description`` and ``process(reply)``: see ``reply_milter.plugin``.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from reply_milter.core.verdict.destination import PlugIn
from reply_milter.ports.delivery import Deliverer

GROUP = "reply_milter.handlers"


class PlugInError(Exception):
    """A plug-in can't be used. The message says why."""


def plug_in_names() -> list[str]:
    """Return the names of the installed plug-ins."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


def load_plug_in(plug_in: PlugIn) -> Deliverer:
    """Make the plug-in's handler.

    Raises:
        PlugInError: it is not installed, can't be imported, or does not take its settings.
    """
    found: list[EntryPoint] = [entry for entry in entry_points(group=GROUP) if entry.name == plug_in.name]
    if not found:
        installed = ", ".join(plug_in_names()) or "none"
        raise PlugInError(f"there is no plug-in {plug_in.name!r} (installed: {installed})")
    try:
        made = found[0].load()(dict(plug_in.settings))
    except Exception as error:  # foreign code: whatever it raises, the configuration can't be used
        raise PlugInError(f"the plug-in {plug_in.name!r} does not take these settings: {error}") from error
    if not callable(getattr(made, "process", None)):
        raise PlugInError(f"the plug-in {plug_in.name!r} has no method process(reply)")
    return cast(Deliverer, made)
