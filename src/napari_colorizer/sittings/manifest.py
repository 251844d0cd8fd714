"""What a sitting says in text: all but its label map and the pixels of its image."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import napari_colorizer
from napari_colorizer.class_entries import LARGEST_ID
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.engine.pins import Pin, Pins
from napari_colorizer.errors import FileError
from napari_colorizer.sittings.references import ImageReference, ModelReference

if TYPE_CHECKING:
    from napari_colorizer.sittings.sitting import Sitting

FORMAT_VERSION = 1
DAMAGED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


class Parsed(NamedTuple):
    """What a manifest says.

    Attributes
    ----------
    fields : dict
        The arguments of `Sitting` but for the label map and the pixels of the image.
    labels_part, image_part : str, optional
        The names of the files that hold these.
    """

    fields: dict[str, Any]
    labels_part: str | None
    image_part: str | None


def describe(sitting: Sitting, folder: Path, labels_part: str | None = None, image_part: str | None = None) -> str:
    """The manifest of a sitting that lies in a folder, as JSON."""
    facts = {
        "format": FORMAT_VERSION,
        "software": software(),
        "saved": now(),
        "image": _image_facts(sitting.image, folder, image_part),
        "limits": sitting.limits,
        "model": asdict(sitting.model),
        "options": {"working_size": sitting.options.working_size, "chroma_gain": sitting.options.chroma_gain},
        "adjustment": asdict(sitting.adjustment),
        "labels": labels_part,
        "classes": None if sitting.classes is None else json.loads(sitting.classes.to_json()),
        "dots": sitting.hints.rows.tolist(),
        "pins": [
            *({"class": label, **asdict(pin)} for label, pin in sitting.pins.classes.items()),
            *({"region": pixel, **asdict(pin)} for pixel, pin in sitting.pins.regions.items()),
        ],
    }
    return json.dumps(facts, indent=1)


def parse(text: str | bytes, folder: Path) -> Parsed:
    """Read the manifest of a sitting that lies in a folder.

    Raises
    ------
    FileError
        If it is damaged, or of a newer version; the message says which.
    """
    try:
        facts: dict[str, Any] = json.loads(text)
        version = facts["format"]
        if type(version) is not int or version < 1:
            raise ValueError("its format is not a number")
    except DAMAGED as error:
        raise _damaged(error) from error
    if version > FORMAT_VERSION:
        raise FileError(
            f"this sitting was saved by a newer version of napari-colorizer (format {version}, this one reads "
            f"{FORMAT_VERSION}): update the plugin"
        )
    try:
        return Parsed(_fields(facts, folder), _name(facts["labels"]), _name(facts["image"].get("part")))
    except DAMAGED as error:
        raise _damaged(error) from error


def software() -> str:
    """The name of this program and its version."""
    return f"napari-colorizer {napari_colorizer.__version__}"


def now() -> str:
    """The date and time, with the zone, as ISO 8601 has them."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _damaged(error: BaseException) -> FileError:
    what = f"it lacks {error}" if isinstance(error, KeyError) else error or type(error).__name__
    return FileError(f"the manifest of this sitting is damaged: {what}")


def _image_facts(image: ImageReference, folder: Path, part: str | None) -> dict[str, Any]:
    if part is not None:
        return {"part": part}
    if image.path is None:
        return {}
    facts = {"path": str(image.path), "checksum": image.checksum}
    try:
        return facts | {"relative": Path(os.path.relpath(image.path, folder.absolute())).as_posix()}
    except ValueError:  # on another drive of Windows
        return facts


def _fields(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    classes, options, model = facts["classes"], facts["options"], facts["model"]
    return {
        "image": _image(facts["image"], folder),
        "model": ModelReference(_text(model["name"]), _text(model["checksum"])),
        "classes": None if classes is None else ClassMap.from_json(json.dumps(classes)),
        "hints": Hints(facts["dots"]),
        "pins": _pins(facts["pins"]),
        "adjustment": Adjustment(**facts["adjustment"]),
        "options": ColorizeOptions(options["working_size"], chroma_gain=options["chroma_gain"]),
        "limits": _limits(facts["limits"]),
    }


def _image(facts: dict[str, Any], folder: Path) -> ImageReference:
    if "path" not in facts:
        return ImageReference()
    path, here = Path(_text(facts["path"])), folder.absolute()
    elsewhere = [here / _text(facts["relative"])] if "relative" in facts else []
    elsewhere += [here.parent / path.name, here / path.name]  # beside a sitting that is a folder, and one in an archive
    return ImageReference(path, _text(facts["checksum"]), tuple(elsewhere))


def _limits(limits: Any) -> tuple[float, float] | None:
    if limits is None:
        return None
    low, high = (float(limit) for limit in limits)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"the limits {low}, {high} are not in order")
    return low, high


def _pins(items: list[dict[str, Any]]) -> Pins:
    classes: dict[int | str, Pin] = {}
    regions: dict[tuple[int, int], Pin] = {}
    for item in items:
        color = item["color"]
        pin = Pin(None if color is None else (float(color[0]), float(color[1])), item["factor"], item["strength"])
        if "class" in item:
            classes[_label(item["class"])] = pin
        else:
            y, x = item["region"]
            regions[_whole(y), _whole(x)] = pin
    return Pins(classes, regions)


def _label(label: Any) -> int | str:
    if not isinstance(label, str) and _whole(label) > LARGEST_ID:
        raise ValueError(f"{label} is not a class id")
    return label


def _whole(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"{number!r} is not a whole number of 0 or more")
    return number


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not text")
    if "\0" in text:
        raise ValueError("a text in it has an invalid character")
    return text


def _name(name: Any) -> str | None:
    return None if name is None else _text(name)
