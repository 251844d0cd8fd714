"""Palettes: colors that go together, made, read from files, or taken from a photograph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_colorizer.classes import ClassMap
from napari_colorizer.color import lightness, normalize, to_rgb
from napari_colorizer.engine.labels import as_ids, check_labels, unique_labels
from napari_colorizer.engine.pins import Pin, Pins, parse_color
from napari_colorizer.errors import FileError
from napari_colorizer.files import replacing

SHOWN_LIGHTNESS = 65.0  # at which every hue has a chroma of 36
CHROMA = 36.0
FAINTER = (1.0, 0.55, 0.8)  # chroma of each round of hues
HUES_OF_A_ROUND = 12
GPL_HEADER = "GIMP Palette"
GPL_COLOR = re.compile(r"\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?:\s+(.*?))?\s*")
SHADE_LIMITS = (0.25, 1.5)  # of chroma, where a region is darker or lighter than its mean


@dataclass(frozen=True)
class Palette:
    """Some colors in order.

    Attributes
    ----------
    colors : tuple of str
        "#rrggbb" each.
    names : tuple of str
        Of the colors, "" where one has none.
    name : str
        Of the palette.

    Raises
    ------
    ValueError
        If a color is not one, or there are not as many names as colors.
    """

    colors: tuple[str, ...]
    names: tuple[str, ...] = ()
    name: str = "palette"

    def __post_init__(self) -> None:
        for color in self.colors:
            parse_color(color)
        if self.names and len(self.names) != len(self.colors):
            raise ValueError(f"a palette of {len(self.colors)} colors cannot have {len(self.names)} names")
        object.__setattr__(self, "names", tuple(self.names or [""] * len(self.colors)))

    @classmethod
    def harmonious(cls, count: int, seed: int = 0) -> Palette:
        """Colors whose hues are spread evenly in CIELAB, of about equal chroma and one lightness; the seed turns them.

        More than twelve go round again with another chroma.

        Raises
        ------
        ValueError
            If `count` is not 1 or more.
        """
        if count < 1:
            raise ValueError(f"a palette has 1 color or more, not {count}")
        start = float(np.random.default_rng(seed).random())
        rounds = -(-count // HUES_OF_A_ROUND)
        of_round = -(-count // rounds)
        number = np.arange(count)
        turn, place = number // of_round, number % of_round
        angle = 2 * np.pi * (start + (place + turn / rounds) / of_round)
        chroma = CHROMA * np.array(FAINTER)[turn % len(FAINTER)]
        lab = np.stack([np.full(count, SHOWN_LIGHTNESS), chroma * np.cos(angle), chroma * np.sin(angle)], -1)
        return cls(tuple(to_hex(color) for color in lab), name="harmonious")

    @classmethod
    def read(cls, path: str | Path) -> Palette:
        """Read a GIMP palette (.gpl); `FileError` if it is none."""
        path = Path(path)
        try:
            first, *lines = path.read_text("utf-8-sig", errors="replace").splitlines() or [""]
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror or error}") from error
        if first.strip() != GPL_HEADER:
            raise FileError(f"{path.name} is not a GIMP palette: its first line must be {GPL_HEADER!r}")
        colors, names, title = [], [], path.stem
        for number, line in enumerate(lines, 2):
            if line.lower().startswith("name:"):
                title = line[5:].strip() or title
            elif line.strip() and not line.lstrip().startswith("#") and not line.lower().startswith("columns:"):
                match = GPL_COLOR.fullmatch(line)
                if match is None or max(int(match[i]) for i in (1, 2, 3)) > 255:
                    raise FileError(f"{path.name}, line {number}: a color is three numbers in 0..255 and a name")
                colors.append("#" + "".join(f"{int(match[i]):02x}" for i in (1, 2, 3)))
                names.append(match[4] or "")
        if not colors:
            raise FileError(f"{path.name} has no colors")
        return cls(tuple(colors), tuple(names), title)

    def write(self, path: str | Path, overwrite: bool = False) -> None:
        """Write a GIMP palette; `FileError` if a file is there and not to be written over."""
        rows = [
            " ".join(f"{value:3d}" for value in bytes.fromhex(color[-6:])) + f"\t{' '.join(name.split()) or 'Untitled'}"
            for color, name in zip(self.colors, self.names, strict=True)
        ]
        title = " ".join(self.name.split())
        with replacing(Path(path), overwrite) as temporary:
            temporary.write_text("\n".join([GPL_HEADER, f"Name: {title}", "Columns: 0", "#", *rows, ""]), "utf-8")

    def shuffled(self, seed: int) -> Palette:
        """The same colors in another order."""
        order = np.random.default_rng(seed).permutation(len(self.colors)).tolist()
        return Palette(tuple(self.colors[i] for i in order), tuple(self.names[i] for i in order), self.name)

    def replaced(self, number: int, color: str) -> Palette:
        """The same with another color in a place."""
        colors = list(self.colors)
        colors[number] = color
        return Palette(tuple(colors), self.names, self.name)

    def by_id(self, ids: Iterable[int]) -> dict[int, str]:
        """A color for each id in turn; the colors begin again where there are more ids. 0 gets none."""
        wanted = [label for label in ids if label]
        return {label: self.colors[place % len(self.colors)] for place, label in enumerate(wanted)}

    def pins(self, classes: ClassMap | None = None, ids: Sequence[int] = (), strength: float = 1.0) -> Pins:
        """Pins of these colors.

        Parameters
        ----------
        classes : ClassMap, optional
            Colors that bear the names of classes go to these, and no others do where any does.
        ids : sequence of int
            What gets the colors in turn otherwise.
        strength : float
            0..1.
        """
        names = {item.name.casefold() for item in classes or ()}
        named = {name: color for color, name in zip(self.colors, self.names, strict=True) if name.casefold() in names}
        return (Pins(named) if named else Pins(self.by_id(ids))).at_strength(strength)


def palette_of(rgb: NDArray[np.generic], labels: NDArray[np.integer], classes: ClassMap, strength: float = 1.0) -> Pins:
    """The mean color of each class in a photograph, as pins by the names of classes: for any other photograph.

    Parameters
    ----------
    rgb : array, (H, W, 3) or (H, W, 4)
    labels : array of integers, (H, W)
        What it shows: drawn, or what `Model.segment` predicts.
    classes : ClassMap
        Of the labels; ids that it does not know are left out.
    strength : float
        0..1.

    Raises
    ------
    ValueError, TypeError
        If the photograph is gray or no image, or the labels do not lie on it.
    """
    values = normalize(rgb)
    if values.ndim != 3:
        raise ValueError("a palette is taken from a color photograph, (H, W, 3); this one is gray")
    own = as_ids(check_labels(labels, (values.shape[0], values.shape[1])))
    chroma = rgb2lab(values)[..., 1:]
    names = {item.id: item.name for item in classes if item.id}
    found = {
        names[label]: Pin(tuple(chroma[own == label].mean(0).round(3).tolist()), strength=strength)
        for label in unique_labels(own)[0].tolist()
        if label in names
    }
    return Pins(found)


def color_ids(
    gray: NDArray[np.generic],
    labels: NDArray[np.integer],
    colors: Mapping[int, str | tuple[float, float]] | Palette,
    limits: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Give each id of a label map a color, without any model: instance labels, micrographs.

    Parameters
    ----------
    gray : array, (H, W) or (H, W, 3 or 4)
    labels : array of integers, (H, W)
        Any numbers; 0 stays gray.
    colors : mapping or Palette
        "#rrggbb" or (a*, b*) by id, ids that are left out stay gray; or a palette, whose colors the ids get in turn.
    limits : (float, float), optional
        The values of `gray` that mean black and white.

    Returns
    -------
    array of uint8, (H, W, 3)
        sRGB with the lightness of the image, within 0.5 L*. In each id chroma follows lightness as it does in shade and
        light on one thing, and ends exactly at the border of the label.

    Raises
    ------
    ValueError, TypeError
        If the label map does not lie on the image, or a color is not one.
    """
    light = lightness(torch.from_numpy(np.ascontiguousarray(normalize(gray, limits)))).numpy()
    labels = check_labels(labels, (light.shape[0], light.shape[1]))
    ids, place = np.unique(labels, return_inverse=True)
    place = place.reshape(labels.shape)
    wanted = colors.by_id(ids.tolist()) if isinstance(colors, Palette) else colors
    table = np.array([parse_color(wanted[label]) if label in wanted else (0.0, 0.0) for label in ids.tolist()])
    root = light + 16  # the cube root of luminance: in shade L*, a* and b* all go down with it
    mean = np.bincount(place.ravel(), root.ravel()) / np.bincount(place.ravel())
    shade = np.clip(root / mean[place], *SHADE_LIMITS)
    chroma = torch.from_numpy((table[place] * shade[..., None]).astype(np.float32)).permute(2, 0, 1)
    return to_rgb(torch.from_numpy(light), chroma).numpy()


