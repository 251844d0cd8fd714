import dataclasses

import pytest

from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions

BOTH = pytest.mark.parametrize("kind", [SegmentOptions, ColorizeOptions])


@BOTH
def test_options_have_defaults_and_do_not_change(kind):
    options = kind()
    assert (options.working_size, options.device) == (None, "auto")
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.device = "cpu"


@BOTH
@pytest.mark.parametrize("size", [32, 352, 4096])
def test_a_working_size_in_range_is_taken(kind, size):
    assert kind(working_size=size).working_size == size


@BOTH
@pytest.mark.parametrize("size", [0, -1, 31, 4097])
def test_a_working_size_out_of_range_is_refused(kind, size):
    with pytest.raises(ValueError, match=rf"working size must lie in 32\.\.4096 pixels, not {size}"):
        kind(working_size=size)


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan")])
def test_a_confidence_out_of_range_is_refused(confidence):
    assert SegmentOptions(confidence=1).confidence == 1
    with pytest.raises(ValueError, match=r"confidence must lie in 0\.\.1"):
        SegmentOptions(confidence=confidence)


@pytest.mark.parametrize("chroma_gain", [-0.01, 4.01, float("nan"), float("inf")])
def test_a_chroma_gain_out_of_range_is_refused(chroma_gain):
    assert ColorizeOptions(chroma_gain=0).chroma_gain == 0
    with pytest.raises(ValueError, match=r"chroma_gain must lie in 0\.\.4"):
        ColorizeOptions(chroma_gain=chroma_gain)
