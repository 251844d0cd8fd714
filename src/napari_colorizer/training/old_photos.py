"""Gray copies of color photographs as old or bad cameras, prints and scans would have them: an augmentation.

No effect moves anything, so that a copy stays registered with the labels and the colors of the photograph. The order
of effects is that of a picture's life: lens, film, print, age, scan.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, uniform_filter1d

Gray = NDArray[np.float32]
Effect = Callable[[Gray, np.random.Generator], Gray]
Sensitivity = tuple[float, float, float]

LUMINANCE: Sensitivity = (0.212671, 0.715160, 0.072169)  # Y of linear sRGB, with the digits of kornia's L*
FILMS: dict[str, Sensitivity] = {  # sum 1, since a white wall is white on each
    "orthochromatic": (0.03, 0.62, 0.35),
    "blue-sensitive": (0.01, 0.19, 0.80),
    "red filter": (0.80, 0.17, 0.03),
    "equal": (1 / 3, 1 / 3, 1 / 3),
}
UNKNOWN_FILM = 0.25  # chance of random weights
SENSITIVITY = 0.45  # chance that an aged photograph has not the sensitivity of the eye


def _linear_of_codes() -> Gray:
    values = np.arange(256) / 255
    return np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92).astype(np.float32)


LINEAR = _linear_of_codes()


def old_photo(rgb: NDArray[np.uint8], amount: float, rng: np.random.Generator) -> Gray:
    """Turn a color photograph into a gray image as an old or bad camera, print or scan would have it.

    Parameters
    ----------
    rgb : array of uint8, (H, W, 3)
        sRGB. It is left as it is.
    amount : float, 0..1
        Chance that the photograph is aged. An aged one gets each effect with a chance of its own, so that these
        are proportional to `amount`.
    rng : numpy.random.Generator
        Decides everything that is drawn.

    Returns
    -------
    array of float32, (H, W)
        sRGB-encoded values in 0..1. If it is not aged, its L* is that of the photograph.

    Raises
    ------
    ValueError
        If `amount` lies outside 0..1.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"the amount of aging must lie in 0..1, not {amount}")
    if rng.random() >= amount:
        return film_gray(rgb)
    gray = film_gray(rgb, _draw_film(rng) if rng.random() < SENSITIVITY else LUMINANCE)
    for effect, chance in EFFECTS.items():
        if rng.random() < chance:
            gray = np.clip(effect(gray, rng), 0, 1, dtype=np.float32)
    return gray


def film_gray(rgb: NDArray[np.uint8], weights: Sensitivity = LUMINANCE) -> Gray:
    """Photograph a color image on a film of some spectral sensitivity.

    Parameters
    ----------
    rgb : array of uint8, (H, W, 3)
        sRGB.
    weights : (float, float, float), each 0..1, sum 1
        How much the film sees of linear red, green and blue. Those of the eye if not given.

    Returns
    -------
    array of float32, (H, W)
        sRGB-encoded values in 0..1.
    """
    exposure = np.take(LINEAR, rgb) @ np.array(weights, np.float32)
    bent = np.maximum(exposure, np.float32(0.0031308))  # below it is a line, which meets the curve there
    encoded = (exposure - bent) * 12.92 + 1.055 * bent ** (1 / 2.4) - 0.055
    return np.clip(encoded, 0, 1, dtype=np.float32)


def _draw_film(rng: np.random.Generator) -> Sensitivity:
    if rng.random() < UNKNOWN_FILM:
        film = rng.dirichlet((1, 1, 1))
    else:
        kinds = list(FILMS.values())
        film = np.array(kinds[rng.integers(len(kinds))])
    share = rng.uniform(0.6, 1)  # emulsions differ: some see nearly as the eye does
    red, green, blue = share * film + (1 - share) * np.array(LUMINANCE)
    return float(red), float(green), float(blue)


def _blur(gray: Gray, rng: np.random.Generator) -> Gray:
    """Out of focus."""
    return gaussian_filter(gray, rng.uniform(0.4, 1.6), truncate=3)


def _motion(gray: Gray, rng: np.random.Generator) -> Gray:
    """Moved along one axis: an odd number of pixels, as an even one would shift the picture."""
    return uniform_filter1d(gray, int(rng.choice((3, 5))), axis=int(rng.integers(2)), mode="nearest")


