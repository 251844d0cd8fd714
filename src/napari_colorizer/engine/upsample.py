"""Chroma from working size to full size: a fast guided filter that stops at label borders.

The filter is that of He and Sun, "Fast Guided Filter" (arXiv 1505.00996), without its second averaging: chroma is
fitted as a linear function of lightness around each working pixel, over pixels of the same label only; the
coefficients are brought up bilinearly, again from pixels of the same label, and applied to the full-size lightness.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_colorizer.engine.frame import ROWS_AT_ONCE, bilinear_rows, neighbors

RADIUS = 2  # working pixels; adds to the reach of an edit
SMOOTHNESS = 0.02  # of the image's own variance: lightness that varies less than this does not move chroma
NO_VARIANCE = 1e-3  # L* squared, of a blank image


def guided_upsample(
    chroma: Tensor, working_lightness: Tensor, working_labels: Tensor, lightness: Tensor, labels: Tensor
) -> Tensor:
    """Bring chroma up to full size.

    Parameters
    ----------
    chroma : Tensor, (2, h, w)
    working_lightness : Tensor, (h, w)
        L* in 0..100.
    working_labels : Tensor of int64, (h, w)
    lightness : Tensor, (H, W)
        L* in 0..100.
    labels : Tensor of integers, (H, W)

    Returns
    -------
    Tensor, (2, H, W)
        Within the range that chroma has around each pixel at working size.
    """
    smoothness = SMOOTHNESS * working_lightness.var(correction=0) + NO_VARIANCE  # contrast changes nothing so
    coefficients = fit_coefficients(chroma, working_lightness, working_labels, smoothness)
    cells = _cell_labels(working_labels)
    height = lightness.shape[0]
    result = lightness.new_empty(2, *lightness.shape)
    for start in range(0, height, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, height))
        result[:, rows] = _apply(coefficients, working_labels, cells, lightness, labels, rows)
    return result


def fit_coefficients(chroma: Tensor, lightness: Tensor, labels: Tensor, smoothness: Tensor) -> Tensor:
    """Fit chroma = slope * L* + offset around each pixel, with `smoothness` added to the variance of L*.

    Returns
    -------
    Tensor, (8, h, w)
        Slopes, offsets, smallest and largest chroma, two of each.
    """
    height, width = lightness.shape
    stacked = torch.cat([lightness[None], chroma])
    padded = F.pad(stacked[None], [RADIUS] * 4, mode="constant")[0]
    padded_labels = F.pad(labels, [RADIUS] * 4, value=torch.iinfo(torch.int64).min)
    count = torch.zeros_like(lightness)
    sums = torch.zeros(6, height, width, device=lightness.device)  # L, a, b, LL, La, Lb
    low, high = chroma.clone(), chroma.clone()
    for y in range(2 * RADIUS + 1):
        for x in range(2 * RADIUS + 1):
            same = padded_labels[y : y + height, x : x + width] == labels
            neighbor = padded[:, y : y + height, x : x + width]
            neighbor = torch.where(same, neighbor - stacked, 0)  # differences: no cancellation in float32
            count += same
            sums[:3] += neighbor
            sums[3:] += neighbor[0] * neighbor
            low, high = torch.minimum(low, chroma + neighbor[1:]), torch.maximum(high, chroma + neighbor[1:])
    means = sums / count
    variance = means[3] - means[0] ** 2
    slope = (means[4:] - means[0] * means[1:3]) / (variance + smoothness)
    offset = chroma + means[1:3] - slope * (lightness + means[0])
    return torch.cat([slope, offset, low, high])


def _cell_labels(labels: Tensor) -> Tensor:
    """Label of each cell between four working pixels (h + 1, w + 1), or a value that no label has where they differ."""
    padded = labels[_clamped(labels.shape[0], labels)][:, _clamped(labels.shape[1], labels)]
    corner = padded[:-1, :-1]
    uniform = (corner == padded[1:, :-1]) & (corner == padded[:-1, 1:]) & (corner == padded[1:, 1:])
    return torch.where(uniform, corner, torch.iinfo(torch.int64).min)


def _clamped(size: int, like: Tensor) -> Tensor:
    return torch.arange(-1, size + 1, device=like.device).clamp_(0, size - 1)


def _apply(
    coefficients: Tensor, working_labels: Tensor, cells: Tensor, lightness: Tensor, labels: Tensor, rows: slice
) -> Tensor:
    """Chroma (2, R, W) of some rows of the full-size image."""
    height, width = lightness.shape
    (h, w), device = working_labels.shape, lightness.device
    local = bilinear_rows(coefficients, (height, width), rows)
    top, _, _ = neighbors(height, h, device, rows)
    left, _, _ = neighbors(width, w, device)
    row_labels = labels[rows].long()
    y, x = (cells[top + 1][:, left + 1] != row_labels).nonzero(as_tuple=True)
    if len(y):
        local[:, y, x] = _same_label_bilinear(
            coefficients, working_labels, row_labels[y, x], (y + rows.start, x), (height, width), local[:, y, x]
        )
    chroma = local[:2] * lightness[rows] + local[2:4]
    return torch.minimum(torch.maximum(chroma, local[4:6]), local[6:8])


def _same_label_bilinear(
    coefficients: Tensor,
    working_labels: Tensor,
    labels: Tensor,
    pixels: tuple[Tensor, Tensor],
    full: tuple[int, int],
    otherwise: Tensor,
) -> Tensor:
    """Coefficients (8, n) at pixels near a border, from the neighbors that have the pixel's own label.

    A pixel without such a neighbor (a stroke too thin to win a vote) keeps `otherwise`.
    """
    (h, w), device = working_labels.shape, labels.device
    top, bottom, down = (values[pixels[0]] for values in neighbors(full[0], h, device))
    left, right, across = (values[pixels[1]] for values in neighbors(full[1], w, device))
    total, result = torch.zeros_like(down), torch.zeros_like(otherwise)
    for y, weight_y in ((top, 1 - down), (bottom, down)):
        for x, weight_x in ((left, 1 - across), (right, across)):
            # a neighbor of weight 0 still beats one of another label
            weight = (weight_y * weight_x + 1e-6) * (working_labels[y, x] == labels)
            total += weight
            result += weight * coefficients[:, y, x]
    return torch.where(total > 0, result / total.clamp(min=1e-9), otherwise)
