"""What is to be worked on: files, folders, patterns and zarr stores, spelled out as images and stacks."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_colorizer.batches.videos import can_read_videos
from napari_colorizer.batches.zarr_stacks import is_store
from napari_colorizer.errors import FileError
from napari_colorizer.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_own_output

RESULTS = "label maps and colored images are results, not images to color"
KINDS = "PNG, JPEG, TIFF, BMP, WebP or zarr, and videos if imageio-ffmpeg is installed"


@dataclass(frozen=True)
class Input:
    """An image or a stack, and the folder that it was found from: results lie in the same folders below another."""

    path: Path
    root: Path


@dataclass
class Inputs:
    """What was found, what is passed over though it was named, and what is wrong."""

    found: list[Input] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find_inputs(given: Sequence[Path], recursive: bool = False, videos: bool = True) -> Inputs:
    """Spell out files, zarr stores, folders of such and patterns such as ``scans/*.tif``.

    Label maps and colors that this program wrote are never among them, and hidden files of folders neither.

    Parameters
    ----------
    given : sequence of Path
    recursive : bool
        Whether to look into folders within folders too, along symbolic links as well, but never in circles.
    videos : bool
        Whether to take the videos of folders, if they can be read.

    Returns
    -------
    Inputs
        Each image once, in the order given, those of a folder by name.

    Raises
    ------
    FileError
        If there is nothing to work on and nothing that would say why.
    """
    inputs = Inputs()
    suffixes = IMAGE_SUFFIXES | (VIDEO_SUFFIXES if videos and can_read_videos() else set())
    seen: dict[Path, None] = {}
    for path in (path for text in given for path in _spell_out(text)):
        if path.is_dir() and not is_store(path):
            images = _images_below(path, recursive, suffixes, inputs.problems)
        elif is_own_output(path):
            inputs.passed_over.append(path)
            continue
        elif os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):  # a pipe: it may never end
            inputs.problems.append(f"{path} is neither a file nor a folder")
            continue
        else:
            images = iter([Input(path, path.parent)])
        for image in images:
            if image.path not in seen:
                seen[image.path] = None
                inputs.found.append(image)
    if not inputs.found and not inputs.problems:
        raise FileError(_nothing(given, inputs.passed_over, recursive))
    return inputs


def _nothing(given: Sequence[Path], passed_over: Collection[Path], recursive: bool) -> str:
    folders = [path for path in given if path.is_dir()]
    deeper = not recursive and any(inner.is_dir() for path in folders for inner in path.iterdir())
    hint = "; --recursive includes subfolders" if deeper else ""
    return f"there is no image in {', '.join(map(str, given))}: {RESULTS if passed_over else KINDS}{hint}"


def _spell_out(path: Path) -> list[Path]:
    """A path that is there as it is, else what it stands for as a pattern; itself where that is nothing."""
    if os.path.lexists(path) or not glob.has_magic(str(path)):
        return [path]
    return [Path(found) for found in sorted(glob.glob(str(path), recursive=True))] or [path]


def _images_below(folder: Path, recursive: bool, suffixes: Collection[str], problems: list[str]) -> Iterator[Input]:
    """Images and stores of a folder, and of those within it if asked; each real folder is looked into once."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            facts = here.stat()
            inner = sorted(here.iterdir(), key=lambda path: (path.name.lower(), path.name))
        except OSError as error:
            problems.append(f"{here} cannot be read: {error.strerror}")
            continue
        if (facts.st_dev, facts.st_ino) in seen:
            problems.append(f"{here} is a link to a folder that was already searched: it is skipped")
            continue
        seen.add((facts.st_dev, facts.st_ino))
        visible = [path for path in inner if not path.name.startswith(".")]
        yield from (Input(path, folder) for path in visible if _is_image(path, suffixes, problems))
        if recursive:
            waiting += reversed([path for path in visible if os.path.isdir(path) and not is_store(path)])


def _is_image(path: Path, suffixes: Collection[str], problems: list[str]) -> bool:
    """Whether a file of a folder is to be worked on; a link that leads nowhere, or round in a circle, is told."""
    if path.suffix.lower() not in suffixes and not is_store(path):
        return False
    if is_own_output(path):
        return False
    if path.is_symlink() and not os.path.exists(path):
        problems.append(f"{path} is a symbolic link that is broken or circular")
        return False
    return is_store(path) or os.path.isfile(path)