def nearest_available(lightness: float, color: str | tuple[float, float]) -> tuple[float, float]:
    """As much of a color's a*, b* as there is at a lightness (0..100), at its hue."""
    wish = torch.tensor(parse_color(color)).reshape(2, 1, 1).float()
    lab = rgb2lab(to_rgb(torch.full((1, 1), float(lightness)), wish).numpy())[0, 0]
    return float(lab[1]), float(lab[2])


def available_colors(lightness: float, side: int = 129) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """What colors there are at a lightness, for a picker.

    Parameters
    ----------
    lightness : float
        0..100.
    side : int
        Of the square: a* goes from -128 at the left to 128, b* from 128 at the top to -128.

    Returns
    -------
    array of uint8, (side, side, 3)
        The colors; outside the gamut the nearest of the same hue.
    array of bool, (side, side)
        Where a*, b* can be had as they are.
    """
    steps = torch.linspace(-128, 128, side)
    chroma = torch.stack([steps.expand(side, side), steps.flip(0)[:, None].expand(side, side)])
    rgb = to_rgb(torch.full((side, side), float(lightness)), chroma).numpy()
    off = np.linalg.norm(rgb2lab(rgb)[..., 1:] - chroma.permute(1, 2, 0).numpy(), axis=-1)
    return rgb, off < 2.0  # rounding to 8 bits moves them by less


def to_hex(lab: NDArray[np.floating] | Sequence[float]) -> str:
    """As "#rrggbb", a color in CIE Lab, with as much chroma as there is at its lightness."""
    lightness, a, b = (float(value) for value in lab)
    wished = torch.tensor([a, b]).reshape(2, 1, 1)
    red, green, blue = to_rgb(torch.full((1, 1), lightness), wished)[0, 0].tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
