"""The files of a job, images and stacks: each gives tasks, and takes what became of them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from napari_colorizer.batches.destinations import FileDestination, PageDestination, StoreDestination, VideoDestination
from napari_colorizer.batches.label_files import find_labels
from napari_colorizer.batches.manifest import Record
from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.result_folder import ResultFolder
from napari_colorizer.batches.stacks import Stack, changed
from napari_colorizer.batches.tasks import Outcome, Task
from napari_colorizer.batches.tiff_stacks import write_tiff_stack
from napari_colorizer.batches.zarr_stacks import is_store
from napari_colorizer.batches.zarr_stores import create_store, kept_axes, mark_of
from napari_colorizer.checksums import Stamp, checksum, stamp
from napari_colorizer.errors import FileError
from napari_colorizer.files import refuse_existing, refuse_itself, replacing


@dataclass
class ImageItem:
    """A file with one image, and the file for its result.

    Attributes
    ----------
    number : int
        Which item of the job it is.
    recipe : Recipe
    source, target : Path
    root : Path
        The folder whose manifest tells of it.
    labels : Path, optional
    overwrite : bool
    """

    number: int
    recipe: Recipe
    source: Path
    target: Path
    root: Path
    labels: Path | None
    overwrite: bool
    count = 1

    def begin(self, folder: ResultFolder) -> Iterator[Task]:
        """Its tasks; whatever is raised means that nothing can be done."""
        refuse_itself(self.target, self.source)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._name = folder.name_of(self.target)
        yield self._task(None, FileDestination(self.target.absolute(), folder.temporary.absolute()))

    def _task(self, index: tuple[int, ...] | None, destination: object, stamp: Stamp | None = None) -> Task:
        source, manifest = self.source.absolute(), self.folder.manifest
        like = Record(self._name, index, "", str(source), "", recipe=self.recipe.facts())
        return Task(
            self.number,
            self.recipe,
            source,
            index,
            stamp,
            self.labels and self.labels.absolute(),
            self._name,
            destination,
            manifest.last(self._name, index),
            manifest.replaceable(like),
            self.overwrite,
        )

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Keep what a task has made."""
        if outcome.state == "made":
            assert outcome.written is not None
            assert outcome.record is not None
            self.folder.commit(outcome.written, self.target, outcome.record, self.overwrite)

    def finish(self) -> bool:
        """Do what is left when all tasks were settled and none failed; returns whether that has made the result."""
        return False


@dataclass
class VideoItem(ImageItem):
    """A video: its frames follow from each other, so it is one task, which keeps what it has done."""

    frames: int = 1

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many frames it has."""
        return self.frames

    def begin(self, folder: ResultFolder) -> Iterator[Task]:
        """See `ImageItem`."""
        if self.recipe.coloring is None:
            raise FileError(f"{self.source.name} is a video: to predict label maps, save its frames as a TIFF or zarr")
        if self.labels is not None:
            raise FileError(f"{self.source.name} is a video: it takes no label map, its labels are predicted")
        self._parts = folder.pages_of(self.target)
        for task in super().begin(folder):
            places = task.destination.target, task.destination.temporary
            destination = VideoDestination(*places, parts=self._parts.absolute())
            yield replace(task, destination=destination, images=self.frames)

    def finish(self) -> bool:
        """See `ImageItem`."""
        shutil.rmtree(self._parts, ignore_errors=True)
        return False


@dataclass
class StackItem(ImageItem):
    """A stack, and what its result is made of."""

    stack: Stack
    dtype: np.dtype[np.generic] = field(default_factory=lambda: np.dtype(np.uint8))

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many images it has."""
        return math.prod(self.stack.lead)

    @property
    def _colors(self) -> bool:
        return self.recipe.coloring is not None

    def _prepare(self, folder: ResultFolder) -> None:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._name = folder.name_of(self.target)
        self._stamp = None if self.source.is_dir() else stamp(self.source)


