"""Let a model predict only what it has truly learned; what it has learned of colors stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.evaluation.evaluate import ids_of_set
from napari_colorizer.models.model import Model
from napari_colorizer.training.transfer import without_classes

LEAST_CLASSES = 2


def prune(
    model: Model,
    iou: Mapping[str, float],
    classes: ClassMap,
    least_iou: float = 0.1,
    trusted: Collection[int] = (),
) -> Model:
    """The model whose segmenter lacks the classes that it hardly ever finds; its class map and its colorizer stay.

    Where such a class is predicted at all, it is mostly wrong: without it the next likely class wins. Users may still
    paint it by hand.

    Parameters
    ----------
    model : Model
        With a segmenter.
    iou : mapping
        Intersection over union of the classes of a set by name, 0..1: the "IoU" of
        `napari_colorizer.evaluation.evaluate.evaluate_segmentation`.
    classes : ClassMap
        Of that set; the model's own is matched by name, as it was when they were measured.
    least_iou : float
        Classes below it are forgotten; so are those that were not measured, since nobody knows about them,
    trusted : collection of int
        but for these ids of the model.

    Raises
    ------
    ModelError
        If the model has no segmenter, or fewer than two classes would be left to it.
    """
    segmenter = model.require_segmenter()
    measured = {label: iou.get(classes[own].name, -1.0) for label, own in ids_of_set(model, classes).items()}
    found = {label for label in model.predictable if measured.get(label, -1.0) >= least_iou}
    learned = found | {label for label in model.predictable if label in trusted and measured.get(label, -1.0) < 0}
    if len(learned) < LEAST_CLASSES:
        raise ModelError(
            f"of the classes that the model {model.name!r} predicts, {len(learned)} reach an IoU of {least_iou:g}; "
            f"at least {LEAST_CLASSES} must remain. Lower the limit, or train its segmenter for longer"
        )
    return replace(model, segmenter=without_classes(segmenter, model.predictable - learned))
