"""Draw the networks and what an edit costs, from the configs of the bundled model's kind: `docs/images/*.svg`.

python docs/scripts/draw_networks.py
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from napari_colorizer.networks import gridnet, two_stream_config
from napari_colorizer.networks.image_encoder import STRIDES

IMAGES = Path(__file__).parents[1] / "images"
INK, GRAY, LABELS, COLORS, SEEN, PAPER = "#333333", "#d9d9d9", "#b7ddf5", "#fbd3b0", "#dccdf0", "#ffffff"
TIMES = "\N{MULTIPLICATION SIGN}"
CELL = 44  # pixels of a working pixel in the drawing of an edit


class Drawing:
    """An SVG of boxes, arrows and words on white paper, which is seen on a dark page too."""

    def __init__(self, width: int, height: int, title: str):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
        ]

    def words(self, x: float, y: float, text: str, size: int = 13, anchor: str = "middle") -> None:
        """Text whose baseline begins, ends or has its middle at a place; each line of it below the other."""
        for number, line in enumerate(text.splitlines()):
            self.parts.append(
                f'<text x="{x:g}" y="{y + number * size * 1.25:g}" font-size="{size}" text-anchor="{anchor}" '
                f'fill="{INK}">{escape(line)}</text>'
            )

    def box(self, x: float, y: float, text: str, fill: str, width: float = 86, height: float = 40) -> None:
        """A box with its middle at a place."""
        self.parts.append(
            f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="5" '
            f'fill="{fill}" stroke="{INK}"/>'
        )
        lines = text.count("\n")
        self.words(x, y + 4.5 - lines * 8, text)

    def sign(self, x: float, y: float, text: str, fill: str = PAPER) -> None:
        """A small circle with a sign in it."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="13" fill="{fill}" stroke="{INK}"/>')
        self.words(x, y + 4, text, 11)

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """An arrow through some points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{INK}"{dash} marker-end="url(#head)"/>')

    def shape(self, element: str) -> None:
        """Any other element of SVG."""
        self.parts.append(element)

    def text(self) -> str:
        """The file."""
        return "\n".join([*self.parts, "</svg>", ""])


def draw_gridnet() -> str:
    """The segmenter: a grid whose first column has seen ImageNet."""
    config = gridnet.PRESETS["default"]
    across, down, left, top = 150, 92, 190, 96
    drawing = Drawing(left + across * config.columns + 130, top + down * len(config.widths) + 8, "GridNet")
    drawing.words(left, 34, "image encoder,\nhas seen ImageNet")
    drawing.words(left + across, 34, "down: each row\nat half the size")
    drawing.words(left + across * 2.5, 34, "up: brought back\nto the first row's size")
    for row, width in enumerate(config.widths):
        y = top + row * down + 12
        drawing.words(60, y - 3, f"stride {STRIDES[row]}\n{width} channels", 12)
        for column in range(config.columns):
            x = left + column * across
            drawing.box(x, y, f"{width}", GRAY if column else SEEN)
            if column:
                drawing.arrow((x - across + 43, y), (x - 45, y))
            if row and column < config.columns // 2:
                drawing.arrow((x, y - down + 20), (x, y - 22))
            if row and column >= config.columns // 2:
                drawing.arrow((x, y - 20), (x, y - down + 22))
    x = left + config.columns * across
    drawing.arrow((x - across + 43, top + 12), (x - 45, top + 12))
    drawing.box(x, top + 12, "labels", LABELS)
    return drawing.text()


def draw_two_streams() -> str:
    """The colorizer: two streams through one encoder, gray features normalized and gated, a slim decoder."""
    config = two_stream_config.PRESETS["default"]
    seen, gray, norm, guidance, skip, decoder = 80, 222, 314, 450, 575, 705
    down, top, deepest = 96, 140, len(config.widths) - 1
    drawing = Drawing(830, top + down * deepest + 92, "Two-stream U-Net")
    for x, text in ((gray, "lightness"), (guidance, "labels")):
        drawing.words(x, 26, text)
        drawing.box(x, 62, f"own stem, {config.stem}\nstride 2", GRAY if x == gray else LABELS, 92)
        drawing.arrow((x, 32), (x, 40))
        drawing.arrow((x, 82), (x, top - 22))
    drawing.words((gray + guidance) / 2, 58, "the same weights\nin both streams")
    drawing.words(seen, top + 36, "image encoder\n(ImageNet), its\nfeatures added")
    for level, width in enumerate(config.widths):
        y = top + level * down
        drawing.box(gray, y, f"{width}\nstride {2 ** (level + 1)}", GRAY)
        drawing.box(guidance, y, f"{width}\nstride {2 ** (level + 1)}", LABELS)
        drawing.arrow((gray + 43, y), (norm - 15, y))
        drawing.sign(norm, y, "IN")
        _draw_skip(drawing, y, level, (norm, guidance, skip, decoder), width)
        if level:
            drawing.arrow((gray, y - down + 20), (gray, y - 22))
            drawing.arrow((guidance, y - down + 20), (guidance, y - 22))
            drawing.box(seen, y + 30, f"stride {STRIDES[level - 1]}" + " and 32" * (level == deepest), SEEN, 112, 24)
            drawing.sign(norm + 44, y, "+")
            drawing.arrow((norm + 13, y), (norm + 29, y))
            drawing.arrow((seen + 56, y + 30), (norm + 44, y + 30), (norm + 44, y + 15))
    _draw_decoder(drawing, config, (skip, decoder), (top, down))
    return drawing.text()


def _draw_skip(drawing: Drawing, y: float, level: int, places: tuple[float, ...], width: int) -> None:
    """The way of both streams' features of a level into the decoder."""
    norm, guidance, skip, _ = places
    drawing.sign(skip, y, "||")
    drawing.arrow((guidance + 43, y), (skip - 15, y))
    start = ((norm + 44, y - 13),) if level else ((norm + 13, y), (norm + 44, y))
    drawing.arrow(*start, (norm + 44, y - 32), (skip, y - 32), (skip, y - 15))
    if level:  # the labels decide how much of the gray features counts
        drawing.sign(skip - 40, y - 32, TIMES)
        drawing.arrow((guidance + 60, y), (skip - 40, y - 17), dashed=True)


