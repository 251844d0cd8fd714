"""Which labeled images validate, where the set does not say it itself: drawn from a seed, and recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from napari_colorizer.datasets.sets import Pair, Split, place
from napari_colorizer.errors import DataError
from napari_colorizer.files import replacing

NAME = "split.csv"
SPLITS: tuple[Split, ...] = ("train", "val")


def chance(image: Path, seed: int) -> float:
    """A number in 0..1 that only an image's name and the seed decide: other images never move it."""
    digest = blake2b(f"{seed}/{image.name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def settle_split(
    pairs: Sequence[Pair],
    declared: Collection[Path],
    recorded: Mapping[Path, Split],
    val_share: float,
    seed: int,
    unreadable: Collection[Path] = (),
) -> tuple[list[Pair], set[Path]]:
    """Give each pair its split, and the images for which it was drawn or recorded rather than declared.

    Parameters
    ----------
    pairs : sequence of Pair
    declared : collection of Path
        Images whose split is right already.
    recorded : mapping
        The split of other images as it was once drawn.
    val_share : float
        Chance of an image that is in neither.
    seed : int
    unreadable : collection of Path
        Images that must not count, since nothing can be learned or measured with them.

    Returns
    -------
    list of Pair
        Only images that somebody labeled and that are not `unreadable` validate; of two or more at least one does and
        one does not, a single one does not.
    set of Path
    """
    people = [pair for pair in pairs if pair.mask and not pair.pseudo and pair.image not in unreadable]
    drawn = {pair.image for pair in people if pair.image not in declared}
    splits: dict[Path, Split] = {pair.image: pair.split for pair in people}
    for image in drawn:
        splits[image] = recorded.get(image) or ("val" if chance(image, seed) < val_share else "train")
    new = sorted(drawn - set(recorded), key=lambda image: (chance(image, seed), image.name))
    if len(splits) > 1 and new:
        if "val" not in splits.values():
            splits[new[0]] = "val"
        if "train" not in splits.values():
            splits[new[-1]] = "train"
    if len(splits) == 1 and drawn:
        splits = dict.fromkeys(splits, "train")
    return [replace(pair, split=splits.get(pair.image, "train")) for pair in pairs], drawn


def read_split(folder: Path) -> dict[Path, Split]:
    """The recorded split of a set in a folder, by image; empty if there is none.

    Raises
    ------
    DataError
        If the file is damaged; the message names it and the line.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
        rows = [(reader.line_num, row) for row in reader]
    except (ValueError, OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    found: dict[Path, Split] = {}
    for line, row in rows:
        split = next((split for split in SPLITS if split == row.get("split")), None)
        if not row.get("image") or split is None:
            raise DataError(f"{path}, line {line}: a recorded split has the columns image and split (train or val)")
        found[folder / str(row["image"])] = split
    return found


def record_split(folder: Path, pairs: Sequence[Pair]) -> None:
    """Write the split of pairs into a folder, beside what is recorded there already; `OSError` if that fails."""
    before = read_split(folder)
    after = before | {pair.image: pair.split for pair in pairs}
    if after == before:
        return
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["image", "split"])
    writer.writerows((place(image, folder), split) for image, split in after.items())
    with replacing(folder / NAME) as temporary:
        temporary.write_text(out.getvalue(), "utf-8")
