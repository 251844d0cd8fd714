"""What the networks are trained to make small.

Both are means over a fixed number of pixels, so that they do not depend on how a batch is divided among devices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_WEIGHT = 10.0
SAME_ERROR = 0.1  # of the scaled chroma: as large, an error counts alike where a label is given and where none is
FOLLOWED = 4.0  # a*, b* distance within which a region has taken a color
TYPICAL_CHROMA = 0.12  # root mean square of the scaled chroma of everyday photographs: they have the weight 1


@dataclass(frozen=True)
class Relabeled:
    """Regions that were called what they are not, one in each image of a batch.

    Attributes
    ----------
    region : Tensor of bool, (N, H, W)
        Empty in the images that are as they were.
    colors : Tensor, (N, K, 2)
        Scaled chroma that each region may take, see `colors_to_take`.
    margins : Tensor, (N, K)
        Distance, in scaled chroma, from such a color within which the region has taken it.
    """

    region: Tensor
    colors: Tensor
    margins: Tensor

    def compare(self, predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted and true chroma (N, 2, H, W), but in the regions their mean, and what is wanted of it.

        Nobody knows how the pixels of such a region would look, only which colors they would have on the whole. What
        is wanted is the nearest place within its margin of the nearest color.
        """
        inside, predicted = self.region[:, None], predicted.float()
        mean = (predicted * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1)
        away = mean.detach()[:, None] - self.colors
        distance, chosen = away.norm(dim=-1).min(1)
        rows = torch.arange(len(chosen), device=chosen.device)
        margin = self.margins[rows, chosen]
        part = margin / torch.maximum(distance, margin).clamp(min=1e-6)
        wanted = self.colors[rows, chosen] + away[rows, chosen] * part[:, None]
        predicted = torch.where(inside, mean[:, :, None, None], predicted)
        return predicted, torch.where(inside, wanted[:, :, None, None], target)


def colors_to_take(new: Tensor, old: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """What regions are to look like that get another class's label, so that one sees that they did.

    Classes have several colors, and some of them nearly the same ones: a gray house that is to be a meadow has not
    become one when it has taken the gray of winter grass.

    Parameters
    ----------
    new, old : Tensor, (N, K, 2)
        Chroma of the suggested colors of the class of each region's new label, and of its old one.
    margin : float
        Largest distance from a color within which a region has taken it.

    Returns
    -------
    colors : Tensor, (N, K, 2)
        Those of the new class that lie two margins or more from all of the old one; if there is none, the one that
        lies farthest from them.
    margins : Tensor, (N, K)
        Of each color; at most a third of the way to the old class's nearest one.
    """
    apart = torch.cdist(new, old).amin(2)
    farthest = apart.argmax(1)
    rows = torch.arange(len(new), device=new.device)
    clear = apart >= 2 * margin
    colors = torch.where(clear[..., None], new, new[rows, farthest][:, None])
    apart = torch.where(clear, apart, apart[rows, farthest][:, None])
    return colors, (apart / 3).clamp(max=margin)


def color_loss(
    predicted: Tensor,
    target: Tensor,
    delta: float,
    color_weight: float = 0.0,
    relative_to: float = 0.0,
    guessed: Tensor | None = None,
    relabeled: Relabeled | None = None,
) -> Tensor:
    """Huber loss on scaled chroma (N, 2, H, W), in units of `delta`.

    Delta 1, the paper's, is half the squared error, whose optimum among several likely colors is their dull mean; a
    small delta is nearly the absolute error. Most pixels of most photographs are nearly gray: `color_weight` gives
    colorful ones more weight.

    With `relative_to` the error of each image counts relative to its own mean squared chroma (plus the square of
    `relative_to`), as in the PSNR, a logarithm: a wrong tint is worse in a pale street than in a flower bed, and most
    of the gradient would otherwise come from the few photographs of many colors.

    Where `guessed` (N, H, W) is true, the error is squared whatever `delta` and `color_weight` say: nobody told what
    is there, and of a bold guess and the mean of all guesses the latter is the safer one.

    Of regions that are `relabeled` the mean counts, as much as so many pixels; `target` says nothing of it.
    """
    power = target.square().sum(1).mean((1, 2))
    if relabeled is not None:
        predicted, target = relabeled.compare(predicted, target)
    error = F.huber_loss(predicted.float(), target, "none", delta)
    if color_weight:
        strength = torch.hypot(target[:, :1], target[:, 1:])  # several times as fast as a norm over two channels
        error = error * (0.5 + color_weight * strength.clamp(max=0.5))
    if guessed is not None:
        squared = (predicted.float() - target).square() * (delta / (2 * SAME_ERROR))
        error = torch.where(guessed[:, None], squared, error)
    if relative_to:
        weight = (TYPICAL_CHROMA**2 + relative_to**2) / (power + relative_to**2)
        error = error * weight[:, None, None, None]
    return error.mean() / delta


class GroupedCrossEntropy(nn.Module):
    """Cross-entropy over the labeled pixels; where a label names a group, its members' probabilities count together.

    Parameters
    ----------
    ids : tuple of int
        Class id of each logit channel.
    groups : mapping
        Ids that some label maps use for several others.
    background : bool
        Whether id 0 is a class; otherwise it means that nobody said.
    weights : sequence of float, optional
        How much a pixel of each class counts, see `class_weights`; None: all alike.
    """

    rank: Tensor
    weights: Tensor | None

    def __init__(
        self,
        ids: tuple[int, ...],
        groups: Mapping[int, tuple[int, ...]],
        background: bool,
        weights: Sequence[float] | None = None,
    ):
        super().__init__()
        self.register_buffer("weights", None if weights is None else torch.tensor(weights), persistent=False)
        rank = torch.full((max(ids) + 2,), -1)
        rank[list(ids)] = torch.arange(len(ids))
        if not background:
            rank[0] = -1
        self.register_buffer("rank", rank, persistent=False)
        self.groups = {
            ids.index(group): [ids.index(item) for item in (group, *members) if item in ids]
            for group, members in groups.items()
            if group in ids
        }

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Sum over the labeled pixels of (N, H, W) labels, divided by the number of all pixels."""
        target = self.rank[labels.clamp(max=len(self.rank) - 1)]
        log_p = F.log_softmax(logits.float(), 1)
        joint = {group: torch.logsumexp(log_p[:, members], 1) for group, members in self.groups.items()}
        for group, value in joint.items():
            log_p = log_p.index_copy(1, torch.tensor([group], device=log_p.device), value[:, None])
        return F.nll_loss(log_p, target, self.weights, ignore_index=-1, reduction="sum") / labels.numel()


def class_weights(pixels: Sequence[int], rarity: float) -> list[float]:
    """Weights of classes that fall with their number of pixels; the mean over all pixels is 1.

    Parameters
    ----------
    pixels : sequence of int
        Of each class, in the training images.
    rarity : float
        0..1; a weight is the class's number of pixels to the power of -`rarity`: 1 is inverse frequency. No weight is
        more than `MOST_WEIGHT` times that of the most frequent class.
    """
    counts = torch.tensor(pixels, dtype=torch.float64).clamp(min=1)
    relative = ((counts / counts.max()) ** -rarity).clamp(max=MOST_WEIGHT)
    found: list[float] = (relative * counts.sum() / (relative * counts).sum()).tolist()
    return found
