"""*Carry forward*: labels, dots and pinned regions of a slice go to the next one along with what moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.colorize.series_source import LayerSource, note_carried, note_carried_wishes
from napari_colorizer._napari.colorize.wished import OnPlane, Region
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work

if TYPE_CHECKING:  # they bring torch, which is for the background
    from napari_colorizer.series.coloring import SeriesColorizer
    from napari_colorizer.series.flow import Flow

Index = tuple[int, ...]
CARRYING = "Carrying labels and dots forward"


@dataclass(frozen=True, eq=False)
class Carrying:
    """What is carried from one slice to the next.

    Attributes
    ----------
    image : Image
        Whose slices they are.
    layer : Labels, optional
        With the label map.
    index, after : tuple of int
        Of the slices.
    labels : array of integers, (H, W), optional
        Those of the first, then those of the next; None where they stay as they are.
    wishes : OnPlane
        Likewise; what stays as it is is left out.
    """

    image: Image
    layer: Labels | None
    index: Index
    after: Index
    labels: NDArray[Any] | None
    wishes: OnPlane


class CarryForward:
    """Carries what the user has said of the slice on the screen to the next one, and goes there.

    Parameters
    ----------
    controller : ColorizeController
    colorizer : callable
        Gives what makes a `SeriesColorizer` in the background.
    """

    def __init__(self, controller: ColorizeController, colorizer: Callable[[], Callable[[], SeriesColorizer]]):
        self.controller, self._colorizer = controller, colorizer

    def carry(self) -> None:
        """Do it in the background; the labels are one step of the map's undo, the dots one of the dock's."""
        self.controller.tasks.submit(Request("carry", self._prepare, self._show, CARRYING))

    def _prepare(self) -> Work | None:
        controller, image = self.controller, self.controller.image
        if image is None or image.ndim < 3:
            controller.message.emit("Choose an image layer with several slices, and label one of its slices first")
            return None
        index = on_layers.plane_index(image, controller.viewer)
        after = (index[0] + 1, *index[1:])
        source = LayerSource.now(controller, image)
        labels = controller.labels
        plane = None if labels is None else np.array(on_layers.plane_of(labels, image, controller.viewer))
        wishes = source.all_wishes(index)
        if not (wishes.dots or wishes.regions or (plane is not None and plane.any())):
            controller.message.emit(
                "This slice has neither labels nor dots: paint some labels, or press Predict labels"
            )
        elif after[0] >= on_layers.image_shape(image)[0]:
            controller.message.emit("This is the last slice: there is no next one to carry labels to")
        else:
            carrying = _what_goes(Carrying(image, labels, index, after, plane, wishes), source)
            if carrying.labels is None and not any(carrying.wishes):
                controller.message.emit(f"Slice {after[0]} has labels or dots of its own: they are kept")
            else:
                colorizer = self._colorizer()
                return lambda: _moved(carrying, colorizer(), source, plane)
        return None

    def _show(self, found: Carrying) -> None:
        controller, image, after = self.controller, found.image, found.after
        if image is not controller.image or found.layer is not controller.labels:
            return
        still = _what_goes(found, LayerSource.now(controller, image))
        if found.labels is not None and still.labels is None:
            controller.message.emit(f"Slice {after[0]} was labeled in the meantime: its labels are kept")
            return
        if still.labels is not None:
            labels = writable(controller)
            write_labels(labels, after, still.labels)
            note_carried(labels, after)
        if any(still.wishes):
            note_carried_wishes(image, after, still.wishes)
            shape = on_layers.image_shape(image)[-2:]
            controller.wish(controller.wishes.now.with_plane(after, (shape[0], shape[1]), still.wishes))
        dims = controller.viewer.dims
        point = image.data_to_world((*after, *(0,) * (image.ndim - len(after))))
        dims.set_point(dims.ndim - image.ndim, point[0])


def _what_goes(carrying: Carrying, source: LayerSource) -> Carrying:
    """That without what the next slice has of its own, which stays as it is, and without what was deleted there."""
    own, ends = source.own_wishes(carrying.after), source.ends(carrying.after)
    labels = carrying.labels if carrying.labels is not None and carrying.labels.any() else None
    if labels is not None and source.labels(carrying.after) is not None:
        labels = None
    new = carrying.wishes
    wishes = OnPlane(
        () if own.dots or "dots" in ends else new.dots, () if own.regions or "regions" in ends else new.regions
    )
    return replace(carrying, labels=labels, wishes=wishes)


def _moved(carrying: Carrying, colorizer: SeriesColorizer, source: LayerSource, plane: NDArray[Any] | None) -> Carrying:
    """What is carried as it is on the next slice; in the background."""
    from napari_colorizer.series.coloring import flow_between

    before, after = source.gray(carrying.index), source.gray(carrying.after)
    flow = flow_between(before, after)
    labels = None if carrying.labels is None else colorizer.carried(before, carrying.labels, after, flow)
    own = np.zeros(before[0].shape[:2], np.uint8) if plane is None else plane
    there = labels if labels is not None else source.map(carrying.after)
    return replace(carrying, labels=labels, wishes=_moved_wishes(carrying, flow, own, own if there is None else there))


def _moved_wishes(carrying: Carrying, flow: Flow, before: NDArray[Any], after: NDArray[Any]) -> OnPlane:
    """Dots and pinned regions on the next slice, as `napari_colorizer.series.wishes` moves them."""
    from napari_colorizer.series.wishes import moved, moved_regions

    dots, regions = carrying.wishes
    places, stays = moved([dot.place[-2:] for dot in dots], flow, (after.shape[0], after.shape[1]))
    found = moved_regions([(region.pixel, pin) for region, pin in regions], flow, before, after)
    return OnPlane(
        tuple(
            dot._replace(place=(*carrying.after, *place))
            for dot, place, there in zip(dots, places.tolist(), stays, strict=True)
            if there
        ),
        tuple((Region(carrying.after, pixel), pin) for pixel, pin in found),
    )
