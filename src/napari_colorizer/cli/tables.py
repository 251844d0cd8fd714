"""What ``napari-colorizer evaluate`` prints for people."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table

from napari_colorizer.cli.shared import make_console

COLUMNS = {
    "psnr": ("PSNR,\ndB", 2),
    "ssim": ("SSIM", 3),
    "ciede2000": ("CIEDE\n2000", 2),
    "ciede2000 balanced": ("CIEDE\nbalanced", 2),
    "colorfulness": ("color-\nfulness", 1),
    "bleeding": ("bleeding", 2),
    "monochrome": ("mono-\nchrome", 2),
}
SOURCE_WAYS = ("gray", "class mean", "true labels", "predicted labels", "no labels")
TOLD_WAYS = ("true labels", "no labels")


def print_evaluation(found: dict[str, Any]) -> None:
    """Print the figures as tables that fit into 80 columns.

    Parameters
    ----------
    found : dict
        What the command found; see `napari_colorizer.cli.evaluate`.
    """
    console = make_console()
    console.print(
        f"{found['model']} on {found['photos']} images of {found['data']} ({found['split']}), "
        f"shorter side at most {found['side']} pixels"
    )
    if found["unknown classes"]:
        console.print(f"The model does not know: {', '.join(found['unknown classes'])}.")
    if "color" in found:
        console.print(_color_table(found["color"]["ways"]))
        shares = found["color"]["relative colorfulness"]
        told = ", ".join(f"{shares[way]:.2f} with {way}" for way in TOLD_WAYS if way in shares)
        factors = f"{found['color']['chroma gain']:.2f}, unlabeled {found['color']['chroma gain unlabeled']:.2f}"
        console.print(f"Chroma gain {factors}; as colorful as the truth, times: {told}.")
        console.print(_source_table(found["sources"]))
        if found["color"]["hints"]:
            console.print(_hints_table(found["color"]["hints"]))
        console.print(_behavior_table(found["behavior"]))
        console.print(_aged_table(found["aged"]["copies"]))
    if "segmentation" in found:
        if "accuracy there" in (sure := found["segmentation"]["as it comes"]):
            told = f"{sure['labeled']:.0%} of the pixels are labeled, {sure['accuracy there']:.3f} of these correctly"
            console.print(f"With the model's own confidence of {sure['confidence']:g}: {told}.")
        for table in _segmentation_tables(found["segmentation"]):
            console.print(table)
        if found["corrections"]["photos"]:
            console.print(_corrections_table(found["corrections"]))


def _color_table(ways: dict[str, dict[str, float]]) -> Table:
    titles = (Column(title, no_wrap=True) for title, _ in COLUMNS.values())
    table = Table(Column("colored with", no_wrap=True), *titles, collapse_padding=True)
    for way, row in ways.items():
        table.add_row(way, *(f"{row[name]:.{digits}f}" if name in row else "" for name, (_, digits) in COLUMNS.items()))
    return table


def _source_table(sources: dict[str, dict[str, float]]) -> Table:
    """PSNR of the photos of each source, and what the colors without labels add to it."""
    ways = [way for way in SOURCE_WAYS if all(way in row for row in sources.values())]
    titles = (way.replace(" ", "\n") for way in ways)
    table = Table("source", "images", *titles, "no labels\n- gray", title="By source: PSNR, dB")
    for source, row in sources.items():
        gain = row["no labels"] - row["gray"]
        table.add_row(source, str(row["photos"]), *(f"{row[way]:.2f}" for way in ways), f"{gain:+.2f}")
    return table


def _hints_table(hints: dict[str, dict[str, float]]) -> Table:
    counts = max(hints.values(), key=len)
    table = Table("color hints", *counts, title="With true labels and hints: PSNR, dB")
    for way, by_count in hints.items():
        table.add_row(way, *(f"{by_count[count]:.2f}" if count in by_count else "" for count in counts))
    return table


def _behavior_table(found: dict[str, Any]) -> Table:
    """Each figure beside its target, where it has one, and how many photos or regions it is of."""
    from napari_colorizer.evaluation.obedience import FIGURES

    table = Table("what", "measured", "target", "of", title="Behavior")
    for figure in FIGURES:
        if figure.name in found:
            row = found[figure.name]
            target = ", ".join(f"{word} {row[word]:g}" for word in ("at least", "at most") if word in row)
            table.add_row(figure.title, f"{row['value']:.{figure.digits}f}", target, str(row["count"]))
    return table


def _aged_table(copies: dict[str, dict[str, float]]) -> Table:
    table = Table("colored from", "PSNR, dB", "loss, dB", title="Aged copies")
    for name, row in copies.items():
        table.add_row(name, f"{row['psnr']:.2f}", f"{row['loss']:+.2f}" if "loss" in row else "")
    return table


def _corrections_table(found: dict[str, Any]) -> Table:
    """Accuracy by the number of strokes, for each way to correct."""
    ways = found["accuracy"]
    title = f"Corrections: correct pixels, % ({found['photos']} images, labeled nearly throughout)"
    table = Table("strokes", *ways, title=title)
    for count in next(iter(ways.values())):
        table.add_row(count, *(f"{100 * row[count]:.1f}" for row in ways.values()))
    table.add_row("that helped", *(f"{100 * found['helped'][way]:.0f}" for way in ways))
    return table


def _segmentation_tables(scores: dict[str, Any]) -> list[Table]:
    """Scores of the whole set and of each source, then those of each class, the best first."""
    rows = {"all": scores, **(scores["sources"] if len(scores["sources"]) > 1 else {})}
    by_source = Table("source", "pixel accuracy", "mean IoU", "classes")
    for source, own in rows.items():
        if own["IoU"]:
            by_source.add_row(source, f"{own['pixel accuracy']:.3f}", f"{own['mIoU']:.3f}", str(len(own["IoU"])))
    by_class = Table("class", "IoU")
    for name, value in sorted(scores["IoU"].items(), key=lambda pair: -pair[1]):
        by_class.add_row(name, f"{value:.2f}")
    return [by_source, by_class]