class TiffItem(StackItem):
    """A stack whose result is a TIFF: its pages wait in a hidden folder until all are there."""

    def begin(self, folder: ResultFolder) -> Iterator[Task]:
        """See `ImageItem`; nothing if all is there already."""
        self._prepare(folder)
        self._pages = folder.pages_of(self.target)
        self._whole = self._record()
        self._done = self._is_done()
        if self._done:
            return
        if not (self.overwrite or folder.may_replace(self.target, self._whole)):
            refuse_existing(self.target)
        self._pages.mkdir(exist_ok=True)
        for index in np.ndindex(*self.stack.lead):
            page = PageDestination(self._page(index).absolute(), folder.temporary.absolute(), self.dtype.str)
            yield self._task(index, page, self._stamp)

    def _record(self) -> Record:
        labels = find_labels(self.source, self.labels, stack=True)
        facts = (str(self.source.absolute()), checksum(self.source))
        record = Record(self._name, None, "", *facts, recipe=self.recipe.facts())
        if labels is None:
            return record
        return replace(record, labels=str(labels.absolute()), labels_sha256=checksum(labels))

    def _is_done(self) -> bool:
        known = self.folder.manifest.last(self._name, None)
        if known is None or not known.made_like(self._whole) or not self.target.is_file():
            return False
        return checksum(self.target) == known.sha256

    def _page(self, index: tuple[int, ...]) -> Path:
        return self._pages / ("-".join(map(str, index)) or "0")  # a store may hold one image, of no axis

    def settle(self, task: Task, outcome: Outcome) -> None:
        """See `ImageItem`."""
        if outcome.state == "made":
            assert outcome.written is not None
            assert outcome.record is not None
            assert task.index is not None
            outcome.written.replace(self._page(task.index))
            self.folder.manifest.add(outcome.record)

    def finish(self) -> bool:
        """Put the pages together, if that was not done, and remove them: who put them together may have been killed."""
        if not self._done:
            self._put_together()
        shutil.rmtree(self._pages, ignore_errors=True)
        return not self._done

    def _put_together(self) -> None:
        if self._stamp and stamp(self.source) != self._stamp:
            raise changed(self.source)
        shape = (*self.stack.lead, *self.stack.size, *((3,) if self._colors else ()))
        pages = [self._page(index) for index in np.ndindex(*self.stack.lead)]
        written = self.folder.temporary / f"{self.number}.tif"
        with replacing(written) as temporary:
            write_tiff_stack(temporary, pages, shape, self.dtype, self.stack.axes)
        record = replace(self._whole, sha256=checksum(written))
        self.folder.commit(written, self.target, record, self.overwrite)


class ZarrItem(StackItem):
    """A stack whose result is a zarr store: images are written where they stay, and the manifest tells which are."""

    def begin(self, folder: ResultFolder) -> Iterator[Task]:
        """See `ImageItem`."""
        self._prepare(folder)
        self._create()
        kept = kept_axes(self.stack, self.source.name)[1]
        for index in np.ndindex(*self.stack.lead):
            destination = StoreDestination(self.target.absolute(), tuple(index[axis] for axis in kept))
            yield self._task(index, destination, self._stamp)

    def _create(self) -> None:
        """Make the store, or go on with the one that is there if it is ours and for such a stack."""
        manifest = self.folder.manifest
        facts = {**self.recipe.facts(), "shape": [*self.stack.lead, *self.stack.size]}
        record = Record(self._name, None, "", str(self.source.absolute()), "", recipe=facts)
        mark = mark_of(self.target) if is_store(self.target) else ""
        if mark and mark in manifest.replaceable(record):
            return
        if self.overwrite and is_store(self.target):
            shutil.rmtree(self.target)
        refuse_existing(self.target)
        classes = None if self._colors else self.recipe.load().classes
        made = self.folder.temporary / f"{self.number}.zarr"
        mark = create_store(made, self.source.name, self.stack, self.dtype, self._colors, classes)
        manifest.add(replace(record, sha256=mark))
        made.rename(self.target)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """See `ImageItem`."""
        if outcome.state == "stale":  # what is half written when this ends is then known to be nobody else's
            self.folder.manifest.add(Record(task.result, task.index, "", str(task.source), ""))
        elif outcome.state == "made":
            assert outcome.record is not None
            self.folder.manifest.add(outcome.record)
