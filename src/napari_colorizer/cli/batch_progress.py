"""What the shell shows of a job: a bar with rate and time left, names of results, faults in one line each."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from napari_colorizer.cli.shared import complain, make_console, print_name, remark


class BatchProgress:
    """Listens to a job, see `napari_colorizer.batches.run.Listener`."""

    def __init__(self, doing: str, images: int):
        console = make_console()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task(doing, total=images)
        self._same = 0

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bar.stop()
        if self._same:
            typer.echo(f"{self._same} already done: skipped", err=True)

    def result(self, path: Path, made: bool) -> None:
        """Print the name."""
        self._same += not made
        print_name(path)

    def fault(self, text: str) -> None:
        """Print it as an error."""
        complain(text)

    def note(self, text: str) -> None:
        """Print it as a warning."""
        remark(text)

    def progress(self, done: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Images a second, or a minute where they are slow."""
        if not task.speed:
            return Text("")
        return Text(f"{task.speed:.1f} a second" if task.speed >= 1 else f"{task.speed * 60:.1f} a minute")
