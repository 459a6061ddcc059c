"""Codecs, channels, data sets and metrics of other packages.

A package names a module under the entry point group ``semcom.plugins``; when it is imported, that
module puts what it brings into the plain dictionaries: :data:`semcom.codecs.CODECS`,
:data:`semcom.metrics.METRICS`, :data:`semcom.data.DATASETS`, :data:`channels.CHANNELS` with
:data:`channels.link.PATHS`. Every process that runs a scenario loads the same plugins, so they work
with any number of workers.
"""

from __future__ import annotations

import importlib.metadata
from functools import cache

__all__ = ["load_plugins"]

_GROUP = "semcom.plugins"


@cache
def load_plugins() -> dict[str, str]:
    """Import every plugin that is installed, once; name and version of the packages they are from.

    :raises ImportError: if one cannot be imported; the message names it and its package
    """
    found = {}
    for plugin in importlib.metadata.entry_points(group=_GROUP):
        name = plugin.dist.name if plugin.dist else plugin.value
        try:
            plugin.load()
        except Exception as error:
            raise ImportError(
                f"the plugin {plugin.name} of the package {name} cannot be loaded ({error!r}): "
                f"correct it or uninstall {name}"
            ) from error
        found[name] = plugin.dist.version if plugin.dist else "unknown"
    return found
