"""What lies under a pixel: the connected part of an image around it that ends at edges, and at borders of labels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import felzenszwalb, watershed

from napari_colorizer.boxes import Box
from napari_colorizer.color import lightness, normalize
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.labels import check_labels
from napari_colorizer.engine.upsample import GuidedUpsampling

WORKING_SIZE = 512  # pixels of the longer side at which edges are looked for
COARSENESS = 150.0  # of the segmentation: a meadow is one part, and so is a face; hair is another one
SPREAD = 0.25  # standard deviation of the lightness that is segmented: contrast changes nothing so
SMOOTHING, SMALLEST = 0.8, 60  # standard deviation and area, in working pixels
CORE = 5  # working pixels across, of what is no band along an edge
SPECK = 1 / 1000  # of the image: what is smaller and surrounded belongs to what surrounds it
MOST_LOOKED_AT = 1_000_000  # pixels, to find how far gray levels are apart
MOST_STEP = 2.0  # lightness between them: what is farther apart may be drawn
FLAT, DITHER = 5, 4  # levels within `CORE` of what is smooth, and across the noise that hides the steps there
INSIDE = 100.0  # what guided upsampling brings up in the place of chroma

Pixel = tuple[int, int]


class Regions:
    """The parts of one image, at whose edges a fill ends.

    The image is cut once, at a bounded size, by Felzenszwalb's segmentation: parts differ from each other by more than
    they do within, so that texture does not count as edges. What is asked afterwards is a matter of milliseconds.

    Parameters
    ----------
    gray : array, (H, W) or (H, W, 3 or 4)
        A gray image, or one of which the lightness is taken; see `napari_colorizer.color.normalize`.
    limits : (float, float), optional
        The values that mean black and white.
    """

    def __init__(self, gray: NDArray[np.generic], limits: tuple[float, float] | None = None):
        self._lightness = lightness(torch.from_numpy(np.ascontiguousarray(normalize(gray, limits))))
        height, width = self._lightness.shape
        self._frame = Frame.fit((height, width), WORKING_SIZE, 1)
        self._small = self._frame.shrink(self._lightness[None])[0]
        self._parts = _cut(self._small.numpy().astype(np.float64), _step(self._lightness.numpy()))
        self._last: tuple[int, NDArray[np.bool_]] | None = None  # a part that was asked for, and what it became

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self._frame.full

    @property
    def working_shape(self) -> tuple[int, int]:
        """Height and width of what `outline` gives."""
        return self._frame.working

    def outline(self, pixel: Pixel, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """What `at` gives, roughly, to be shown while the cursor moves.

        Parameters
        ----------
        pixel : (int, int)
            Row and column at full size.
        labels : array of int, (H, W)

        Returns
        -------
        array of bool, `working_shape`
        """
        labels = check_labels(labels, self.shape)
        rows, columns = (
            ((np.arange(small) + 0.5) * full / small).astype(np.intp)
            for small, full in zip(self.working_shape, self.shape, strict=True)
        )
        small = self._shrink(pixel)
        mask = self._part(small) & (labels[np.ix_(rows, columns)] == labels[pixel])
        return _connected(mask, small)

    def at(self, pixel: Pixel, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """The connected pixels around one that lie in the same part of the image and have the same label.

        Parameters
        ----------
        pixel : (int, int)
            Row and column.
        labels : array of int, (H, W)
            0 is a label like any other.

        Returns
        -------
        array of bool, (H, W)
            It holds `pixel`, follows borders of labels exactly and edges of the image at full size.

        Raises
        ------
        ValueError
            If the label map has another shape than the image.
        IndexError
            If the pixel lies outside.
        """
        labels = check_labels(labels, self.shape)
        if not all(0 <= value < size for value, size in zip(pixel, self.shape, strict=True)):
            raise IndexError(f"the pixel {pixel} lies outside of the image, whose shape is {self.shape}")
        small = self._shrink(pixel)
        part = self._part(small)
        around = Box.around(torch.from_numpy(part))
        assert around is not None
        box = self._frame.enlarged(around.grown(1).within(part.shape))
        inside = self._enlarge(part, box)
        own = self._frame.enlarged(Box(small[0], small[0] + 1, small[1], small[1] + 1)).shifted(-box.top, -box.left)
        inside[own.slices] = True  # whatever side of an edge the cursor is on by a hair
        inside &= labels[box.slices] == labels[pixel]
        mask = np.zeros(self.shape, bool)
        mask[box.slices] = _connected(inside, (pixel[0] - box.top, pixel[1] - box.left))
        return mask

    def _shrink(self, pixel: Pixel) -> Pixel:
        """The working pixel in which a full-size one lies."""
        (height, width), (h, w) = self.shape, self.working_shape
        return pixel[0] * h // height, pixel[1] * w // width

    def _part(self, small: Pixel) -> NDArray[np.bool_]:
        """The part of a working pixel, with the specks in it."""
        number = int(self._parts[small])
        if self._last is None or self._last[0] != number:
            mask = self._parts == number
            pieces, _ = ndimage.label(~mask)
            specks = np.bincount(pieces.ravel()) <= SPECK * mask.size
            specks[0] = False  # the part itself
            self._last = number, mask | specks[pieces]
        return self._last[1]

    def _enlarge(self, part: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
        """A part in a box of full-size pixels, brought to the edges of the image there."""
        if self.shape == self.working_shape:
            return part[box.slices].copy()
        whole = Box.of(self.working_shape)
        values = torch.zeros(2, *self.working_shape)
        values[0] = torch.from_numpy(part) * INSIDE
        guided = GuidedUpsampling(self._small, self._lightness)
        guided.fit(values, torch.zeros(self.working_shape, dtype=torch.int32), whole)
        alike = torch.zeros(box.height, box.width, dtype=torch.int32)
        return (guided.chroma_in(box, alike)[0] >= INSIDE / 2).numpy()


def _step(values: NDArray[np.float32]) -> float:
    """How far apart the gray levels of an image are; 0 where that is no step of a smooth slope."""
    levels = np.unique(values.ravel()[:: max(1, values.size // MOST_LOOKED_AT)])
    step = float(np.quantile(np.diff(levels), 0.1)) if levels.size > 1 else 0.0
    return step if step <= MOST_STEP else 0.0


def _dither(values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Hide the steps between gray levels where an image is smooth: the sky of 8 bits is a staircase of edges else."""
    span = ndimage.maximum_filter(values, CORE) - ndimage.minimum_filter(values, CORE)
    noise = np.random.default_rng(0).uniform(-DITHER * step / 2, DITHER * step / 2, values.shape)
    return values + noise * (span <= FLAT * step)


def _cut(values: NDArray[np.float64], step: float) -> NDArray[np.intp]:
    """Number the parts of a gray image (h, w) whose gray levels are so far apart.

    Along strong edges the segmentation leaves bands that belong to neither side: what has no core is given to the parts
    around it, which then meet where the edge is steepest.
    """
    spread = values.std() or 1.0
    standard, dithered = ((some - values.mean()) / spread * SPREAD for some in (values, _dither(values, step)))
    parts = np.asarray(felzenszwalb(dithered, COARSENESS, SMOOTHING, SMALLEST, channel_axis=None)) + 1
    core = ndimage.minimum_filter(parts, CORE) == ndimage.maximum_filter(parts, CORE)
    if not core.any():
        return parts
    return np.asarray(watershed(ndimage.gaussian_gradient_magnitude(standard, SMOOTHING), parts * core))


def _connected(mask: NDArray[np.bool_], pixel: Pixel) -> NDArray[np.bool_]:
    """The pixels of a mask that are connected with one of it, side by side; none where that is not of the mask."""
    pieces, _ = ndimage.label(mask)
    return (pieces == pieces[pixel]) & mask
