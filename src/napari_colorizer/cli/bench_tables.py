"""What ``napari-colorizer bench`` prints for people."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table

from napari_colorizer.cli.shared import make_console

LARGE_ROWS = {
    "prepare a session": "begin",
    "first colors of all of it": "color",
    "stroke, until right in view": "view",
    "stroke, all else": "rest",
}
WINDOW_ROWS = {
    "the plugin's own work for an event": ("own_mean", "own_median", "own_p95"),
    "in all, more than without the plugin": ("added_mean", "added_median", "added_p95"),
    "in all, without the plugin": (None, "napari_median", "napari_p95"),
    "processor time, more than without it": ("processor_mean", "processor_median", "processor_p95"),
    "processor time, without the plugin": (None, "napari_processor_median", "napari_processor_p95"),
}


def print_bench(found: dict[str, Any]) -> None:
    """Print the figures as tables that fit into 80 columns.

    Parameters
    ----------
    found : dict
        What the command found; see `napari_colorizer.cli.bench`.
    """
    console = make_console()
    console.print(f"{found['machine']}; device {found['device']}, {found['threads']} threads")
    console.print(", ".join(f"{name} {number}" for name, number in found["versions"].items()))
    if "coloring" in found:
        console.print(_coloring_table(found["coloring"], found["side"]))
    if "profile" in found:
        console.print(_profile_table(found["profile"]))
    if "large" in found:
        console.print(_large_table(found["large"]))
    if "training" in found:
        console.print(_training_table(found["training"]))
    if "batches" in found:
        console.print(_batches_table(found["batches"]))
        console.print(_memory_table(found["memory"]))
    if "import, ms" in found:
        console.print(f"import napari_colorizer: {found['import, ms']:.1f} ms")
        console.print(f"load the model, once torch is imported: {found['load, ms']:.1f} ms")
    for row in found.get("window", ()):
        console.print(_window_table(row))


def _coloring_table(rows: list[dict[str, Any]], side: int) -> Table:
    on_device = any(row["device_ms"] is not None for row in rows)
    titles = ["ms", *(["on device,\nms"] if on_device else []), "times\nas fast", "GFLOP", "of matrix\nrate"]
    columns = (Column(title, justify="right") for title in titles)
    table = Table("case", *columns, title=f"Coloring at {side} x {side}")
    for row in rows:
        times = [f"{row['ms']:.2f}", *([f"{row['device_ms']:.2f}"] if on_device else [])]
        table.add_row(row["case"], *times, f"{row['speedup']:.1f}", f"{row['gflop']:.2f}", f"{row['rate_share']:.0%}")
    return table


def _profile_table(stages: dict[str, float]) -> Table:
    table = Table("stage of a stroke, exact", "ms", "share", title="Profile")
    for stage, ms in stages.items():
        table.add_row(stage, f"{ms:.2f}", f"{ms / stages['all']:.0%}")
    return table


def _large_table(rows: list[dict[str, Any]]) -> Table:
    """A column for each photograph, and how many times the first one's figures the last one's are."""
    titles = [f"{row['height'] * row['width'] / 1e6:.1f} megapixels" for row in rows]
    columns = (Column(title, justify="right") for title in (*titles, "ratio"))
    table = Table("ms", *columns, title="Large photographs")
    for title, name in LARGE_ROWS.items():
        ratio = rows[-1][name] / rows[0][name]
        table.add_row(title, *(f"{row[name]:.1f}" for row in rows), f"{ratio:.2f}")
    table.add_row("most memory in use, MB", *(f"{row['peak_mb']:.0f}" for row in rows), "")
    return table


def _training_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("training step", "crops", "with loading, ms", "without, ms", "loading", "crops a second")
    for row in rows:
        times = (f"{row['with_loading']:.0f}", f"{row['without_loading']:.0f}")
        speed = row["crops"] / row["with_loading"] * 1e3
        table.add_row(row["network"], str(row["crops"]), *times, f"{row['loading_share']:.1%}", f"{speed:.0f}")
    return table


def _batches_table(rows: list[dict[str, Any]]) -> Table:
    titles = ("images a second", "of its parts alone", "memory after 10, MB", "in the end, MB")
    columns = (Column(title, justify="right") for title in titles)
    table = Table("workers", "at once", *columns, title=f"Jobs of {rows[0]['images']} images of 1 megapixel")
    for row in rows:
        name = str(row["workers"]) if row["workers"] else "none: this process"
        figures = (f"{row['rate']:.2f}", f"{row['share']:.0%}", f"{row['early_mb']:.0f}", f"{row['late_mb']:.0f}")
        table.add_row(name, str(row["batch"]), *figures)
    return table


def _memory_table(rows: list[dict[str, Any]]) -> Table:
    titles = ("images", "input", "after 10", "in the end", "at most")
    columns = (Column(title, justify="right") for title in titles)
    table = Table("job", *columns, title="Memory of jobs, MB")
    for row in rows:
        figures = (f"{row[name]:.0f}" if row[name] else "" for name in ("input_mb", "early_mb", "late_mb", "peak_mb"))
        table.add_row(row["case"], str(row["images"]), *figures)
    return table


def _window_table(row: dict[str, Any]) -> Table:
    table = Table(
        "main thread, ms for an event of the mouse",
        *(Column(title, justify="right") for title in ("mean", "median", "95 %")),
        title=f"A stroke of {row['events']} events on {row['height'] * row['width'] / 1e6:.1f} megapixels",
        caption=f"{'The same label map as' if row['same'] else 'ANOTHER LABEL MAP THAN'} without the plugin; "
        f"{row['lost']} events lost ({row['lost_alone']} without it). Colors shown {row['shown']:.1f} times a second "
        f"during the stroke. From release until all are exact: {row['exact']:.0f} ms. "
        f"Dock open after {row['dock']:.0f} ms. Most memory in use: {row['peak_mb']:.0f} MB.",
    )
    for title, names in WINDOW_ROWS.items():
        table.add_row(title, *(f"{row[name]:.2f}" if name else "" for name in names))
    return table
