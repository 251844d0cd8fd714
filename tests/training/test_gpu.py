"""Training on a GPU. With ``--gpu cpu`` it can be rehearsed where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer import load_model
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.training.events import EpochEnded, Finished
from napari_colorizer.training.fit import fit


@pytest.mark.parametrize("precision", ["16", "bf16"])
def test_it_learns_in_mixed_precision(gpu, quick, photos, precision):
    if gpu.type == "cpu" and precision == "16":
        pytest.skip("float16 gradients are scaled on GPUs only")
    options = replace(quick, device=str(gpu), precision=precision, epochs=6, epoch_size=64, learning_rate=1e-2)
    events = list(fit(options))
    assert isinstance(events[-1], Finished)
    for network in ("segmenter", "colorizer"):
        losses = [event.loss for event in events if isinstance(event, EpochEnded) and event.network == network][1:]
        assert np.isfinite(losses).all()
        assert losses[-1] < losses[0]
    rgb = load_model("meadows").colorize(photos[0].rgb, photos[0].labels, options=ColorizeOptions(device=str(gpu)))
    assert np.abs(rgb.astype(int) - photos[0].rgb).mean() < 20
