"""What was predicted for label maps, and which of their pixels still hold it."""

from __future__ import annotations

import weakref
from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.saved_state import digest
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import translate, unique_labels
from napari_colorizer.engine.options import SegmentOptions

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.model_info import ModelInfo
    from napari_colorizer.engine.segment import Segmentation

Index = tuple[int, ...]
State = tuple["ModelInfo", int, SegmentOptions]  # what a segmentation depends on
Written = tuple[float, NDArray[np.uint8]]  # a confidence, and in bits which pixels are not of the prediction
MOST_STATES = 8  # of one label map, that are recognized after an undo
MOST_BYTES = 1 << 28  # of what is known of the planes of one label map


def into_class_map(
    prediction: NDArray[Any], model: ClassMap, classes: ClassMap, taken: Container[int] = ()
) -> tuple[NDArray[np.uint16], ClassMap]:
    """Write a prediction in the ids of another class map, by name; what that lacks is added to it.

    Parameters
    ----------
    prediction : array of integers, (H, W)
        Ids of the class map `model`.
    model, classes : ClassMap
    taken : container of int
        Ids that no new class may get.
    """
    own = {target: label for label, target in classes.match(model).items()}
    for label in unique_labels(prediction)[0].tolist():
        if label in own or label not in model:
            continue
        item = model[label]
        free = label if label not in classes and label not in taken else classes.unused_id(taken)
        name = f"{item.name} (model)" if classes.has_name(item.name) else item.name  # renamed from another class
        classes = classes.with_class(replace(item, id=free, name=name, known_as=item.name if name != item.name else ""))
        own[label] = free
    return translate(prediction, own), classes


@dataclass(frozen=True)
class Predicted:
    """A prediction, and the label map that it gives at a confidence.

    Attributes
    ----------
    state : tuple
        Model, generation of the image, and options: what it depends on.
    segmentation : Segmentation
    confidence : float
    labels : array of integers, (H, W)
        In the ids of the model.
    """

    state: State
    segmentation: Segmentation
    confidence: float
    labels: NDArray[Any]


@dataclass
class Known:
    """A prediction that was written into a label map.

    Pixels are of the prediction as long as they hold what it gave at the confidence at which it was written last.

    Attributes
    ----------
    state : tuple
        See `Predicted`.
    segmentation : Segmentation
    image : weakref of Image
        What it was predicted for.
    written : (float, array)
        The confidence at which it was written last, and in bits which pixels were not of the prediction then.
    drawn : bool
        Whether anybody has drawn since.
    """

    state: State
    segmentation: Segmentation
    image: weakref.ref[Image]
    written: Written
    drawn: bool = False
    _seen: dict[bytes, Written] = field(default_factory=dict)  # label maps as they were before and after

    @property
    def confidence(self) -> float:
        """At which it was written last."""
        return self.written[0]

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return self.segmentation.likely.nbytes + (1 + len(self._seen)) * self.written[1].nbytes

    def moved(
        self, now: NDArray[Any], classes: ClassMap, taken: Container[int], confidence: float
    ) -> tuple[NDArray[Any], ClassMap, Written]:
        """The label map (H, W), its classes, and what is `written` then, at another confidence.

        Parameters
        ----------
        now : array of integers, (H, W)
            The label map as it is. An undo brings back one that was seen before; where somebody has drawn since, all
            that differs from what was written last is taken for drawn.
        classes, taken
            See `into_class_map`.
        """
        last, bits = self.written if self.drawn else self._seen.get(digest(now), self.written)
        model, segmentation = self.state[0].classes, self.segmentation
        given, _ = into_class_map(segmentation.labels(last), model, classes, taken)
        own = from_bits(bits, now.shape) | (now != given)
        wanted, classes = into_class_map(segmentation.labels(confidence), model, classes, taken)
        wanted = np.where(own, now, wanted)
        written = confidence, np.packbits(own)
        self.see(now, (last, written[1]))
        self.see(wanted.astype(now.dtype), written)
        return wanted, classes, written

    def see(self, labels: NDArray[Any], written: Written) -> None:
        """Recognize a label map (H, W), and what is `written` then, if it comes back."""
        key = digest(labels)
        self._seen.pop(key, None)
        self._seen[key] = written
        while len(self._seen) > MOST_STATES:
            del self._seen[next(iter(self._seen))]


def from_bits(bits: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask of that shape that `np.packbits` was given."""
    return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)


class KnownPredictions:
    """The predictions that were written into label maps, one for each plane."""

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[Labels, dict[Index, Known]] = weakref.WeakKeyDictionary()

    def get(self, labels: Labels | None, index: Index) -> Known | None:
        """What was written into a plane last, if it is known."""
        return self._known.get(labels, {}).get(index) if labels is not None else None

    def note(
        self,
        labels: Labels,
        index: Index,
        image: Image,
        predicted: Predicted,
        own: NDArray[np.bool_],
        before: NDArray[Any] | None = None,
    ) -> None:
        """A prediction was written into a plane, but for the pixels `own` (H, W); an undo gives the plane `before`."""
        planes = self._known.setdefault(labels, {})
        planes.pop(index, None)
        written = predicted.confidence, np.packbits(own)
        planes[index] = known = Known(predicted.state, predicted.segmentation, weakref.ref(image), written)
        known.see(np.asarray(on_layers.full_data(labels)[index]), written)
        if before is not None:
            known.see(before, (predicted.confidence, np.packbits(np.ones_like(own))))
        while len(planes) > 1 and sum(known.size for known in planes.values()) > MOST_BYTES:
            del planes[next(iter(planes))]
        labels.events.paint.connect(self._on_paint)
        image.events.data.connect(self._on_image)

    def move(self, known: Known, before: Labels, after: Labels, index: Index) -> None:
        """A prediction was written into a copy of its label map."""
        if after is not before:
            self._known.get(before, {}).pop(index, None)
            self._known.setdefault(after, {})[index] = known
            after.events.paint.connect(self._on_paint)

    def _on_paint(self, event: Any) -> None:
        for known in self._known.get(event.source, {}).values():
            known.drawn = True

    def _on_image(self, event: Any) -> None:
        """Another picture is in an image layer: what was predicted is not of it."""
        for planes in self._known.values():
            for index in [index for index, known in planes.items() if known.image() is event.source]:
                del planes[index]
