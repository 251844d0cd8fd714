"""Which results a job makes, and where they lie; refused before any work where two would be one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_colorizer.batches.inputs import Input
from napari_colorizer.batches.items import ImageItem, TiffItem, VideoItem, ZarrItem
from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.stacks import Stack, open_stack
from napari_colorizer.batches.videos import WRITTEN_SUFFIXES, facts_of, is_video
from napari_colorizer.batches.zarr_stacks import is_store
from napari_colorizer.color_files import form_of_colors
from napari_colorizer.errors import FileError
from napari_colorizer.files import STORE_SUFFIX, TIFF_SUFFIXES, is_file, names_picture

Item = ImageItem | TiffItem | VideoItem | ZarrItem


def make_plan(
    inputs: list[Input], recipe: Recipe, output: Path | None = None, labels: Path | None = None, overwrite: bool = False
) -> tuple[list[Item], list[str]]:
    """The items of a job, and what is wrong with inputs that are left out.

    Parameters
    ----------
    inputs : list of Input
    recipe : Recipe
    output : Path, optional
        A folder for the results, which lie in it as the inputs lie in theirs; or a file, or a zarr store, for one.
        None: beside each input.
    labels : Path, optional
        A label map, or a folder of such.
    overwrite : bool
        Whether results that somebody else has made are written over.

    Raises
    ------
    ValueError
        If two results would be one file, or the output cannot hold them.
    """
    if output is not None and _is_file_name(output):
        _check_single(inputs, output, recipe)
    if labels is not None and not labels.exists():
        raise ValueError(f"there is no label map or folder {labels}")
    if labels is not None and (is_file(labels) or is_store(labels)) and len(inputs) > 1:
        raise ValueError("one label map cannot be used for several images; give --labels a folder")
    items: list[Item] = []
    problems: list[str] = []
    sources: dict[Path, Path] = {}
    for one in inputs:
        try:
            stack = open_stack(one.path)
            frames = facts_of(one.path).count if is_video(one.path) else 0
        except FileError as error:
            problems.append(str(error))
            continue
        target = _target(one, output, recipe.kind, _suffix(one.path, stack))
        if sources.setdefault(target.absolute(), one.path) != one.path:
            raise ValueError(
                f"{sources[target.absolute()]} and {one.path} would be written to the same file; give each an --output "
                "folder of its own"
            )
        items.append(_item(len(items), one, recipe, target, _root(one, output), labels, overwrite, stack, frames))
    return items, problems


def _item(
    number: int,
    one: Input,
    recipe: Recipe,
    target: Path,
    root: Path,
    labels: Path | None,
    overwrite: bool,
    stack: Stack | None,
    frames: int,
) -> Item:
    facts = (number, recipe, one.path, target, root, labels, overwrite)
    if frames:
        return VideoItem(*facts, frames)
    if stack is None:
        return ImageItem(*facts)
    largest = max((item.id for item in recipe.load().classes), default=0) if recipe.coloring is None else 0
    dtype = np.dtype(np.uint8 if largest < 256 else np.uint16)
    return (ZarrItem if target.suffix == STORE_SUFFIX else TiffItem)(*facts, stack, dtype)


def _is_file_name(output: Path) -> bool:
    """Whether an output is one file or store, and no folder: that is what such a suffix means."""
    is_film = is_video(output) and not output.is_dir()
    return output.suffix.lower() == STORE_SUFFIX or is_film or names_picture(output)


def _check_single(inputs: list[Input], output: Path, recipe: Recipe) -> None:
    """Refuse an output file that cannot hold what is made of the inputs."""
    if len(inputs) > 1:
        raise ValueError(f"the results of {len(inputs)} images do not fit into one file, {output}: name a folder")
    stack = next((open_stack(one.path) for one in inputs), None)
    suffix = output.suffix.lower()
    if any(is_video(one.path) for one in inputs):
        if suffix not in WRITTEN_SUFFIXES:
            raise ValueError(f"a video is written as {', '.join(WRITTEN_SUFFIXES)}, not as {output.name}")
    elif is_video(output):
        raise ValueError(f"{output} is a video, but {inputs[0].path} is not: name an image, or a folder")
    elif stack is None:
        if suffix == STORE_SUFFIX:
            raise ValueError(f"{output} is a zarr store, but {inputs[0].path} is not a stack: name a PNG, or a folder")
        if recipe.coloring is None and suffix != ".png":
            raise ValueError(f"a label map is written as PNG: name the file {output.with_suffix('.png').name}")
        form_of_colors(output)
    elif suffix not in {STORE_SUFFIX, *TIFF_SUFFIXES}:
        raise ValueError(f"the results of a stack are written as TIFF or zarr, not as {output.name}")


def _suffix(source: Path, stack: Stack | None) -> str:
    """Of a result that nobody has given a name."""
    if is_video(source):
        return WRITTEN_SUFFIXES[0]
    if stack is None:
        return ".png"
    return STORE_SUFFIX if is_store(source) else ".tif"


def _target(one: Input, output: Path | None, kind: str, suffix: str) -> Path:
    name = f"{one.path.stem}.{kind}{suffix}"
    if output is None:
        return _outside(one.path).parent / name
    if _is_file_name(output):
        return output
    return output / one.path.parent.relative_to(one.root) / name


def _root(one: Input, output: Path | None) -> Path:
    """The folder whose manifest tells of a result."""
    if output is not None:
        return output.parent if _is_file_name(output) else output
    return _outside(one.path).parent if is_store(one.root) else one.root


def _outside(path: Path) -> Path:
    """A path, or the outermost store that it lies in: nothing is written into the stores of others."""
    return next((parent for parent in reversed(path.parents) if is_store(parent)), path)
