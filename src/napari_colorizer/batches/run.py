"""A job: tasks are done somewhere, and what became of them is kept here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from napari_colorizer.batches.plan import Item
from napari_colorizer.batches.result_folder import ResultFolder
from napari_colorizer.batches.tasks import FAULTS, Outcome, Outcomes, Task, Tell, do, no_tell
from napari_colorizer.errors import reason


class Listener(Protocol):
    """Who is told what happens."""

    def result(self, path: Path, made: bool) -> None:
        """A file is there, made now or before."""

    def fault(self, text: str) -> None:
        """Something failed, in one line."""

    def note(self, text: str) -> None:
        """Something that somebody should know though nothing failed."""

    def progress(self, done: int) -> None:
        """So many images are settled."""


class Workers(Protocol):
    """Who does tasks."""

    def outcomes(self, tasks: Iterator[Task], tell: Tell = no_tell) -> Outcomes:
        """Do tasks, in any order; they are asked for as there is somebody to do them.

        Who can, tells how many more images of a task with several are done.
        """


class Here:
    """Does tasks in this process, one after the other, with as many threads as PyTorch takes for each."""

    def outcomes(self, tasks: Iterator[Task], tell: Tell = no_tell) -> Outcomes:
        """See `Workers`."""
        for task in tasks:
            yield task, do(task, tell)


def run_job(items: Sequence[Item], workers: Workers, listener: Listener) -> int:
    """Do all items; returns how many of them failed, each of which was told.

    Parameters
    ----------
    items : sequence of Item
    workers : Workers
    listener : Listener
    """
    return _Job(items, listener).run(workers)


class _Job:
    def __init__(self, items: Sequence[Item], listener: Listener):
        self._items = items
        self._listener = listener
        self._folders: dict[Path, ResultFolder | None] = {}
        self._left: Counter[int] = Counter()  # tasks that are not settled
        self._made: set[int] = set()
        self._failed: set[int] = set()
        self._faults: set[tuple[int, str]] = set()
        self._stale: list[Task] = []
        self._noted: set[int] = set()
        self._settled = 0
        self._told = 0  # images of a task that is not settled

    def run(self, workers: Workers) -> int:
        try:
            self._settle_all(workers.outcomes(self._tasks(), self._tell))
            if self._stale:
                self._settle_all(workers.outcomes(self._again(), self._tell))
        finally:
            for folder in self._folders.values():
                if folder is not None:
                    folder.close()
        return len(self._failed)

    def _tasks(self) -> Iterator[Task]:
        """All tasks, item by item; an item that cannot begin is told and left out."""
        for item in self._items:
            self._left[item.number] = 1  # until its last task was given
            given, folder = 0, self._folder(item.root)
            try:
                for task in item.begin(folder) if folder else ():
                    self._left[item.number] += 1
                    given += task.images
                    yield task
            except FAULTS as error:
                self._fail(item, error)
            if folder is None:
                self._failed.add(item.number)
            self._advance(item.count - given)  # those that need not be done, or cannot be
            self._count_down(item)

    def _again(self) -> Iterator[Task]:
        """Tasks that were announced."""
        for task in self._stale:
            item = self._items[task.item]
            manifest = item.folder.manifest
            yield replace(task, known=manifest.last(task.result, task.index))

    def _folder(self, path: Path) -> ResultFolder | None:
        """The folder, made ready the first time; None where that failed, which is told once for all its results."""
        if path not in self._folders:
            try:
                self._folders[path] = ResultFolder(path)
            except FAULTS as error:
                self._folders[path] = None
                self._listener.fault(reason(error))
        return self._folders[path]

    def _settle_all(self, outcomes: Outcomes) -> None:
        with closing(outcomes):
            for task, outcome in outcomes:
                self._settle(task, outcome)

    def _settle(self, task: Task, outcome: Outcome) -> None:
        item = self._items[task.item]
        try:
            item.settle(task, outcome)
            if outcome.state == "failed":
                raise ValueError(outcome.error)
        except FAULTS as error:
            self._fail(item, error)
        if outcome.state == "stale":
            self._stale.append(task)
            return
        if outcome.state == "made":
            self._made.add(item.number)
        if outcome.note and item.number not in self._noted:  # the images of a stack are much alike
            self._noted.add(item.number)
            self._listener.note(outcome.note)
        self._told = 0
        self._advance(task.images)
        self._count_down(item)

    def _tell(self, images: int) -> None:
        self._told += images
        self._listener.progress(self._settled + self._told)

    def _advance(self, images: int) -> None:
        self._settled += images
        self._listener.progress(self._settled)

    def _fail(self, item: Item, error: BaseException) -> None:
        self._failed.add(item.number)
        text = reason(error)
        text = text if item.source.name in text else f"{item.source.name}: {text}"
        if (item.number, text) not in self._faults:  # a disk that is full is so for all images of a stack
            self._faults.add((item.number, text))
            self._listener.fault(text)

    def _count_down(self, item: Item) -> None:
        self._left[item.number] -= 1
        if self._left[item.number]:
            return
        if item.number not in self._failed:
            try:
                if item.finish():
                    self._made.add(item.number)
            except FAULTS as error:
                self._fail(item, error)
        if item.number not in self._failed:
            self._listener.result(item.target, item.number in self._made)
