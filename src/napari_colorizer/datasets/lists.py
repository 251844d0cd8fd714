"""A set as a CSV list: the columns image and, optionally, mask, split, source, pseudo and confidence."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from napari_colorizer.datasets.listing import Listed, Listing
from napari_colorizer.datasets.masks import DrawnMasks
from napari_colorizer.datasets.sets import Pair
from napari_colorizer.datasets.settings import Settings
from napari_colorizer.datasets.splits import SPLITS
from napari_colorizer.errors import DataError

COLUMNS = ("image", "mask", "split", "source", "pseudo", "confidence")
TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def list_csv(path: Path, settings: Settings) -> Listed:
    """List the set; `DataError` names the line that is wrong."""
    listing = Listing(path)
    seen: set[Path] = set()
    for line, row in _rows(path):
        pair = _pair(f"{path.name}, line {line}", row, path.parent, settings)
        if pair.image in seen:
            listing.problems.append(f"{path.name}, line {line}: {row['image']} is listed twice")
            continue
        seen.add(pair.image)
        listing.pairs.append(pair)
        if row["split"]:
            listing.declared.add(pair.image)
    if not listing.pairs:
        raise DataError(f"{path} lists no image")
    classes = listing.class_map(settings.classes)
    return listing, classes, DrawnMasks(classes)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with the lines they stand in; every known column is there, empty where the file has none."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
        reader.fieldnames = [str(name).strip().lower() for name in reader.fieldnames or ()]
        rows = [(reader.line_num, row) for row in reader] if "image" in reader.fieldnames else []
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a CSV list of images: it is not UTF-8 text") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a CSV list of images: {error}") from error
    if "image" not in reader.fieldnames:
        raise DataError(
            f"{path} is not a list of images: its first line must name the columns, image and, optionally, "
            f"{', '.join(COLUMNS[1:])}"
        )
    return [(line, {name: (row.get(name) or "").strip() for name in COLUMNS}) for line, row in rows]


def _pair(where: str, row: dict[str, str], folder: Path, settings: Settings) -> Pair:
    if not row["image"]:
        raise DataError(f"{where}: there is no image")
    split = next((split for split in SPLITS if split == row["split"].lower()), None)
    if row["split"] and split is None:
        raise DataError(f"{where}: split must be train or val, not {row['split']!r}")
    pseudo = TRUTHS.get(row["pseudo"].lower())
    if pseudo is None:
        raise DataError(f"{where}: pseudo must be 1 or 0, not {row['pseudo']!r}")
    image = folder / row["image"]
    source = row["source"] or settings.source_of(image, image.parent, image.parent.name)
    mask, confidence = (folder / row[name] if row[name] else None for name in ("mask", "confidence"))
    return Pair(image, mask, split or "train", source, pseudo, confidence)
