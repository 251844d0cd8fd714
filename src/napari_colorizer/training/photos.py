"""Labeled photographs held in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Photo:
    """A color photograph with its label map.

    Attributes
    ----------
    name : str
        The file's stem; what stands before the first dash names its source.
    rgb : array of uint8, (H, W, 3)
    labels : array of uint8, (H, W)
        Class ids, 0 where nobody said.
    """

    name: str
    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def read_photos(images: Path, masks: Path, shorter_side: int) -> list[Photo]:
    """Read every photograph of a folder with the mask of the same name, brought to `shorter_side` where it is larger.

    Raises
    ------
    FileNotFoundError
        If the folder holds no images, or an image has no mask.
    """
    paths = sorted(images.glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(f"there are no .jpg files in {images}")

    def read(path: Path) -> Photo:
        image = Image.open(path).convert("RGB")
        labels = Image.open(masks / f"{path.stem}.png").convert("L")
        scale = shorter_side / min(image.size)
        if scale < 1:
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(size, Image.Resampling.BOX)
            labels = labels.resize(size, Image.Resampling.NEAREST)
        return Photo(path.stem, np.asarray(image), np.asarray(labels))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(read, paths))