def _gamma(gray: Gray, rng: np.random.Generator) -> Gray:
    """Under- or overexposed."""
    return gray ** np.float32(np.exp(rng.uniform(-0.5, 0.5)))


def _stretch(gray: Gray, rng: np.random.Generator) -> Gray:
    """Hard paper: the ends of the range clip, at most so many pixels that most of the drawing stays."""
    black, white = np.quantile(gray[::2, ::2], (rng.uniform(0, 0.06), rng.uniform(0.92, 1)))
    return (gray - np.float32(black)) / np.float32(max(white - black, 0.3))


def _s_curve(gray: Gray, rng: np.random.Generator) -> Gray:
    """Toe and shoulder: a share of smoothstep."""
    share = np.float32(rng.uniform(0.3, 1))
    return gray + share * (gray * gray * (3 - 2 * gray) - gray)


def _fade(gray: Gray, rng: np.random.Generator) -> Gray:
    """Blacks turn gray, whites yellow and dark."""
    black, white = np.float32(rng.uniform(0, 0.25)), np.float32(rng.uniform(0.75, 1))
    return black + (white - black) * gray


def _grain(gray: Gray, rng: np.random.Generator) -> Gray:
    """Silver clumps or noise of a sensor; the former are larger than a pixel and show most in mid-tones."""
    noise = rng.standard_normal(gray.shape, dtype=np.float32)
    if rng.random() < 0.5:
        noise = gaussian_filter(noise, rng.uniform(0.4, 0.9), truncate=3)
        noise /= np.sqrt(np.mean(noise * noise))
    if rng.random() < 0.6:
        noise *= 0.3 + 2.8 * gray * (1 - gray)
    return gray + noise * np.float32(rng.triangular(0.008, 0.02, 0.08))


def _uneven(gray: Gray, rng: np.random.Generator) -> Gray:
    """Faded more in some places than in others: toward a light or dark tone, in large soft patches."""
    coarse = rng.random(tuple(rng.integers(2, 5, size=2)), dtype=np.float32)
    height, width = gray.shape
    share = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    tone = rng.uniform(0.6, 0.9) if rng.random() < 0.7 else rng.uniform(0.1, 0.3)
    return gray + np.clip(share, 0, 1) * np.float32(rng.uniform(0.15, 0.55)) * (np.float32(tone) - gray)


def _vignette(gray: Gray, rng: np.random.Generator) -> Gray:
    """Dark corners; a few prints were masked to have bright ones."""
    y, x = _axes(gray.shape)
    radius = (np.square(x) + np.square(y)) / np.float32(2)
    share = np.power(radius, np.float32(rng.uniform(0.8, 2)), dtype=np.float32) * np.float32(rng.uniform(0.2, 0.65))
    return gray * (1 - share) if rng.random() < 0.85 else gray + share * (1 - gray)


def _halftone(gray: Gray, rng: np.random.Generator) -> Gray:
    """Newsprint: dots on a turned grid, larger where it is darker, smeared by ink and by the scanner."""
    height, width = gray.shape
    angle, step = rng.uniform(0.6, 1.0), 2 * np.pi / rng.uniform(2.8, 4.5)
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    sine, cosine = np.float32(np.sin(angle) * step), np.float32(np.cos(angle) * step)
    screen = 0.5 + 0.25 * (np.cos(cosine * x + sine * y) + np.cos(cosine * y - sine * x))
    dots = np.clip((gray - screen) * np.float32(rng.uniform(1.5, 3)) + 0.5, 0, 1)
    return gray + np.float32(rng.uniform(0.3, 0.7)) * (gaussian_filter(dots, 0.5, truncate=3) - gray)


