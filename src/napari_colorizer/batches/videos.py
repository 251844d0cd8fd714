"""Videos, read and written frame by frame with steady color; needs imageio's ffmpeg."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.color import auto_limits
from napari_colorizer.errors import FileError
from napari_colorizer.files import VIDEO_SUFFIXES, naming
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.wishes import SliceWishes

WRITTEN_SUFFIXES = (".mp4", ".m4v", ".mkv", ".mov")  # of containers for what is written, H.264
QUALITY = 8  # of 10
COPIED_SOUND = frozenset({"aac", "ac3", "alac", "mp3", "opus"})  # that these containers take; other sound becomes AAC
MATRIX = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]  # said in full
AS_SHOWN = ["-vf", "scale=iw*sar:ih"]
LACKING = 0.02  # of the frames; fewer is no more than what rate and duration leave open


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video.

    Attributes
    ----------
    size : (int, int)
        Width and height of its frames, upright.
    rate : float
        Frames a second.
    count : int
        How many frames there are, by rate and duration: it may be off by one or two, and is 1 where none is told.
    sound : str
        The codec of its sound; "" where there is none.
    """

    size: tuple[int, int]
    rate: float
    count: int
    sound: str


def is_video(path: Path) -> bool:
    """Whether a file has the suffix of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def can_read_videos() -> bool:
    """Whether what reads videos is installed."""
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError:
        return False
    return True


def facts_of(path: Path) -> VideoFacts:
    """What is known of a video; `FileError` if it cannot be read, or what reads videos is not installed."""
    with _frames(path) as (facts, _):
        return facts


def color_video(recipe: Recipe, source: Path, target: Path, tell: Callable[[int], None]) -> str:
    """Color a video frame by frame; a few frames are in memory at a time, whatever the length.

    Labels are predicted and carried along, and colors are steady, as `SeriesColorizer` does it. Dots lie on the first
    frame. Frame rate, size and sound are kept.

    Parameters
    ----------
    recipe : Recipe
        With limits "auto", the smallest and the largest value of the whole video are black and white.
    source, target : Path
    tell : callable
        Is told how many more frames are done.

    Returns
    -------
    str
        What is to be known of it: that frames lack, and which pinned classes there are none of.

    Raises
    ------
    FileError
        If the video cannot be read, or written whole.
    """
    model, wishes = recipe.load(), recipe.wishes
    how = recipe.coloring, None, recipe.segmenting.confidence, None, wishes.pins_for(None, model.classes)
    colorizer = SeriesColorizer(model, *how, wishes.adjustment)
    limits = _limits(source) if recipe.limits == "auto" else recipe.limits
    hints, written, shape = wishes.hints(source.stem), 0, (0, 0)
    first = SliceWishes(hints) if hints is not None else None
    with _frames(source) as (facts, frames), _writing(target, source, facts) as write:
        for frame in frames:
            shape = frame.shape[0], frame.shape[1]
            labels = None if recipe.predict else np.zeros(shape, np.uint8)
            write(colorizer.color(frame, labels, limits, None if written else first).rgb)
            written += 1
            tell(1)
    if written == 0:
        raise FileError(f"{source.name} cannot be read as a video: it has no frames")
    if _ffmpeg(target).count_frames_and_secs(_for_ffmpeg(target))[0] != written:  # a full disk says nothing
        raise FileError(f"{source.name}: its colors could not be written completely: is the disk full?")
    notes = _lacking(written, facts.count), wishes.lacking(model.classes, set(), source.stem, shape)
    return "; ".join(note for note in notes if note)


def _lacking(written: int, count: int) -> str:
    """That a video has fewer frames than it tells."""
    if written >= count * (1 - LACKING) - 2:
        return ""
    return f"has only {written} of the {count} frames that fill its length: it is damaged, or its sound is longer"


def _limits(path: Path) -> tuple[float, float]:
    with _frames(path) as (_, frames):
        found = [auto_limits(frame) for frame in frames]
    return min(low for low, _ in found), max(high for _, high in found)


@contextmanager
def _frames(path: Path, how: Sequence[str] = ()) -> Iterator[tuple[VideoFacts, Iterator[NDArray[np.uint8]]]]:
    """What is known of a video, and its frames (H, W, 3), read with some parameters of ffmpeg."""
    ffmpeg = _ffmpeg(path)
    if not path.is_file():
        raise FileError(f"there is no file {path}")
    parts = ffmpeg.read_frames(_for_ffmpeg(path), output_params=list(how))
    try:
        with naming(path, "a video"):
            told = _begin(parts)
        width, height = told["size"]
        rate, duration = told["fps"], told.get("duration", 0.0)
        count = max(1, round(rate * duration)) if math.isfinite(duration) else 1  # some do not tell how long they are
        facts = VideoFacts((width, height), rate, count, told.get("audio_codec", "").rstrip(","))
        yield facts, (np.frombuffer(part, np.uint8).reshape(height, width, 3) for part in parts)
    finally:
        parts.close()


def _begin(parts: Any) -> dict[str, Any]:
    """What ffmpeg tells of a video; what it says of itself is left out of its error."""
    log = logging.getLogger("imageio_ffmpeg")
    log.addFilter(_says_nothing)  # it warns of frames that are turned upright
    try:
        told: dict[str, Any] = next(parts)
    except OSError as error:
        raise ValueError(str(error).splitlines()[0].lower()) from error
    finally:
        log.removeFilter(_says_nothing)
    if not told.get("fps"):
        raise ValueError("it has no frame rate")
    return told


def _says_nothing(_record: logging.LogRecord) -> bool:
    return False


def _for_ffmpeg(path: Path) -> str:
    """A path that ffmpeg takes for one: what is before a colon may else be a protocol."""
    return str(path.absolute())


@contextmanager
def _writing(path: Path, source: Path, facts: VideoFacts) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """What writes a frame into a new video with the sound of another one."""
    even = all(side % 2 == 0 for side in facts.size)
    sound = {}
    if facts.sound:
        sound = {"audio_path": _for_ffmpeg(source), "audio_codec": "copy" if facts.sound in COPIED_SOUND else "aac"}
    with _frames(source, AS_SHOWN) as (shown, _):  # the pixels of television and old discs are no squares
        look = f"scale=out_color_matrix=bt709,setsar={shown.size[0]}/{facts.size[0]}"
    frames = _ffmpeg(path).write_frames(
        _for_ffmpeg(path),
        facts.size,
        fps=facts.rate,
        quality=QUALITY,
        macro_block_size=1,  # or it would scale the frames
        pix_fmt_out="yuv420p" if even else "yuv444p",  # the first is what all players know
        ffmpeg_log_level="error",
        output_params=["-vf", look, *MATRIX],
        **sound,
    )
    frames.send(None)
    try:
        yield lambda frame: frames.send(np.ascontiguousarray(frame))
    finally:
        frames.close()
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _ffmpeg(path: Path) -> ModuleType:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise FileError(f"{path.name} is a video: pip install imageio-ffmpeg lets it be read and written") from error
    return imageio_ffmpeg
