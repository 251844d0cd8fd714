"""Which crop comes when: a function of seed and epoch, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

Key = tuple[int, int, int]  # epoch, place in the epoch, number of the photo


@dataclass(frozen=True)
class Share:
    """The part of the crops that one process has: number `rank` of `world`."""

    rank: int = 0
    world: int = 1


class EpochOrder(Sampler[Any]):
    """Draws the photos of each epoch, and gives one process its share of every batch.

    Parameters
    ----------
    count : int
        How many photos there are.
    batch : int
        Crops in a step, over all processes.
    epoch_size : int
        Crops in an epoch, rounded to whole batches; 0: one of each photo.
    seed : int
    chances : array (count,), optional
        Chance of each photo; None: every photo comes equally often.
    share : Share
    """

    def __init__(
        self,
        count: int,
        batch: int,
        epoch_size: int,
        seed: int,
        chances: NDArray[np.float64] | None = None,
        share: Share | None = None,
    ):
        self.count, self.batch, self.seed, self.chances = count, batch, seed, chances
        self.steps = max(1, round((epoch_size or count) / batch))
        self.share = share or Share()
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the photos of that epoch from now on."""
        self.epoch = epoch

    def photos(self) -> NDArray[np.int64]:
        """Numbers of all photos of the current epoch, in order."""
        size = self.steps * self.batch
        rng = np.random.default_rng([self.seed, self.epoch])
        if self.chances is not None:
            return rng.choice(self.count, size, p=self.chances)
        rounds = -(-size // self.count)
        return np.concatenate([rng.permutation(self.count) for _ in range(rounds)])[:size]

    def __iter__(self) -> Iterator[Key]:
        own = self.batch // self.share.world
        for place, photo in enumerate(self.photos().tolist()):
            if place % self.batch // own == self.share.rank:
                yield self.epoch, place, photo

    def __len__(self) -> int:
        return self.steps * (self.batch // self.share.world)


def rare_first(counts: NDArray[Any], least: int = 200) -> NDArray[np.float64]:
    """Chance of each photo: those with rare classes come more often, those without any label never.

    Parameters
    ----------
    counts : array (n, K)
        Pixels of each class in each photo, unlabeled pixels left out.
    least : int
        Fewer pixels of a class do not count.
    """
    present = counts > least
    present |= (counts > 0) & ~present.any(1, keepdims=True)  # small things are all that some photos have
    rarity = 1 / np.sqrt(np.maximum(present.sum(0), 5))
    chance = (present * rarity).max(1, initial=0.0)
    return np.asarray(chance / chance.sum())
