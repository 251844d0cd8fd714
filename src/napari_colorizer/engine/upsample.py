"""Chroma from working size to full size: a fast guided filter that stops at label borders.

The filter is that of He and Sun, "Fast Guided Filter" (arXiv 1505.00996), without its second averaging: chroma is
fitted as a linear function of lightness around each working pixel, over pixels of the same label only; the
coefficients are brought up bilinearly, again from pixels of the same label, and applied to the full-size lightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.color import to_rgb
from napari_colorizer.engine.compiled import Kernels, compiled
from napari_colorizer.engine.devices import fetch
from napari_colorizer.engine.frame import enlarge, neighbors
from napari_colorizer.engine.local_fit import RADIUS, fit_chroma, largest_change, largest_span, spread

NEGLIGIBLE = 0.01  # of a* or b*, a small part of a step of 8 bits: chroma that is off by less is not fitted anew
SMOOTHNESS = 0.02  # of the image's own variance: lightness that varies less than this does not move chroma
NO_VARIANCE = 1e-3  # L* squared, of a blank image
NO_LABEL = -1  # one that no pixel has
PIXELS_AT_ONCE = 1 << 22  # that are painted with PyTorch: their intermediate results take some 0.5 GB


class GuidedUpsampling:
    """Chroma of one image at full size, box by box.

    Parameters
    ----------
    working_lightness : Tensor, (h, w)
        L* in 0..100.
    lightness : Tensor, (H, W), or (int, int)
        L* in 0..100; or its shape, of what is too large to be held: `paint_part` is told that of a box then.
    """

    def __init__(self, working_lightness: Tensor, lightness: Tensor | tuple[int, int]):
        if isinstance(lightness, Tensor):
            self.lightness, self._full = lightness.contiguous(), (lightness.shape[0], lightness.shape[1])
        else:
            self.lightness, self._full = working_lightness.new_empty(0, 0), lightness
        self._working = working_lightness.contiguous()
        self._smoothness = SMOOTHNESS * working_lightness.var(correction=0) + NO_VARIANCE  # contrast changes nothing so
        self._chroma = working_lightness.new_zeros(2, *working_lightness.shape)  # that has been fitted
        self._coefficients = working_lightness.new_zeros(8, *working_lightness.shape)
        self._labels = torch.full_like(self._working, NO_LABEL, dtype=torch.int32)
        h, w = working_lightness.shape
        self._cells = torch.full((h + 1, w + 1), NO_LABEL, dtype=torch.int32, device=self._labels.device)

    @property
    def working_lightness(self) -> Tensor:
        """L* (h, w) in 0..100; not to be altered."""
        return self._working

    @property
    def working_chroma(self) -> Tensor:
        """a*, b* (2, h, w) that were fitted last; not to be altered."""
        return self._chroma

    def fit(self, chroma: Tensor, labels: Tensor, changed: Box) -> tuple[Box, Tensor] | None:
        """Take over labels, and chroma where it differs by more than `NEGLIGIBLE` from what was fitted last.

        Parameters
        ----------
        chroma : Tensor, (2, changed.height, changed.width)
        labels : Tensor of integers, (changed.height, changed.width)
            Ids of 0 and more.
        changed : Box
            The working pixels that they are of: those that may differ from the last ones.

        Returns
        -------
        Box
            Where full-size chroma may differ from before, in working pixels.
        Tensor, (box.height, box.width)
            By how much it does at most around each working pixel: a* or b*, whichever differs more.
        None
            in their place, where nothing differs.
        """
        kernels = _kernels_for(self._working)
        if kernels is None:
            return self._fit_with_torch(chroma, labels, changed)
        parts = chroma.float().numpy(), labels.long().numpy(), tuple(changed), float(self._smoothness), NEGLIGIBLE
        place, change = kernels.fit((*self._grids(), self._chroma.numpy()), self._working.numpy(), *parts)
        return (Box(*place), torch.from_numpy(change)) if len(change) else None

    def _fit_with_torch(self, chroma: Tensor, labels: Tensor, changed: Box) -> tuple[Box, Tensor] | None:
        shape = self._working.shape
        relabeled = torch.zeros(shape, dtype=torch.bool, device=labels.device)
        relabeled[changed.slices] = self._labels[changed.slices] != labels
        moved = (chroma - self._chroma[:, *changed.slices]).abs_().amax(0) > NEGLIGIBLE
        differing = Box.around(moved | relabeled[changed.slices])
        if differing is None:
            return None
        self._take_labels(labels, changed)
        box = differing.shifted(changed.top, changed.left)
        self._chroma[:, *box.slices] = chroma[:, *differing.slices]
        box = box.grown(RADIUS).within(shape)
        needed = box.grown(RADIUS).within(shape)
        parts = (self._chroma[:, *needed.slices], self._working[needed.slices], self._labels[needed.slices])
        own = box.shifted(-needed.top, -needed.left).slices
        after, limits = fit_chroma(*parts, self._smoothness)[:, *own], self._coefficients[4:, *needed.slices].clone()
        change = largest_change(self._coefficients[:, *box.slices], after)
        mixed = spread(relabeled[box.slices])
        self._coefficients[:, *box.slices] = after
        change = change.minimum(largest_span(limits, self._coefficients[4:, *needed.slices])[:, *own]).amax(0)
        return box, change.masked_fill_(mixed, torch.inf)

    def _take_labels(self, labels: Tensor, box: Box) -> None:
        """Take over the labels of a box of working pixels, and those of the cells around them."""
        self._labels[box.slices] = labels
        cells = Box(box.top, box.bottom + 1, box.left, box.right + 1)
        self._cells[cells.slices] = _cell_labels(self._labels, cells)

    def paint(self, box: Box, labels: Tensor, out: NDArray[np.uint8]) -> None:
        """Paint the 8-bit sRGB colors of a box of full-size pixels.

        Parameters
        ----------
        box : Box
            What lies outside the image is left out.
        labels : Tensor of int32, (H, W)
            Those of all full-size pixels.
        out : array of uint8, (H, W, 3)
            Altered inside the box.

        Raises
        ------
        ValueError
            If `labels` or `out` has another shape than the image.
        """
        shape = self._full
        if tuple(labels.shape) != shape or out.shape != (*shape, 3):
            raise ValueError(f"labels {tuple(labels.shape)} and colors {out.shape} must be those of a {shape} image")
        box = box.within(shape)
        kernels = _kernels_for(self.lightness)
        if kernels is None:
            self._paint_in_strips(box, labels, out)
        elif box.height and box.width:
            grids, rows, columns = self._for_kernel()
            kernels.paint(self.lightness.numpy(), labels.numpy(), grids, rows, columns, tuple(box), out)

    def _paint_in_strips(self, box: Box, labels: Tensor, out: NDArray[np.uint8]) -> None:
        """Paint with PyTorch; while a GPU computes a strip, the colors of the one before are written down."""
        rows, before = max(1, PIXELS_AT_ONCE // max(1, box.width)), None
        for top in range(box.top, box.bottom, rows):
            strip = box._replace(top=top, bottom=min(top + rows, box.bottom))
            rgb = to_rgb(self.lightness[strip.slices], self.chroma_in(strip, labels[strip.slices]))
            now = strip, fetch(rgb)
            if before is not None:
                out[before[0].slices] = before[1]()
            before = now
        if before is not None:
            out[before[0].slices] = before[1]()

    def paint_part(self, box: Box, lightness: Tensor, labels: Tensor) -> NDArray[np.uint8]:
        """The 8-bit sRGB colors (box.height, box.width, 3) of a box of full-size pixels.

        Parameters
        ----------
        box : Box
            In the image, and not empty.
        lightness : Tensor, (box.height, box.width)
            L* in 0..100.
        labels : Tensor of int32, (box.height, box.width)
        """
        kernels, shape = _kernels_for(lightness), tuple(self._labels.shape)
        full = self._full, tuple(lightness.shape)
        if kernels is None or shape in full:  # the kernel tells by the shape what is full
            return to_rgb(lightness, self._chroma_of(box, lightness, labels)).cpu().numpy()
        grids, *around = self._for_kernel()
        rows, columns = (
            tuple(values[part] for values in neighbors) for neighbors, part in zip(around, box.slices, strict=True)
        )
        out = np.empty((box.height, box.width, 3), np.uint8)
        whole = (0, box.height, 0, box.width)
        kernels.paint(lightness.contiguous().numpy(), labels.contiguous().numpy(), grids, rows, columns, whole, out)
        return out

    def _for_kernel(self) -> tuple[Any, Any, Any]:
        """Coefficients and labels, and the neighbors of rows and of columns, as the compiled painting takes them."""
        rows, columns = (
            tuple(values.numpy() for values in neighbors(full, small, torch.device("cpu")))
            for full, small in zip(self._full, self._labels.shape, strict=True)
        )
        return self._grids(), rows, columns

    def _grids(self) -> tuple[NDArray[Any], ...]:
        """Coefficients, labels and labels of cells, as what is compiled takes them."""
        return tuple(values.numpy() for values in (self._coefficients, self._labels, self._cells))

    def chroma_in(self, box: Box, labels: Tensor) -> Tensor:
        """Chroma of a box of full-size pixels.

        Parameters
        ----------
        box : Box
        labels : Tensor of integers, (box.height, box.width)
            Those of the full-size pixels.

        Returns
        -------
        Tensor, (2, box.height, box.width)
            Within the range that chroma has around each pixel at working size.
        """
        return self._chroma_of(box, self.lightness[box.slices], labels)

    def _chroma_of(self, box: Box, lightness: Tensor, labels: Tensor) -> Tensor:
        """Chroma of a box of full-size pixels of some L* and labels, both (box.height, box.width)."""
        local = enlarge(self._coefficients, self._full, box)
        if self._full != self._labels.shape:  # else each pixel has its own
            self._keep_to_labels(local, box, labels)
        chroma = torch.addcmul(local[2:4], local[:2], lightness)
        return torch.minimum(torch.maximum(chroma, local[4:6]), local[6:8])

    def _keep_to_labels(self, local: Tensor, box: Box, labels: Tensor) -> None:
        """Put right the enlarged coefficients `local` (8, box.height, box.width) of pixels near a border of labels."""
        (height, width), (h, w), device = self._full, self._labels.shape, labels.device
        rows, columns = (
            [values[part] for values in neighbors(*sizes, device)]
            for sizes, part in zip(((height, h), (width, w)), box.slices, strict=True)
        )
        y, x = (self._cells[rows[0] + 1][:, columns[0] + 1] != labels).nonzero(as_tuple=True)
        if len(y):
            around = [values[y] for values in rows], [values[x] for values in columns]
            local[:, y, x] = self._same_label_bilinear(labels[y, x], *around, local[:, y, x])

    def _same_label_bilinear(
        self, labels: Tensor, rows: Sequence[Tensor], columns: Sequence[Tensor], otherwise: Tensor
    ) -> Tensor:
        """Coefficients (8, n) at full-size pixels near a border, from the neighbors that have the pixel's own label.

        Of each pixel `rows` and `columns` are what `neighbors` gives. A pixel without a neighbor of its label (a stroke
        too thin to win a vote) keeps `otherwise`.
        """
        (top, bottom, down), (left, right, across) = rows, columns
        total, result = torch.zeros_like(down), torch.zeros_like(otherwise)
        all_labels, coefficients = self._labels.flatten(), self._coefficients.flatten(1)
        for y, weight_y in ((top, 1 - down), (bottom, down)):
            for x, weight_x in ((left, 1 - across), (right, across)):
                place = y * self._labels.shape[1] + x  # one index is faster than two
                # a neighbor of weight 0 still beats one of another label
                weight = (weight_y * weight_x + 1e-6) * (all_labels[place] == labels)
                total += weight
                result += weight * coefficients.index_select(1, place)
        return torch.where(total > 0, result / total.clamp(min=1e-9), otherwise)


def _kernels_for(tensor: Tensor) -> Kernels | None:
    """What is compiled and computes where a tensor lies, if there is any."""
    return compiled() if tensor.device.type == "cpu" else None


def _cell_labels(labels: Tensor, cells: Box) -> Tensor:
    """Label of each cell of a box, or `NO_LABEL` where the four working pixels around it differ.

    Cell (y, x) lies between the pixels (y - 1, x - 1) and (y, x); of (h, w) pixels there are (h + 1, w + 1) cells.
    """
    (h, w), device = labels.shape, labels.device
    rows = torch.arange(cells.top - 1, cells.bottom, device=device).clamp_(0, h - 1)
    columns = torch.arange(cells.left - 1, cells.right, device=device).clamp_(0, w - 1)
    around = labels[rows[:, None], columns]
    corner = around[:-1, :-1]
    uniform = (corner == around[1:, :-1]) & (corner == around[:-1, 1:]) & (corner == around[1:, 1:])
    return torch.where(uniform, corner, NO_LABEL)
