"""Install the plugin as people do: through napari's plugin manager dialog, into an environment that never had it.

    .ci/with-display python docs/scripts/install_by_dialog.py [--constraint .ci/constraints.txt] [--keep FOLDER]

A wheel is built, and napari is installed into a fresh environment. There a napari window opens, the menu *Plugins*
opens the dialog, and the wheel's path is typed into its field and installed with its button. A second napari opens a
sample from the menu *File*, opens the dock from the menu *Plugins* and presses *Predict labels*. Each step is printed;
the exit code is 0 only if colors came. All is driven through the widgets that a person uses, in two further processes
that run this file with the environment's Python (``--step``): nothing here imports more than the standard library at
first.

``--constraint`` says, for example, which PyTorch to take, also in the dialog. The dialog gives its installer a
constraints file of its own: pip adds that to ``PIP_CONSTRAINT``, but uv forgets ``UV_CONSTRAINT`` over it. uv adds what
stands in its settings, so the constraints go there; other settings of uv do not hold here then.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PLUGIN = "napari-colorizer"
INSTALL_MENU = ("Plugins", "Install/Uninstall Plugins...")
SAMPLE_MENU = ("File", "Open Sample", "Colorizer", "Photographer (gray)")
DOCK_MENU = ("Plugins", "Colorizer", "Colorize")
IN_FULL = " (Colorizer)"  # napari adds this to our entries, in our own submenu, too
PATIENCE_S = 1800  # for downloads and for the networks' first run
COLORED = 8  # a pixel whose red, green and blue differ by more is colored
LEAST_COLORED = 0.05  # of the pixels


def main() -> None:
    """Build, install and color; or one of the steps that run in the fresh environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constraint", type=Path, help="versions to install, a constraints file of pip")
    parser.add_argument("--qt", choices=["pyqt6", "pyside6"], default="pyqt6", help="the Qt binding")
    parser.add_argument("--installer", choices=["pip", "uv"], default="pip", help="what the dialog installs with")
    parser.add_argument("--keep", type=Path, help="a folder for the environment and the pictures, left as it is")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--wheel", type=Path, help="a wheel that is built already")
    arguments = parser.parse_args()
    if arguments.step:
        STEPS[arguments.step](arguments)
    elif arguments.keep:
        try_in(arguments.keep.resolve(), arguments)
    else:
        with tempfile.TemporaryDirectory() as folder:
            try_in(Path(folder), arguments)


def try_in(folder: Path, arguments: argparse.Namespace) -> None:
    """Do the whole in a folder; ends with the exit code of the step that failed."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    environment = surroundings(python.parent)
    if arguments.constraint:
        environment |= constrained(arguments.constraint.resolve(), folder)
    environment["NAPARI_CONFIG"] = str(folder / "settings.yaml")
    environment["NAPARI_COLORIZER_MODELS"] = str(folder / "models")
    wheel = (arguments.wheel or build_wheel(folder / "wheel", environment)).resolve()
    venv.create(folder / "env", clear=True, with_pip=True)
    brings = [f"napari[{arguments.qt},optional]", *(["uv"] if arguments.installer == "uv" else [])]
    say(f"installing {' and '.join(brings)} into a fresh environment")
    run([python, "-m", "pip", "install", "--quiet", *brings], environment)
    for step in STEPS:
        run([python, Path(__file__).resolve(), "--step", step, "--keep", folder, "--wheel", wheel], environment)
    say("installed through the dialog, restarted, and colored")


def surroundings(programs: Path) -> dict[str, str]:
    """The environment variables of all that is run: the fresh environment's programs first, no other Python's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NAPARI_"))}
    environment.pop("QT_API", None)
    environment["PATH"] = os.pathsep.join([str(programs), environment.get("PATH", "")])
    return environment


def constrained(constraint: Path, folder: Path) -> dict[str, str]:
    """The environment variables for pip and uv to keep to a constraints file; the folder gets a file for uv."""
    lines = (line.partition("#")[0].strip() for line in constraint.read_text("utf-8").splitlines())
    settings = folder / "uv.toml"
    settings.write_text(f"constraint-dependencies = {json.dumps([line for line in lines if line])}\n", "utf-8")
    return {"PIP_CONSTRAINT": str(constraint), "UV_CONFIG_FILE": str(settings)}


def build_wheel(folder: Path, environment: dict[str, str]) -> Path:
    """Build the wheel of this checkout into a folder, and return its path."""
    say(f"building the wheel of {ROOT}")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT], environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


def run(command: list[Any], environment: dict[str, str]) -> None:
    """Run a command; if it fails, this program ends with its exit code."""
    finished = subprocess.run([str(part) for part in command], env=environment, cwd=tempfile.gettempdir(), check=False)
    if finished.returncode:
        say(f"failed with exit code {finished.returncode}: {' '.join(map(str, command))}")
        sys.exit(finished.returncode if finished.returncode > 0 else 1)


