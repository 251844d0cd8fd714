import math
from dataclasses import fields

import pytest

from napari_colorizer import TrainOptions
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.option_limits import Limits, help_text

OPTIONS = [(kind, item) for kind in (TrainOptions, ColorizeOptions, SegmentOptions) for item in fields(kind)]


@pytest.mark.parametrize(
    ("limits", "text", "good", "bad"),
    [
        (Limits(1), "at least 1", (1, 10**9), (0, -1, math.nan)),
        (Limits(0), "0 or more", (0, 0.5), (-1e-9,)),
        (Limits(0, without=(0,)), "more than 0", (1e-9,), (0, 0.0, -1)),
        (Limits(0, 1), "from 0 to 1", (0, 1), (-0.1, 1.1)),
        (Limits(0, 1, without=(1,)), "from 0 to less than 1", (0, 0.999), (1, 1.0)),
    ],
)
def test_limits_say_what_lies_in_them(limits, text, good, bad):
    assert str(limits) == text
    assert all(value in limits for value in good)
    assert not any(value in limits for value in bad)


@pytest.mark.parametrize(("kind", "item"), OPTIONS)
def test_every_option_is_explained_and_every_number_has_limits(kind, item):
    assert item.metadata["help"].endswith(".")
    limits = item.metadata["limits"]
    assert (limits is not None) == any(number in str(item.type) for number in ("int", "float"))
    assert limits is None or item.default is None or item.default in limits


def test_what_an_option_means_ends_with_what_it_may_be():
    assert help_text(TrainOptions, "epochs") == "Number of epochs. At least 1."
    assert help_text(TrainOptions, "device") == "What the networks run on: auto, cpu, cuda, cuda:1 or mps."
