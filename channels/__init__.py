"""Digital links for byte payloads: channel codes, modulations and channel models.

>>> from channels import Link, LinkSettings
>>> link = Link(LinkSettings(rate=0.5, modulation="16qam", channel="awgn"))
>>> result = link.transmit([b"first", b"second"], esn0_db=12.0, seeds=[1, 2])
>>> result.payloads, sum(result.reports).payloads_lost
([b'first', b'second'], 0)
"""

from channels.link import Link, LinkReport, Transmission
from channels.settings import CHANNELS, CODES, MODULATIONS, LinkSettings, OfdmSettings

__all__ = [
    "CHANNELS",
    "CODES",
    "MODULATIONS",
    "Link",
    "LinkReport",
    "LinkSettings",
    "OfdmSettings",
    "Transmission",
]
