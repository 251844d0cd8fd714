import numpy as np
import pytest
import torch

from napari_colorizer.color import lightness, luma
from napari_colorizer.evaluation.region_trials import half_contrast


@pytest.mark.parametrize(("kind", "of", "middle"), [("L*", lightness, 50), ("BT.601", luma, 0.5)])
def test_half_the_contrast_is_that_of_the_network_s_input(photos, kind, of, middle):
    dull = of(torch.from_numpy(half_contrast(photos[0].rgb, kind)))
    np.testing.assert_allclose((dull - middle) * 2, of(torch.tensor(photos[0].rgb) / 255) - middle, rtol=0, atol=1e-3)
