"""What a user may say of each pixel, in channels: one class for each, from the hand to the network.

A channel is added by a class in a module of its own, its entry in `CHANNELS`, a widget that hands it to the session,
and a test; a network hears those that its config names.
"""

from napari_colorizer.guidance.channel import GuidanceChannel
from napari_colorizer.guidance.labels import LabelChannel

CHANNELS: dict[str, type[GuidanceChannel]] = {LabelChannel.name: LabelChannel}

__all__ = ["CHANNELS", "GuidanceChannel", "LabelChannel"]
