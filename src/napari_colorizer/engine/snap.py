"""Borders of a label map brought to the edges of the image that lie near them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from napari_colorizer.boxes import Box
from napari_colorizer.engine.labels import check_labels

BAND = 0.012  # half the width of the band in which a border moves, of the longer side
LEAST_BAND = 3  # pixels
CORE = 0.5  # of the depth of a thin thing, that stays in it
SMOOTHING = 1.0  # pixels, of the edges

Pixel = tuple[int, int]


def snap(gray: NDArray[np.floating], labels: NDArray[np.integer], pixel: Pixel) -> NDArray[np.integer]:
    """Bring the border of the connected region around a pixel to the edges of the image.

    Parameters
    ----------
    gray : array of float, (H, W)
    labels : array of int, (H, W)
        Unlabeled pixels are a region like any other.
    pixel : (int, int)
        Row and column of a pixel of the region.

    Returns
    -------
    array of int, (H, W)
        The label map, changed in a narrow band along the border of the region and nowhere else: each pixel of the band
        has the label of one of the regions that meet there.

    Raises
    ------
    ValueError
        If the label map has another shape than the image.
    IndexError
        If the pixel lies outside.
    """
    labels = check_labels(labels, (gray.shape[0], gray.shape[1]))
    if not all(0 <= value < size for value, size in zip(pixel, gray.shape, strict=True)):
        raise IndexError(f"the pixel {pixel} lies outside of the image, whose shape is {gray.shape}")
    radius = max(LEAST_BAND, round(BAND * max(gray.shape)))
    pieces, _ = ndimage.label(labels == labels[pixel])
    (found,) = ndimage.find_objects((pieces == pieces[pixel]).astype(np.uint8))
    box = Box(found[0].start, found[0].stop, found[1].start, found[1].stop).grown(2 * radius + 1).within(gray.shape)
    region = pieces[box.slices] == pieces[pixel]
    snapped = labels.copy()
    snapped[box.slices] = _snapped(gray[box.slices], labels[box.slices], region, radius)
    return snapped


def _snapped(
    gray: NDArray[np.floating], labels: NDArray[np.integer], region: NDArray[np.bool_], radius: int
) -> NDArray[np.integer]:
    """The labels of a box around a region."""
    inner = ndimage.distance_transform_edt(np.pad(region, radius, mode="edge"))[radius:-radius, radius:-radius]
    outer = ndimage.distance_transform_edt(~region)
    core = inner > min(radius, CORE * inner.max())
    band = ((inner > 0) & ~core) | ((outer > 0) & (outer <= radius))
    if not (outer > radius).any():
        return labels  # nothing meets it
    ids = np.unique(labels)
    markers = np.where(band, 0, np.searchsorted(ids, labels) + 1)
    edges = ndimage.gaussian_gradient_magnitude(gray.astype(np.float64), SMOOTHING)
    flooded = ids[watershed(edges, markers) - 1]
    own = labels[region][0]
    # beside the region another's border may lie in the band: only what the region gains or loses moves
    moved = band & ((flooded == own) != region)
    return np.where(moved, flooded, labels).astype(labels.dtype)
