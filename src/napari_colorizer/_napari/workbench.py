"""What is done in the background thread: loading models, predicting, coloring. No Qt, no layers, no widgets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer._napari.layers import Picture
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.errors import ModelError
from napari_colorizer.models.header import read_header
from napari_colorizer.models.library import find_model

if TYPE_CHECKING:
    from napari_colorizer.engine.session import Session
    from napari_colorizer.models.model import Model


class TorchError(ImportError):
    """PyTorch cannot be loaded."""


@dataclass(frozen=True)
class Coloring:
    """What came of a label map.

    Attributes
    ----------
    counts : dict
        How many pixels each id has.
    rgb : array of uint8, (H, W, 3), optional
        None where the labels are those of the last time.
    """

    counts: dict[int, int]
    rgb: NDArray[np.uint8] | None


@dataclass(frozen=True)
class ModelInfo:
    """What the dock must know of a model before its tensors are loaded.

    Attributes
    ----------
    name : str
        Installed name or path.
    classes : ClassMap
    color_ids : tuple of int
        Ids that the colorizer has learned; none if there is no colorizer.
    label_ids : tuple of int
        Ids that the segmenter predicts; none if there is no segmenter.
    license : str
    modified : int
        When its file was written, in nanoseconds.
    """

    name: str
    classes: ClassMap
    color_ids: tuple[int, ...]
    label_ids: tuple[int, ...]
    license: str
    modified: int

    @classmethod
    def read(cls, name: str) -> ModelInfo:
        """Read it from the header of an installed model; `ModelError` if there is none or it is damaged."""
        path = find_model(name)
        modified = path.stat().st_mtime_ns
        header = read_header(path)
        networks = header["networks"]
        try:
            classes = ClassMap.from_json(json.dumps(header["classes"]))
            colors, labels = (
                tuple(networks[part]["ids"]) if part in networks else () for part in ("colorizer", "segmenter")
            )
        except (ValueError, TypeError) as error:
            raise ModelError(f"the header of {path.name} is damaged ({error}). Copy or download it again") from error
        return cls(name, classes, colors, labels, header["license"], modified)

    @property
    def has_segmenter(self) -> bool:
        """Whether it predicts label maps."""
        return bool(self.label_ids)

    def colored(self, classes: ClassMap) -> set[int]:
        """Ids of the classes of a label map that the model has colors for."""
        return {label for label, target in classes.match(self.classes).items() if target in self.color_ids}

    def predicted(self, classes: ClassMap) -> set[int]:
        """Ids of the classes of a label map that the model may predict."""
        return {label for label, target in classes.match(self.classes).items() if target in self.label_ids}


def load(name: str) -> Model:
    """Load a model, or take it from memory if its file has not changed since.

    Raises
    ------
    TorchError
        If PyTorch cannot be loaded.
    """
    path = find_model(name)
    try:
        import torch  # noqa: F401
    except (OSError, ImportError) as error:
        raise TorchError(
            "PyTorch could not be loaded. Start napari from an environment where 'python -c \"import torch\"' works; "
            "on Windows, installing the Microsoft Visual C++ Redistributable helps"
        ) from error
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int) -> Model:
    from napari_colorizer.models.file import read_model

    return read_model(path)


def devices() -> dict[str, str]:
    """Devices of this machine, and the names to show for them."""
    from napari_colorizer.engine.devices import available_devices

    return available_devices()


class Workbench:
    """Keeps the session of the picture at hand, so that an edit costs no more than it must."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._key: tuple[Any, ...] = ()
        self._labels: NDArray[np.integer] | None = None
        self._classes = ClassMap()

    def predict(self, model: str, picture: Picture, options: SegmentOptions) -> NDArray[np.integer]:
        """A label map (H, W) of the picture."""
        return load(model).segment(np.asarray(picture.pixels), options, picture.limits)

    def count(self, labels: NDArray[np.integer]) -> Coloring:
        """Count the pixels of each id, without coloring."""
        ids, counts = unique_labels(labels)
        return Coloring(dict(zip(ids.tolist(), counts.tolist(), strict=True)), None)

    def color(
        self,
        model: str,
        picture: Picture,
        labels: NDArray[np.integer],
        classes: ClassMap,
        options: ColorizeOptions,
        force: bool = False,
    ) -> Coloring:
        """Color the picture; only counts if nothing has changed since the last time and `force` is not set."""
        loaded = load(model)
        key = (id(loaded), picture.key, options)
        if self._session is None or key != self._key:
            self._session, self._labels = None, None  # free the old one before there is a new one
            self._session, self._key = loaded.session(np.asarray(picture.pixels), options, picture.limits), key
        same = (
            self._labels is not None
            and classes == self._classes
            and self._labels.shape == labels.shape
            and np.array_equal(self._labels, labels)
        )
        result = self.count(labels)
        if same and not force:
            return result
        rgb = self._session.colorize(labels, classes=classes)
        self._labels, self._classes = labels, classes
        return Coloring(result.counts, rgb)

    def forget(self) -> None:
        """Color anew the next time, whatever the labels: what was colored last is not shown."""
        self._labels = None
