"""What the dock knows of a model."""

from __future__ import annotations

import json
from dataclasses import dataclass

from napari_colorizer._napari.colorize.natural_colors import with_natural_colors
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.options import check_confidence
from napari_colorizer.errors import ModelError, reason
from napari_colorizer.models.header import read_header
from napari_colorizer.models.library import find_model


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
    confidence : float
        Pixels of which no class is as probable as this stay unlabeled, unless the user says otherwise.
    license : str
    modified : int
        When its file was written, in nanoseconds.
    """

    name: str
    classes: ClassMap
    color_ids: tuple[int, ...]
    label_ids: tuple[int, ...]
    confidence: float
    license: str
    modified: int

    @classmethod
    def read(cls, name: str) -> ModelInfo:
        """Read it from the header of an installed model; `ModelError` if there is none or it is damaged."""
        path = find_model(name)
        try:
            modified = path.stat().st_mtime_ns
        except OSError as error:  # a link that leads nowhere, or round in a circle
            raise ModelError(f"the model {name!r} cannot be read: {reason(error)}") from error
        header = read_header(path)
        networks = header["networks"]
        try:
            classes = ClassMap.from_json(json.dumps(header["classes"]))
            colors, labels = (
                tuple(networks[part]["ids"]) if part in networks else () for part in ("colorizer", "segmenter")
            )
            confidence = float(header.get("confidence", 0.0))
            check_confidence(confidence)
        except (ValueError, TypeError, OverflowError) as error:
            raise ModelError(f"the header of {path.name} is damaged ({error}). Copy or download it again") from error
        return cls(name, with_natural_colors(classes), colors, labels, confidence, header["license"], modified)

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
