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
from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.errors import ModelError
from napari_colorizer.models.header import read_header
from napari_colorizer.models.library import find_model

if TYPE_CHECKING:
    from napari_colorizer.engine.levels import ColorLevels
    from napari_colorizer.engine.session import Session
    from napari_colorizer.models.model import Model


SECONDS_OF_MORE = 0.05  # between two looks at whether there is a newer edit


class TorchError(ImportError):
    """PyTorch cannot be loaded."""


@dataclass(frozen=True)
class Coloring:
    """What came of a label map.

    Attributes
    ----------
    counts : dict
        How many pixels each id has.
    levels : ColorLevels, optional
        Where colors have been painted; None where none have.
    done : bool
        Whether nothing is left to paint.
    """

    counts: dict[int, int]
    levels: ColorLevels | None = None
    done: bool = True


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
        self._labels = LabelChanges()
        self._classes = ClassMap()
        self._levels: ColorLevels | None = None

    def predict(self, model: str, picture: Picture, options: SegmentOptions) -> NDArray[np.integer]:
        """A label map (H, W) of the picture."""
        return load(model).segment(np.asarray(picture.pixels), options, picture.limits)

    def colorize(
        self, model: str, picture: Picture, labels: NDArray[np.integer], classes: ClassMap, options: ColorizeOptions
    ) -> NDArray[np.uint8]:
        """The colors (H, W, 3) of a picture that is not the one at hand."""
        return load(model).colorize(np.asarray(picture.pixels), labels, None, options, picture.limits, classes)

    def count(self, labels: NDArray[np.integer]) -> Coloring:
        """Count the pixels of each id, without coloring."""
        ids, counts = unique_labels(labels)
        return Coloring(dict(zip(ids.tolist(), counts.tolist(), strict=True)))

    def color(
        self,
        model: str,
        picture: Picture,
        labels: NDArray[np.integer],
        classes: ClassMap,
        options: ColorizeOptions,
        view: Box | None = None,
        anew: bool = False,
    ) -> Coloring:
        """Color what has changed in the picture since the last time and lies in view; `color_more` does the rest.

        Parameters
        ----------
        view : Box, optional
            The pixels that are seen, of which those are painted that are off by what can be seen. By default everything
            is painted exactly.
        anew : bool
            Give the colors even if nothing has changed: they are not shown yet.
        """
        session = self._session_for(model, picture, options)
        changed = self._labels.update(labels)
        if session is None:
            levels = self._levels
            session = self._begin(model, picture, options)
            view = view if self._levels is levels else None  # of a new picture nothing is to stay black
        elif changed is None and classes == self._classes:
            return Coloring(dict(self._labels.counts), self._levels if anew else None, session.painted)
        from napari_colorizer.engine.levels import UNSEEN

        assert self._levels is not None
        self._classes = classes
        try:
            session.edit(self._labels.labels, classes=classes)
            painted = self._levels.paint(view, 0.0 if view is None else UNSEEN)
        except BaseException:
            self._labels = LabelChanges()  # the same labels are colored the next time
            raise
        return Coloring(dict(self._labels.counts), self._levels if painted or anew else None, session.painted)

    def color_more(self, view: Box | None = None) -> Coloring:
        """Paint a little of what is left to paint; colors are given if some lie in view, or nothing is left."""
        levels = self._levels
        if levels is None:
            return Coloring(dict(self._labels.counts))
        painted = levels.paint(seconds=SECONDS_OF_MORE)
        done = levels.painted
        seen = view is None or any(box.meets(view) for box in painted)
        return Coloring(dict(self._labels.counts), levels if painted and (seen or done) else None, done)

    def _session_for(self, model: str, picture: Picture, options: ColorizeOptions) -> Session | None:
        """The session at hand, if it is one of these."""
        return self._session if (id(load(model)), picture.key, options) == self._key else None

    def _begin(self, model: str, picture: Picture, options: ColorizeOptions) -> Session:
        """Another session in the place of the one at hand; its colors go where those of the last one went."""
        from napari_colorizer.engine.levels import ColorLevels

        loaded, self._session = load(model), None  # frees the old one before there is a new one
        session = loaded.session(np.asarray(picture.pixels), options, picture.limits)
        if self._levels is None or self._levels.shape != session.shape:
            self._levels = ColorLevels(session.shape)
        self._levels.follow(session)
        self._session, self._key = session, (id(loaded), picture.key, options)
        return session
