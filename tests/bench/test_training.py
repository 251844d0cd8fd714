import pytest

from napari_colorizer.bench.training import StepTime, measure_steps
from napari_colorizer.training.options import TrainOptions

pytestmark = pytest.mark.slow


def test_both_networks_are_timed():
    results = measure_steps(TrainOptions(data="noise", crop=32, batch=2, precision="32", device="cpu"), steps=1)
    assert [result.network for result in results] == ["segmenter", "colorizer"]
    assert all(result.with_loading > 0 and result.without_loading > 0 for result in results)


def test_the_share_of_loading_is_what_it_adds():
    assert StepTime("colorizer", 16, 100, 90).loading_share == pytest.approx(0.1)
    assert StepTime("colorizer", 16, 90, 100).loading_share == 0
