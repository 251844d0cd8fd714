"""What was predicted for label maps, and which of their pixels still hold it."""

from __future__ import annotations

import weakref
from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.saved_state import digest
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.engine.labels import translate, unique_labels
from napari_colorizer.engine.options import SegmentOptions

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.model_info import ModelInfo
    from napari_colorizer.engine.segment import Segmentation

Index = tuple[int, ...]
State = tuple["ModelInfo", int, SegmentOptions]  # what a segmentation depends on
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


class Written(NamedTuple):
    """What was written into a label map.

    Attributes
    ----------
    segmentation : Segmentation
    classes : ClassMap
        In whose ids that is.
    confidence : float
    own : array of uint8
        In bits which pixels are not of the segmentation.
    """

    segmentation: Segmentation
    classes: ClassMap
    confidence: float
    own: NDArray[np.uint8]

    def labels(self, confidence: float, classes: ClassMap, taken: Container[int]) -> tuple[NDArray[Any], ClassMap]:
        """The label map (H, W) at a confidence, see `into_class_map`."""
        return into_class_map(self.segmentation.labels(confidence), self.classes, classes, taken)

    def drawn(self, now: NDArray[Any], classes: ClassMap, taken: Container[int]) -> NDArray[np.bool_]:
        """Which pixels (H, W) of a label map, as it is now, are not of the segmentation."""
        given, _ = self.labels(self.confidence, classes, taken)
        return from_bits(self.own, now.shape) | (now != given)


@dataclass
class Known:
    """A prediction that was written into a label map, perhaps with strokes spread over it.

    Pixels are of the prediction as long as they hold what it gave when it was written last.

    Attributes
    ----------
    state : tuple
        See `Predicted`.
    predicted : Segmentation
        As it was predicted, in the ids of the model.
    image : weakref of Image
        What it was predicted for.
    written : Written
        What was written last.
    drawn : bool
        Whether anybody has drawn since.
    """

    state: State
    predicted: Segmentation
    image: weakref.ref[Image]
    written: Written
    drawn: bool = False
    _seen: dict[bytes, Written] = field(default_factory=dict)  # label maps as they were before and after

    @property
    def confidence(self) -> float:
        """At which it was written last."""
        return self.written.confidence

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        kept = {id(each.segmentation): each.segmentation for each in (self.written, *self._seen.values())}
        return sum(found.likely.nbytes for found in kept.values()) + (1 + len(self._seen)) * self.written.own.nbytes

    def last(self, now: NDArray[Any], classes: ClassMap, taken: Container[int]) -> Written:
        """What the label map (H, W), as it is now, was made from.

        An undo brings back one that was seen before. Where somebody has drawn since, it is what was written last; or,
        where that was spread strokes that may have been taken back, whatever explains more of the pixels.
        """
        if not self.drawn:
            return self._seen.get(digest(now), self.written)
        others = {id(each.segmentation): each for each in self._seen.values()}
        others.pop(id(self.written.segmentation), None)
        choices = [self.written, *reversed(others.values())]
        if len(choices) == 1:
            return self.written
        return min(choices, key=lambda each: np.count_nonzero(each.drawn(now, classes, taken)))

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
        last = self.last(now, classes, taken)
        own = last.drawn(now, classes, taken)
        wanted, classes = last.labels(confidence, classes, taken)
        return self._write(now, last, wanted, classes, last._replace(confidence=confidence, own=np.packbits(own)))

    def spread(
        self, now: NDArray[Any], classes: ClassMap, taken: Container[int], confidence: float
    ) -> tuple[NDArray[Any], ClassMap, Written]:
        """The same, where all that was drawn since the prediction is strokes that are spread over it."""
        last = self.last(now, classes, taken)
        own = last.drawn(now, classes, taken)
        model, known = self.state[0].classes, self.predicted.evidence
        assert known is not None
        ids, wider = into_class_map(np.array([known.ids]), model, classes, taken)
        predicted = self.predicted.translated(dict(zip(known.ids, ids[0].tolist(), strict=True)))
        corrected = predicted.spread(np.where(own, now, UNLABELED))
        written = Written(corrected, wider, confidence, np.packbits(own))
        wanted, classes = written.labels(confidence, classes, taken)
        return self._write(now, last, wanted, classes, written)

    def _write(
        self, now: NDArray[Any], last: Written, wanted: NDArray[Any], classes: ClassMap, written: Written
    ) -> tuple[NDArray[Any], ClassMap, Written]:
        """What is to be written, but for what was drawn; the label map is recognized before and after."""
        wanted = np.where(from_bits(written.own, now.shape), now, wanted)
        self.see(now, last._replace(own=written.own))
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
        model, found = predicted.state[0].classes, predicted.segmentation
        written = Written(found, model, predicted.confidence, np.packbits(own))
        planes[index] = known = Known(predicted.state, found, weakref.ref(image), written)
        known.see(np.asarray(on_layers.full_data(labels)[index]), written)
        if before is not None:
            known.see(before, written._replace(own=np.packbits(np.ones_like(own))))
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
