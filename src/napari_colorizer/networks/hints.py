"""Color hints: what a user says of a few places, spread over the thing that they lie on.

Each hint says by how much the predicted chroma is off at its place, and where it asks for less chroma, by what factor
the chroma around it is too large: a neutral hint takes nearly all color away. That correction is interpolated over the
pixels of the same label, by inverse distance to the fourth power (Shepard 1968, doi 10.1145/800186.810616) and likeness
in lightness, and fades out far from all hints. Nothing here is learned, so a hint is obeyed whatever a model was
trained on, and none but pixels of its own label move.
"""

from __future__ import annotations

import torch
from torch import Tensor

SOFTNESS = 5.0  # pixels: up to here distance hardly counts
LIKENESS = 0.5  # standard deviation of likeness, in those of the image's own lightness
FADING = 1e-5  # the sum of weights at which the hints have half a say: some 90 pixels from a small one
FAINT = 0.04  # scaled chroma, about 4 of a*, b*: how much paler colors become is no ratio of fainter ones
CELL, SHADE, WISH = 8, 0.25, 1 / 128  # hinted pixels that differ by less (place, lightness, color) are one point
MOST_POINTS = 512
AT_ONCE = 1 << 22  # points times pixels: bounds the memory


def spread_hints(chroma: Tensor, x: Tensor, labels: Tensor | None, hints: Tensor) -> Tensor:
    """Correct predicted chroma by color hints.

    Parameters
    ----------
    chroma : Tensor, (N, 2, H, W)
        Scaled as the network gives it.
    x : Tensor, (N, 1, H, W)
        Lightness scaled to [-1, 1].
    labels : Tensor of integers, (N, H, W), optional
        None means all 0.
    hints : Tensor, (N, 3, H, W)
        a*, b* scaled like chroma and 0 where there is none, then a mask in {0, 1}.

    Returns
    -------
    Tensor, (N, 2, H, W)
    """
    if labels is None:
        labels = torch.zeros(len(x), *x.shape[-2:], dtype=torch.int64, device=x.device)
    corrected = [image.float() for image in chroma]  # places and weights need it, whatever the network ran in
    for image in hints[:, 2].flatten(1).any(1).nonzero()[:, 0].tolist():
        own = corrected[image]
        corrected[image] = own + _correction(own, x[image, 0].float(), labels[image], hints[image].float())
    return torch.stack(corrected).to(chroma.dtype)


def _correction(chroma: Tensor, x: Tensor, labels: Tensor, hints: Tensor) -> Tensor:
    """What is to be added to the chroma (2, H, W) of one image."""
    points, own, member = _points(chroma, x, labels, hints)
    likeness = LIKENESS * x.std(correction=0).clamp(min=1e-3)  # contrast changes nothing
    correction = torch.zeros(3, *labels.shape, device=chroma.device)  # of a*, b*, and the change of the factor on them
    for label in own.unique().tolist():
        of_label = points[own == label].clone()
        rows, columns = (labels == label).nonzero(as_tuple=True)
        pixels = torch.stack([rows.float(), columns.float(), x[rows, columns] / likeness])
        of_label[:, 2] /= likeness
        parts = pixels.split(max(1, AT_ONCE // len(of_label)), 1)
        correction[:, rows, columns] = torch.cat([_interpolate(of_label, part) for part in parts], 1)
    correction[:, hints[2] != 0] = points[member, 3:].T  # at its own place no other hint has a say
    return correction[:2] + correction[2] * chroma


def _interpolate(points: Tensor, pixels: Tensor) -> Tensor:
    """Corrections (3, n) at pixels (3, n), which are rows, columns and lightness, from those of points (P, 6)."""
    down, across, lighter = (pixels[axis] - points[:, axis, None] for axis in range(3))
    near = 1 + (down * down + across * across) / SOFTNESS**2
    weight = torch.exp(lighter * lighter * -0.5) / (near * near)
    return points[:, 3:].T @ weight / (weight.sum(0) + FADING)


def _points(chroma: Tensor, x: Tensor, labels: Tensor, hints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hinted pixels, neighbors of one label, wish and shade gathered into one point.

    Returns
    -------
    points : Tensor, (P, 6)
        Mean row, column, lightness, correction of a*, b*, and change of the factor on them.
    own : Tensor, (P,)
        Label of each.
    member : Tensor, (M,)
        The point that each of the M hinted pixels belongs to, row by row.
    """
    rows, columns = hints[2].nonzero(as_tuple=True)
    light, wish = x[rows, columns], hints[:2, rows, columns]
    own_chroma = chroma[:, rows, columns]
    factor = ((wish.norm(dim=0) + FAINT) / (own_chroma.norm(dim=0) + FAINT)).clamp(max=1)
    pixels = torch.stack([rows.float(), columns.float(), light, *(wish - factor * own_chroma), factor - 1], 1)
    ids, own = labels[rows, columns].long().unique(return_inverse=True)
    kinds = own
    for value, step, most in ((wish[0], WISH, 2.0), (wish[1], WISH, 2.0), (light, SHADE, 1.0)):
        bins = round(2 * most / step) + 1
        kinds = kinds * bins + ((value.clamp(-most, most) + most) / step).round().long()
    kinds, kind = kinds.unique(return_inverse=True)
    cell = CELL
    while True:
        height, width = (size // cell + 1 for size in hints.shape[1:])
        key = (kind * height + rows // cell) * width + columns // cell
        groups, member = key.unique(return_inverse=True)
        if len(groups) <= max(MOST_POINTS, len(kinds)) or height * width == 1:
            break
        cell *= 2
    sums = pixels.new_zeros(len(groups), 6).index_add_(0, member, pixels)
    label_of = torch.zeros_like(groups).scatter_(0, member, own)
    return sums / member.bincount(minlength=len(groups))[:, None], ids[label_of], member
