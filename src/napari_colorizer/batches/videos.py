"""Videos, read and written frame by frame with steady color; needs imageio's ffmpeg."""

from __future__ import annotations

import logging
import math
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.video_parts import VideoParts, in_parts
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


def color_video(recipe: Recipe, source: Path, target: Path, parts: VideoParts, tell: Callable[[int], None]) -> str:
    """Color a video frame by frame; a few frames are in memory at a time, whatever the length.

    Labels are predicted and carried along, and colors are steady, as `SeriesColorizer` does it. Dots lie on the first
    frame. Frame rate, size and sound are kept.

    Parameters
    ----------
    recipe : Recipe
        With limits "auto", the smallest and the largest value of the whole video are black and white.
    source, target : Path
    parts : VideoParts
        What is done already; what is done now is kept in it.
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
    hints = wishes.hints(source.stem)
    colorizer.last = parts.last()
    if parts.frames:
        tell(parts.frames)
    with _frames(source) as (facts, frames):
        look = _look(source, facts)
        for part in in_parts(islice(frames, parts.frames, None)):
            written, count = parts.new(), 0
            with _writing(written, facts, look) as write:
                for frame in part:
                    labels = None if recipe.predict else np.zeros(frame.shape[:2], np.uint8)
                    own = SliceWishes(hints) if hints is not None and colorizer.last is None else None
                    write(colorizer.color(frame, labels, limits, own).rgb)
                    count += 1
                    tell(1)
            _check_written(written, count, source)
            assert colorizer.last is not None
            parts.keep(written, count, colorizer.last)
    if parts.frames == 0:
        raise FileError(f"{source.name} cannot be read as a video: it has no frames")
    _join(parts, source, facts, target)
    _check_written(target, parts.frames, source)
    width, height = facts.size
    lacking = wishes.lacking(model.classes, set(), source.stem, (height, width))
    notes = _lacking(parts.frames, facts.count), lacking
    return "; ".join(note for note in notes if note)


def _check_written(path: Path, frames: int, source: Path) -> None:
    """Raise `FileError` if a video has not that many frames: of a full disk, ffmpeg may say nothing."""
    try:
        whole = _ffmpeg(path).count_frames_and_secs(_for_ffmpeg(path))[0] == frames
    except RuntimeError:
        whole = False
    if not whole:
        raise FileError(f"{source.name}: its colors could not be written completely: is the disk full?")


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


def _look(source: Path, facts: VideoFacts) -> str:
    """The filters that say how the colors of a video are to be shown."""
    with _frames(source, AS_SHOWN) as (shown, _):  # the pixels of television and old discs are no squares
        return f"scale=out_color_matrix=bt709,setsar={shown.size[0]}/{facts.size[0]}"


@contextmanager
def _writing(path: Path, facts: VideoFacts, look: str) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """What writes a frame into a new video without sound."""
    even = all(side % 2 == 0 for side in facts.size)
    frames = _ffmpeg(path).write_frames(
        _for_ffmpeg(path),
        facts.size,
        fps=facts.rate,
        quality=QUALITY,
        macro_block_size=1,  # or it would scale the frames
        pix_fmt_out="yuv420p" if even else "yuv444p",  # the first is what all players know
        ffmpeg_log_level="error",
        output_params=["-vf", look, *MATRIX],
    )
    frames.send(None)
    try:
        yield lambda frame: frames.send(np.ascontiguousarray(frame))
    finally:
        frames.close()
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _join(parts: VideoParts, source: Path, facts: VideoFacts, target: Path) -> None:
    """Write the parts of a video, as they are, into one file with the sound of another."""
    command = [_ffmpeg(target).get_ffmpeg_exe(), "-v", "quiet", "-nostdin", "-y"]
    command += ["-f", "concat", "-i", _for_ffmpeg(parts.listed())]
    sound = []
    if facts.sound:
        command += ["-i", _for_ffmpeg(source)]
        sound = ["-map", "1:a:0", "-c:a", "copy" if facts.sound in COPIED_SOUND else "aac"]
    copied = ["-map", "0:v:0", "-c:v", "copy", "-fflags", "+bitexact"]  # without the number that Matroska draws
    subprocess.run([*command, *copied, *sound, _for_ffmpeg(target)], check=False)
    with suppress(FileNotFoundError), open(target, "rb+") as file:
        os.fsync(file.fileno())


def _ffmpeg(path: Path) -> ModuleType:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise FileError(f"{path.name} is a video: pip install imageio-ffmpeg lets it be read and written") from error
    return imageio_ffmpeg