def _scratches(gray: Gray, rng: np.random.Generator) -> Gray:
    """Scratches along the film, hairs and dust, of one brightness: drawn twice as large to be thinner than a pixel."""
    height, width = gray.shape
    mask = Image.new("L", (2 * width, 2 * height))
    draw = ImageDraw.Draw(mask)
    for _ in range(rng.integers(0, 4)):
        x, lean = rng.uniform(0, 2 * width), rng.normal(0, 0.03) * height
        top, bottom = np.sort(rng.uniform(-0.3, 1.3, 2)) * 2 * height
        draw.line((x, top, x + lean, bottom), fill=int(rng.integers(80, 256)), width=int(rng.integers(1, 3)))
    for _ in range(rng.integers(0, 3)):
        hair = np.cumsum(rng.normal(0, 6, (7, 2)), axis=0) + rng.random(2) * (2 * width, 2 * height)
        draw.line([float(value) for value in hair.ravel()], fill=int(rng.integers(80, 256)), width=1)
    for x, y in rng.random((rng.integers(5, 40), 2)) * (2 * width, 2 * height):
        draw.circle((x, y), rng.triangular(0.5, 0.8, 3), fill=int(rng.integers(80, 256)))
    marks = np.asarray(mask.reduce(2), np.float32) / 255
    return gray + marks * (np.float32(rng.uniform(0.75, 1) if rng.random() < 0.7 else rng.uniform(0, 0.2)) - gray)


def _fold(gray: Gray, rng: np.random.Generator) -> Gray:
    """A crease across the print: broken white where the emulsion is gone, with a soft shadow."""
    y, x = _axes(gray.shape)
    half_height, half_width = gray.shape[0] / 2, gray.shape[1] / 2
    upright = rng.random() < 0.5
    angle = rng.normal(0 if upright else np.pi / 2, 0.25)
    distance = np.cos(angle) * x * half_width + np.sin(angle) * y * half_height
    distance = (distance - rng.uniform(-0.7, 0.7) * (half_width if upright else half_height)).astype(np.float32)
    worn = 0.3 + 0.7 * rng.random(-(-max(gray.shape) // 4), dtype=np.float32).repeat(4)
    along = worn[: gray.shape[0], None] if upright else worn[None, : gray.shape[1]]
    crease = np.exp(-np.square(distance / np.float32(rng.uniform(0.7, 1.5)))) * along * np.float32(rng.uniform(0.5, 1))
    shadow = np.exp(-np.abs(distance / np.float32(rng.uniform(2, 6)))) * np.float32(rng.uniform(0, 0.25))
    gray = gray * (1 - shadow)
    return gray + crease * (np.float32(0.95) - gray)


def _halo(gray: Gray, rng: np.random.Generator) -> Gray:
    """Sharpened too much by the scanner."""
    soft = gaussian_filter(gray, rng.uniform(0.7, 2.0), truncate=3)
    return gray + np.float32(rng.uniform(0.4, 1.5)) * (gray - soft)


def _thumbnail(gray: Gray, rng: np.random.Generator) -> Gray:
    """Enlarged from a smaller copy."""
    height, width = gray.shape
    factor = rng.uniform(1.3, 2.5)
    enlarge = Image.Resampling.BILINEAR if rng.random() < 0.5 else Image.Resampling.BICUBIC
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    copy = Image.fromarray(gray).resize(small, Image.Resampling.BILINEAR)
    return np.asarray(copy.resize((width, height), enlarge))


def _jpeg(gray: Gray, rng: np.random.Generator) -> Gray:
    """Saved with few bits."""
    file = BytesIO()
    Image.fromarray((gray * 255 + 0.5).astype(np.uint8)).save(file, "JPEG", quality=int(rng.integers(20, 81)))
    return np.asarray(Image.open(file), np.float32) / np.float32(255)


def _axes(shape: tuple[int, ...]) -> tuple[Gray, Gray]:
    """Heights (H, 1) and widths (1, W) of the pixels' centers, -1..1 from edge to edge."""
    y, x = (((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32) for size in shape)
    return y[:, None], x[None]


EFFECTS: dict[Effect, float] = {  # in this order; the chance of each, of an aged photograph
    _blur: 0.25,
    _motion: 0.05,
    _gamma: 0.45,
    _s_curve: 0.2,
    _stretch: 0.2,
    _grain: 0.4,
    _halftone: 0.03,
    _fade: 0.3,
    _uneven: 0.15,
    _vignette: 0.15,
    _fold: 0.05,
    _scratches: 0.15,
    _halo: 0.12,
    _thumbnail: 0.12,
    _jpeg: 0.25,
}
