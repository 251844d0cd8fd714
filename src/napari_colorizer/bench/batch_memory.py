"""What memory jobs of the shell take, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil
import zarr
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.bench.scene import make_photo

SMALL = (128, 128)
SLICE = (2048, 2048)  # of a stack
CHUNK = 512
EARLY = 10  # images after which memory must not grow
LOOK_SECONDS = 0.005


@dataclass(frozen=True)
class MemoryUse:
    """What memory a job takes, in 10^6 bytes.

    Attributes
    ----------
    case : str
    images : int
    input_mb : float
        What the pixels of the input are by themselves.
    early_mb, late_mb : float
        In use after `EARLY` images and after the last; 0 where there are fewer.
    peak_mb : float
        The most that was in use, Python and PyTorch included.
    """

    case: str
    images: int
    input_mb: float
    early_mb: float
    late_mb: float
    peak_mb: float


def measure_memory(model: str, device: str, small_images: int, gigabytes: float) -> list[MemoryUse]:
    """Run jobs on many small images, on a stack in an OME-Zarr and on one plane in an OME-Zarr.

    Parameters
    ----------
    model, device : str
    small_images : int
        How many there are of 128 x 128 pixels.
    gigabytes : float
        The size of the stack and of the plane, 10^9 bytes of 16 bits a pixel.
    """
    pixels = gigabytes * 1e9 / 2
    slices = max(1, round(pixels / (SLICE[0] * SLICE[1])))
    side = max(1, round(pixels**0.5))
    cases: dict[str, tuple[int, tuple[int, ...], Callable[[Path], None]]] = {
        "small images": (small_images, (small_images, *SMALL), lambda folder: _write_images(folder, small_images)),
        "OME-Zarr, a stack": (slices, (slices, *SLICE), lambda folder: _write_zarr(folder / "S.zarr", slices, SLICE)),
        "OME-Zarr, one plane": (1, (side, side), lambda folder: _write_zarr(folder / "P.zarr", 0, (side, side))),
    }
    found = []
    for case, (images, shape, write) in cases.items():
        with TemporaryDirectory() as folder:
            (Path(folder) / "in").mkdir()
            write(Path(folder) / "in")
            usage = _run(["-m", model, "--device", device, f"{folder}/in", "-o", f"{folder}/out"])
        size = float(np.prod(shape)) * (1 if case == "small images" else 2)
        found.append(MemoryUse(case, images, size / 1e6, *usage))
    return found


def _write_images(folder: Path, count: int) -> None:
    photo = Image.fromarray(make_photo(SMALL))
    for number in range(count):
        photo.save(folder / f"{number:05d}.png")


def _write_zarr(path: Path, slices: int, size: tuple[int, int]) -> None:
    """An OME-Zarr of so many slices, or of one plane where that is 0, with 16 bits a pixel."""
    axes = "tyx" if slices else "yx"
    group = zarr.open_group(path, mode="w")
    shape = (slices, *size) if slices else size
    chunks = (1, CHUNK, CHUNK)[-len(shape) :]
    array = group.create_array("0", shape=shape, chunks=chunks, dtype="uint16", compressors=None)
    tile = _tile()
    for number in range(max(1, slices)):
        for top in range(0, size[0], len(tile)):
            strip = np.tile(tile, (1, -(-size[1] // len(tile))))[: size[0] - top, : size[1]]
            where = slice(top, top + len(strip))
            array[(number, where) if slices else where] = strip
    told: list[Any] = [{"name": name, "type": "time" if name == "t" else "space"} for name in axes]
    scale: list[Any] = [{"type": "scale", "scale": [1.0] * len(axes)}]
    datasets: list[Any] = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"name": "bench", "axes": told, "datasets": datasets}]}


def _tile() -> NDArray[np.uint16]:
    return make_photo((2 * CHUNK, 2 * CHUNK)).astype(np.uint16) * 257


def _run(arguments: list[str]) -> tuple[float, float, float]:
    """Color something in a process of its own; its memory after some images, after the last, and at most, in MB."""
    command = [sys.executable, "-m", "napari_colorizer", "colorize", *arguments]
    with TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told)
        watch = _Watch(process.pid)
        assert process.stdout is not None
        early = late = 0.0
        for number, _ in enumerate(process.stdout, 1):  # a line for each result
            late = watch.now
            early = late if number == EARLY else early
        process.communicate()
        watch.end()
        told.seek(0)
        if process.returncode:
            raise ValueError(told.read().decode(errors="replace").strip())
    return (early, late, watch.peak) if early else (0.0, 0.0, watch.peak)


class _Watch:
    """Looks at the memory of a process again and again."""

    def __init__(self, pid: int):
        self.now = self.peak = 0.0
        self._process = psutil.Process(pid)
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                used = self._process.memory_info().rss / 1e6
            except psutil.NoSuchProcess:
                return
            if used:  # what has ended and is not waited for has none
                self.now, self.peak = used, max(self.peak, used)

    def end(self) -> None:
        self._over.set()
        self._thread.join()
