"""Questions that do not stop the window while they wait for their answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QCheckBox, QMessageBox, QWidget

Answer = Literal["overwrite", "keep", "cancel"]
Told = Callable[[Answer, bool], None]  # the answer, and whether it holds for all that follow
MOST_NAMES = 5


def ask_to_overwrite(
    parent: QWidget,
    paths: Sequence[Path],
    then: Told,
    of_many: bool = False,
    what: str = "Made or changed elsewhere.",
) -> QMessageBox:
    """Ask whether files are to be overwritten, and tell the answer.

    Parameters
    ----------
    parent : QWidget
    paths : sequence of Path
    then : callable
    of_many : bool
        Whether the same may be asked of other files, and be answered once for all.
    what : str
        What the files are.
    """
    names = [f"• {path.name}" for path in paths[:MOST_NAMES]]
    names += [f"• and {len(paths) - MOST_NAMES} more"] * (len(paths) > MOST_NAMES)
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Overwrite?")
    box.setText(f"Overwrite {'this file' if len(paths) == 1 else 'these files'} in {paths[0].parent}?")
    box.setInformativeText("\n".join([*names, what]))
    overwrite = box.addButton("Overwrite", QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton("Keep the old", QMessageBox.ButtonRole.AcceptRole)
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(cancel)
    always = QCheckBox("Do the same for the other images in this folder")
    if of_many:
        box.setCheckBox(always)

    def told(_result: int) -> None:
        clicked, for_all = box.clickedButton(), always.isChecked()
        box.deleteLater()
        then("overwrite" if clicked is overwrite else "keep" if clicked is keep else "cancel", for_all)

    box.finished.connect(told)
    box.open()
    return box