def _draw_decoder(
    drawing: Drawing,
    config: two_stream_config.TwoStreamUNetConfig,
    places: tuple[float, float],
    rows: tuple[int, int],
) -> None:
    """From the deepest level to chroma."""
    (skip, decoder), (top, down) = places, rows
    deepest = len(config.widths) - 1
    bottom = top + deepest * down
    drawing.arrow((skip + 13, bottom), (decoder, bottom), (decoder, bottom - down + 22))
    for number, width in enumerate(config.decoder_widths):
        y = bottom - (number + 1) * down
        drawing.box(decoder, y, f"{width}", COLORS)
        drawing.arrow((skip + 13, y), (decoder - 45, y))
        if number:
            drawing.arrow((decoder, y + down - 20), (decoder, y + 22))
    drawing.arrow((decoder, top - 20), (decoder, 84))
    drawing.box(decoder, 62, "a*, b*", COLORS)
    notes = f"IN: instance norm.   || : side by side.   {TIMES} : how much of the gray features counts, by the labels."
    drawing.words(415, bottom + 76, notes, 12)


def draw_edit() -> str:
    """What an edit costs, and how colors come up to full size."""
    reach = two_stream_config.PRESETS["default"].reach
    drawing = Drawing(830, 330, "What an edit changes, and where its colors end")
    drawing.words(200, 28, "An edit is computed in its own box")
    drawing.shape(f'<rect x="30" y="46" width="340" height="226" fill="{GRAY}" stroke="{INK}"/>')
    drawing.words(40, 64, "gray stream: computed once", 12, "start")
    drawing.shape(
        f'<rect x="80" y="86" width="226" height="166" fill="{COLORS}" stroke="{INK}" stroke-dasharray="6 4"/>'
    )
    drawing.words(193, 106, "labels and decoder: computed anew", 12)
    drawing.shape(f'<rect x="158" y="140" width="70" height="58" fill="{LABELS}" stroke="{INK}"/>')
    drawing.words(193, 173, "edit", 12)
    drawing.arrow((228, 169), (304, 169))
    drawing.words(267, 161, f"{reach}", 12)
    drawing.words(
        200,
        296,
        f"reach: {reach} working pixels; beyond it the network\ngives what it gave before, so that the result is exact",
        12,
    )
    _draw_upsampling(drawing)
    return drawing.text()


def _draw_upsampling(drawing: Drawing) -> None:
    """Working pixels on both sides of a label border, and the full-size pixel that takes after its own."""
    left, top = 490, 52
    drawing.words(left + 3 * CELL, 28, "Colors stop at the border of a label")
    border = f"M{left + 2.4 * CELL} {top} C{left + 2.4 * CELL} {top + 80} {left + 3.9 * CELL} {top + 90} "
    border += f"{left + 3.7 * CELL} {top + 5 * CELL}"
    right = f"L{left + 6 * CELL} {top + 5 * CELL} L{left + 6 * CELL} {top} Z"
    drawing.shape(f'<rect x="{left}" y="{top}" width="{6 * CELL}" height="{5 * CELL}" fill="{LABELS}"/>')
    drawing.shape(f'<path d="{border} {right}" fill="{COLORS}"/>')
    for place in range(7):
        line = f'stroke="{INK}" stroke-width="0.4"/>'
        x, y = left + place * CELL, top + min(place, 5) * CELL
        drawing.shape(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{top + 5 * CELL}" {line}')
        drawing.shape(f'<line x1="{left}" y1="{y}" x2="{left + 6 * CELL}" y2="{y}" {line}')
    drawing.shape(f'<path d="{border}" fill="none" stroke="{INK}" stroke-width="2.5"/>')
    x, y = left + 2.85 * CELL, top + 1.95 * CELL
    for column, row in ((2, 1), (2, 2), (3, 1), (3, 2)):
        center = left + (column + 0.5) * CELL, top + (row + 0.5) * CELL
        if column == 2:
            drawing.arrow(center, (x - 4, y))
        else:
            drawing.words(center[0] + 4, center[1] + 6, TIMES, 18)
    drawing.shape(f'<circle cx="{x}" cy="{y}" r="4" fill="{INK}"/>')
    drawing.words(
        left + 3 * CELL,
        296,
        "a pixel takes the colors of the working pixels\naround it that have its own label (arrows)",
        12,
    )


DRAWINGS: dict[str, Callable[[], str]] = {
    "gridnet.svg": draw_gridnet,
    "two-stream-unet.svg": draw_two_streams,
    "edit.svg": draw_edit,
}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (IMAGES / name).write_text(draw(), "utf-8")
        print(IMAGES / name)
