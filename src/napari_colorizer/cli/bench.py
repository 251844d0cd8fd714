"""``napari-colorizer bench``."""

from __future__ import annotations

import json
import platform
from typing import Annotated

import typer
from rich.table import Table

from napari_colorizer.cli.shared import Device, make_console, plain_errors


def bench(
    device: Device = "auto",
    steps: Annotated[int, typer.Option(help="Steps of each kind, of which the median is told.", min=1)] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the speed of training on this machine: a step with and without the loading of data."""
    from napari_colorizer.training.options import TrainOptions

    with plain_errors():
        options = TrainOptions.of_recipe("default", data="noise", device=device)
        import torch

        from napari_colorizer.engine.devices import pick_device
        from napari_colorizer.training.bench import measure_steps

        where = f"{pick_device(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        results = measure_steps(options, steps)
    if as_json:
        rows = [{**vars(result), "loading_share": result.loading_share} for result in results]
        typer.echo(json.dumps({"machine": platform.machine(), "device": where, "training": rows}, indent=1))
        return
    table = Table("training step", "crops", "with loading, ms", "without, ms", "loading", "crops a second")
    for result in results:
        speed = result.crops / result.with_loading * 1e3
        times = (f"{result.with_loading:.0f}", f"{result.without_loading:.0f}")
        table.add_row(result.network, str(result.crops), *times, f"{result.loading_share:.1%}", f"{speed:.0f}")
    console = make_console()
    console.print(f"{platform.machine()}, {where}")
    console.print(table)
