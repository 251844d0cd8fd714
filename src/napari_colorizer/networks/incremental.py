"""What follows the labels in a `TwoStreamUNet`, computed anew only where an edit changes it.

After the instance norms of the gray stream nothing in the network is global. So the output of every layer is kept, and
an edit is followed through the layers: each computes the box that the change has spread to, from kept inputs. What is
kept then is what a pass over the whole image gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.guidance import LabelChannel
from napari_colorizer.networks.local import Layer, follow
from napari_colorizer.networks.two_stream_unet import TwoStreamUNet


class Kept(NamedTuple):
    """The output of a layer, and the box that has changed in it."""

    whole: Tensor
    box: Box


class IncrementalPass:
    """Chroma of one gray image under changing labels.

    Parameters
    ----------
    network : TwoStreamUNet
    gray : list of Tensor
        What ``network.encode_gray`` gives for one image, (1, C, h, w) each.

    Attributes
    ----------
    chroma : Tensor, (1, 2, H, W)
        Scaled as the network gives it; there after the first `update`, and the next may alter it in place.
    """

    chroma: Tensor

    def __init__(self, network: TwoStreamUNet, gray: list[Tensor]):
        self._network = network
        self._outputs: dict[str, Tensor] = {}
        # oneDNN and cuDNN read and write small patches of channels-last tensors without copies
        self._gray = [features.contiguous(memory_format=torch.channels_last) for features in gray]

    @torch.inference_mode()
    def update(self, labels: Tensor, others: Mapping[str, Tensor] | None = None) -> Box | None:
        """Follow the labels, and what is said in the other channels of guidance.

        Parameters
        ----------
        labels : Tensor of integers, (H, W)
            Class ids; H and W multiples of the network's stride.
        others : mapping, optional
            What is said in each of the others, (..., H, W). One that was told once is told each time.

        Returns
        -------
        Box, optional
            Where the chroma may have changed; None where nothing has.
        """
        whole, said = Box.of(labels.shape), {**(others or {}), LabelChannel.name: labels.long()}
        boxes = [self._changed(name, values) for name, values in said.items()] if self._outputs else [whole]
        box = reduce(_joined, boxes)
        if box is None:
            return None
        changed = {}
        for name, values in said.items():
            changed[name] = values[..., *box.slices].clone(memory_format=torch.contiguous_format)
            self._keep(f"said: {name}", changed[name], box, whole)
        embedded = self._network.embed({name: values[None] for name, values in changed.items()}, self._gray[0].dtype)
        begin = self._keep("guidance", embedded, box, whole)
        self.chroma, box = follow(self._network.topology.guidance, begin, self._advance)
        return box

    def _changed(self, name: str, values: Tensor) -> Box | None:
        """Where what is said in a channel, (..., H, W), is not what was said before."""
        before = self._outputs.get(f"said: {name}")
        if before is None:
            return Box.of(values.shape[-2:])
        return Box.around((before != values).flatten(0, -3).any(0) if values.ndim > 2 else before != values)

    def _advance(self, layer: Layer, sources: list[Kept]) -> Kept:
        """Bring the output of a layer up to date with its sources."""
        whole = Box.of(layer.window.size(sources[0].whole.shape))
        changed = reduce(Box.joined, [source.box for source in sources])
        box = changed.moved(layer.window.changed).within((whole.bottom, whole.right))
        part = layer.part([source.whole for source in sources], self._gray, box)
        return self._keep(layer.name, part, box, whole)

    def _keep(self, name: str, part: Tensor, box: Box, whole: Box) -> Kept:
        """Put a box of an output into the whole of it; the first time, at least, it is the whole."""
        if box == whole:
            self._outputs[name] = part
        else:
            self._outputs[name][..., *box.slices] = part
        return Kept(self._outputs[name], box)


@torch.inference_mode()
def begin_together(
    passes: Sequence[IncrementalPass], labels: Sequence[Tensor], others: Sequence[Mapping[str, Tensor]]
) -> None:
    """Compute the chroma of several images of one size in one pass of the network.

    Nothing else is kept of it, so that an `IncrementalPass.update` afterwards computes all of an image anew.

    Parameters
    ----------
    passes : sequence of IncrementalPass
        Of one network.
    labels, others : sequence
        What `IncrementalPass.update` takes, of each image.
    """
    gray = [torch.cat(level) for level in zip(*(each._gray for each in passes), strict=True)]
    said = {name: torch.stack([each[name] for each in others]) for name in others[0]}
    chroma = passes[0]._network.decode(gray, torch.stack(list(labels)).long(), said)
    for number, each in enumerate(passes):
        each.chroma = chroma[number : number + 1]


def _joined(box: Box | None, other: Box | None) -> Box | None:
    """The smallest box around two, of which any may be empty."""
    return box.joined(other) if box and other else box or other
