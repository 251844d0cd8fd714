"""Which docks were open when their program ended without closing them: it crashed, or was killed."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from napari_colorizer.models.library import library_folder


def running_folder() -> Path:
    """Where each program with a dock has an empty file, beside the installed models."""
    return library_folder().parent / "running docks"


@cache
def _own() -> str:
    return f"{os.getpid()}-{psutil.Process().create_time():.0f}"


def begin() -> bool:
    """Note that a dock is open; tells whether a program has ended since without closing its docks."""
    folder, crashed = running_folder(), False
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.name != _own() and not _lives(file.name):
                file.unlink(missing_ok=True)
                crashed = True
        (folder / _own()).touch()
    return crashed


def end() -> None:
    """Note that no dock is open any more."""
    with suppress(OSError):
        (running_folder() / _own()).unlink(missing_ok=True)


def _lives(name: str) -> bool:
    """Whether the program that a file was made by still runs, and no other with its number."""
    number, _, began = name.partition("-")
    try:
        return abs(psutil.Process(int(number)).create_time() - float(began)) < 2
    except (psutil.NoSuchProcess, ValueError):
        return False
    except psutil.Error:  # it runs, and tells nobody about itself
        return True