def install(arguments: argparse.Namespace) -> None:
    """In a napari without the plugin: install it through the dialog, and close both."""
    import napari
    from napari_plugin_manager import qt_plugin_dialog
    from qtpy.QtWidgets import QTextEdit

    qt_plugin_dialog.iter_napari_plugin_info = nothing_published
    viewer = napari.Viewer()
    if PLUGIN in plugins():
        sys.exit(f"{PLUGIN} is installed already")
    press(viewer, INSTALL_MENU)
    dialog = viewer.window._qt_window._plugin_manager_dialog
    wait_until(dialog.isVisible, "the plugin manager dialog did not open")
    ended: list[tuple[int, ...]] = []
    dialog.installer.allFinished.connect(ended.append)
    type_and_install(dialog, str(arguments.wheel))
    say(f"the dialog runs {dialog.installer._current_process.program()}")
    wait_until(lambda: bool(ended), "the installation did not end")
    output = dialog.findChild(QTextEdit, "plugin_manager_process_status").toPlainText()
    if any(ended[0]) or PLUGIN not in plugins():
        sys.exit(f"the dialog could not install the plugin:\n{output}")
    dialog.grab().save(str(arguments.keep / "dialog.png"))
    close_and_answer(dialog)
    viewer.close()
    say("the dialog installed it and asked for a restart")


def type_and_install(dialog: Any, path: str) -> None:
    """Type a path into the dialog's field, and click the *Install* beside it."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    QTest.keyClicks(dialog.direct_entry_edit, path)
    say(f"typed into the dialog: {dialog.direct_entry_edit.text()}")
    QTest.mouseClick(dialog.direct_entry_btn, Qt.MouseButton.LeftButton)


def close_and_answer(dialog: Any) -> None:
    """Click *Close*, and *Okay* in the message about a restart that then waits for an answer."""
    from napari_plugin_manager.qt_warning_dialog import RestartWarningDialog
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication, QPushButton

    answered: list[bool] = []

    def answer() -> None:
        for window in QApplication.topLevelWidgets():
            if isinstance(window, RestartWarningDialog) and window.isVisible():
                answered.append(True)
                window.findChild(QPushButton).click()

    timer = QTimer()
    timer.timeout.connect(answer)
    timer.start(100)
    dialog.close_btn.click()
    wait_until(lambda: bool(answered), "napari did not ask for a restart")
    timer.stop()


def nothing_published() -> Iterator[Any]:
    """Stand in for the list of published plugins: what is installed here is a file, and the list is long."""
    yield from ()


def plugins() -> list[str]:
    """The plugins that npe2 finds in the environment now."""
    from npe2 import PluginManager

    manager = PluginManager.instance()
    manager.discover()
    return [manifest.name for manifest in manager.iter_manifests()]


def color(arguments: argparse.Namespace) -> None:
    """In a napari that was started after the installation: open a sample and color it, from the menus."""
    import napari
    from qtpy.QtWidgets import QPushButton

    viewer = napari.Viewer()
    press(viewer, SAMPLE_MENU)
    wait_until(lambda: len(viewer.layers) == 1, "the sample did not open")
    press(viewer, DOCK_MENU)
    buttons = [b for b in viewer.window._qt_window.findChildren(QPushButton) if b.text() == "Predict labels"]
    wait_until(buttons[0].isEnabled, "'Predict labels' cannot be pressed")
    buttons[0].click()
    wait_until(lambda: colored_part(viewer) > LEAST_COLORED, "no colors came")
    say(f"layers: {', '.join(layer.name for layer in viewer.layers)}; {colored_part(viewer):.0%} of the pixels colored")
    viewer.window._qt_window.grab().save(str(arguments.keep / "colored.png"))
    viewer.close()


def colored_part(viewer: Any) -> float:
    """The part of the pixels of the RGB layers that are not gray; 0 without such a layer."""
    import numpy as np

    parts = [0.0]
    for layer in viewer.layers:
        if getattr(layer, "rgb", False):
            parts.append(float((np.ptp(np.asarray(layer.data)[..., :3], axis=-1) > COLORED).mean()))
    return max(parts)


def press(viewer: Any, path: tuple[str, ...]) -> None:
    """Choose an entry of napari's menus, by the texts that are seen, while the menus open one by one."""
    menu: Any = viewer.window._qt_window.menuBar()
    for text in path:
        entries = {entry.text().replace("&", "").removesuffix(IN_FULL): entry for entry in menu.actions()}
        if text not in entries:
            sys.exit(f"the menu has no entry {text!r} of {' > '.join(path)}; it has: {', '.join(entries)}")
        menu = entries[text].menu()
        if menu is not None:
            menu.aboutToShow.emit()
    say(f"chose {' > '.join(path)}")
    entries[text].trigger()


def wait_until(done: Callable[[], bool], otherwise: str) -> None:
    """Let Qt work until `done()` is true; ends the program with the message `otherwise` if that takes too long."""
    from qtpy.QtWidgets import QApplication

    deadline = time.monotonic() + PATIENCE_S
    while not done():
        QApplication.processEvents()
        time.sleep(0.02)
        if time.monotonic() > deadline:
            sys.exit(otherwise)


def say(text: str) -> None:
    """Print what was done, at once."""
    print(f"- {text}", flush=True)


STEPS = {"install": install, "color": color}  # in this order, each in a process of its own

if __name__ == "__main__":
    main()
