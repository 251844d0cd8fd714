import time

import numpy as np
import pytest
import torch

from napari_colorizer.bench.coloring import STAGES, Case, measure_coloring, profile_stroke, recolor, take_turns
from napari_colorizer.bench.scene import make_labels, make_photo

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def timings(model):
    """Of a model whose own working size is smaller than the image."""
    return {timing.case: timing for timing in measure_coloring(model, "cpu", steps=1, side=224)}


def test_every_case_is_timed_and_compared(timings):
    assert list(timings) == [
        "authors' network, full pass",
        "network, full pass",
        "network, gray stream kept",
        "network, stroke",
        "session, stroke",
        "session, stroke, working size 64",
        "session, all labels",
        "session, dot moved",
        "session, dot recolored",
        "session, stroke as large as the dot's reach",
        "matrix product, 1024 x 1024",
    ]
    for timing in timings.values():
        asks_network = not timing.case.startswith("session, dot")
        assert min(timing.ms, timing.speedup) > 0
        assert (min(timing.gflop, timing.rate_share) > 0) == asks_network
        assert timing.device_ms is None
        assert timing.speedup == pytest.approx(timings["authors' network, full pass"].ms / timing.ms)


def test_the_matrix_product_is_what_rates_are_compared_with(timings):
    product, full = timings["matrix product, 1024 x 1024"], timings["network, full pass"]
    assert product.rate_share == 1
    assert product.gflop == pytest.approx(2 * 1.024**3)
    assert full.rate_share == pytest.approx(full.gflop / full.ms / (product.gflop / product.ms))


def test_operations_fall_with_what_is_kept(timings):
    names = ("authors' network, full pass", "network, full pass", "network, gray stream kept", "network, stroke")
    operations = [timings[name].gflop for name in names]
    assert operations == sorted(operations, reverse=True)
    assert operations[0] == pytest.approx(100.9 * (224 / 352) ** 2, rel=0.01)
    assert operations[-1] < 0.8 * operations[-2]
    assert timings["session, stroke"].gflop == pytest.approx(timings["network, stroke"].gflop, rel=0.2)


def test_a_working_size_beyond_the_image_is_no_case_of_its_own(model):
    cases = [timing.case for timing in measure_coloring(model, "cpu", steps=1, side=64)]
    assert [case for case in cases if case.startswith("session, stroke, working")] == []


def test_cases_take_turns_and_what_prepares_them_is_not_timed():
    log = []

    def prepare():
        time.sleep(0.05)
        return "prepared"

    cases = [Case(name, lambda given, name=name: log.append((name, given)), prepare) for name in "ab"]
    times = take_turns(cases, 1, CPU)
    assert log == [("a", "prepared"), ("b", "prepared")] * 3
    assert all(ms < 50 and device_ms is None for ms, device_ms in times)


def test_a_profile_tells_every_stage_and_leaves_the_code_as_it_was(model):
    before = [getattr(owner, name) for owner, name, _ in STAGES]
    stages = profile_stroke(model, "cpu", steps=1, side=96)
    assert [getattr(owner, name) for owner, name, _ in STAGES] == before
    assert list(stages) == [*dict.fromkeys(stage for _, _, stage in STAGES), "between", "all"]
    assert all(ms > 0 for ms in stages.values())
    assert sum(stages.values()) == pytest.approx(2 * stages["all"])


def test_recoloring_gives_the_exact_colors(model):
    photo, ids = make_photo((96, 96)), (1, 2, 3)
    session = model.session(photo)
    for step in range(2):
        labels = make_labels((96, 96), ids, step)
        np.testing.assert_array_equal(recolor(session, labels), model.colorize(photo, labels))
