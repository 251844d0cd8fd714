import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from kornia.color import rgb_to_lab
from skimage.color import rgb2lab

from napari_colorizer import color
from napari_colorizer.color import auto_limits, gray_of, lightness, luma, normalize, range_note, to_rgb

GRAY_BYTES = np.arange(256, dtype=np.uint8)[None]


def to_lightness(image, limits=None):
    return lightness(torch.from_numpy(normalize(image, limits))).numpy()


def to_chroma(image):
    return rgb_to_lab(torch.from_numpy(normalize(image)).permute(2, 0, 1)[None])[0, 1:]


def lab_grid(lightnesses, chromas):
    """L* (n, m) and a*, b* (2, n, m) of every combination."""
    grid = torch.meshgrid(lightnesses, chromas, chromas, indexing="ij")
    level, a, b = (values.reshape(len(lightnesses), -1) for values in grid)
    return level, torch.stack([a, b])


@pytest.fixture(scope="module")
def colors():
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), -1).astype(np.uint8)
    return cube.reshape(52 * 4, -1, 3)


@pytest.fixture(scope="module")
def dense():
    wished_lightness, wished_chroma = lab_grid(torch.linspace(0, 100, 201), torch.arange(-150.0, 151.0, 12.5))
    return wished_lightness.numpy(), wished_chroma.numpy(), to_rgb(wished_lightness, wished_chroma).numpy()


def test_lab_agrees_with_scikit_image(colors):
    expected = rgb2lab(colors)
    np.testing.assert_allclose(to_lightness(colors), expected[..., 0], atol=1e-3)
    np.testing.assert_allclose(to_chroma(colors).permute(1, 2, 0), expected[..., 1:], atol=1e-3)


def test_gray_and_equal_rgb_have_the_same_lightness():
    gray = np.stack([GRAY_BYTES] * 3, -1)
    np.testing.assert_allclose(to_lightness(GRAY_BYTES), rgb2lab(gray)[..., 0], atol=1e-3)
    np.testing.assert_allclose(to_lightness(GRAY_BYTES), to_lightness(gray), atol=1e-3)


def test_a_large_rgb_image_has_the_same_lightness_in_parts(colors, monkeypatch):
    whole = to_lightness(colors)
    monkeypatch.setattr(color, "PIXELS_AT_ONCE", 3 * colors.shape[1])
    np.testing.assert_allclose(to_lightness(colors), whole, atol=1e-4)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 51, 255], np.uint8),
        ([-128, -77, 127], np.int8),
        ([0, 13107, 65535], np.uint16),
        ([-32768, -19661, 32767], np.int16),
        ([0, 858993459, 2**32 - 1], np.uint32),
        ([-(2**31), -1288490189, 2**31 - 1], np.int32),
        ([0, 0.2, 1], np.float16),
        ([0, 0.2, 1], np.float32),
        ([0, 0.2, 1], np.float64),
        ([0, 13107, 65535], ">u2"),
    ],
)
def test_any_type_is_brought_to_its_full_range(values, dtype):
    result = normalize(np.array([values], dtype))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[0, 0.2, 1]], atol=2e-4)
    np.testing.assert_allclose(to_lightness(np.array([values], dtype)), [[0, 21.2467, 100]], atol=0.02)


def test_booleans_are_black_and_white():
    assert normalize(np.array([[False, True]])).tolist() == [[0, 1]]


def test_alpha_is_left_out(colors):
    alpha = np.random.default_rng(0).integers(0, 256, (*colors.shape[:2], 1), dtype=np.uint8)
    assert np.array_equal(normalize(np.concatenate([colors, alpha], -1)), normalize(colors))


def test_limits_mean_black_and_white():
    image = np.array([[0, 100, 150, 200, 255]], np.uint8)
    assert normalize(image, (100, 200)).tolist() == [[0, 0, 0.5, 1, 1]]
    assert normalize(image * 10.0, (1000, 2000)).tolist() == [[0, 0, 0.5, 1, 1]]


def test_equal_limits_part_black_from_white():
    assert normalize(np.array([[6, 7, 8]], np.uint8), (7, 7)).tolist() == [[0, 0, 1]]
    assert np.isfinite(normalize(np.full((2, 2), 0.5), (0.5, 0.5))).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("limits", [None, (0, 1)])
def test_nan_is_black_and_infinity_is_clipped(dtype, limits):
    image = np.array([[np.nan, np.inf, -np.inf, 0.5]], dtype)
    assert normalize(image, limits).tolist() == [[0, 1, 0, 0.5]]


def test_the_image_is_never_changed():
    image = np.random.default_rng(0).random((5, 5), np.float32)
    image[0, 0] = np.nan
    before = image.copy()
    image.flags.writeable = False
    result = normalize(image)
    assert np.array_equal(image, before, equal_nan=True)
    assert result.flags.writeable
    assert not np.shares_memory(result, image)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 5, 3)])
def test_an_empty_image_is_refused(shape):
    with pytest.raises(ValueError, match="empty"):
        normalize(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(), (5,), (5, 5, 2), (5, 5, 5), (2, 5, 5, 3)])
def test_an_image_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"must be \(H, W\) gray or \(H, W, 3\) RGB"):
        normalize(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.complex64, "U3", object, "datetime64[s]"])
def test_values_that_are_no_real_numbers_are_refused(dtype):
    with pytest.raises(TypeError, match="real numbers"):
        normalize(np.zeros((2, 2), dtype))


@pytest.mark.parametrize("value", [-0.5, 1.5, 255])
def test_floats_outside_0_to_1_need_limits(value):
    image = np.array([[0.5, value]])
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        normalize(image)
    assert normalize(image, (0, 300)).max() <= 1


def test_luma_weighs_the_channels():
    primaries = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]])
    np.testing.assert_allclose(luma(primaries), [[0.299, 0.587, 0.114, 1]], atol=1e-6)
    gray = torch.rand(3, 3)
    assert torch.equal(luma(gray), gray)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_every_gray_byte_comes_back_with_zero_chroma(dtype):
    gray = GRAY_BYTES if dtype == np.uint8 else (GRAY_BYTES / dtype(255)).astype(dtype)
    rgb = to_rgb(torch.from_numpy(to_lightness(gray)), torch.zeros(2, 1, 256)).numpy()
    assert np.array_equal(rgb, np.stack([GRAY_BYTES] * 3, -1))


def test_every_color_in_gamut_comes_back(colors):
    rgb = to_rgb(torch.from_numpy(to_lightness(colors)), to_chroma(colors)).numpy()
    assert np.abs(rgb.astype(int) - colors).max() == 0


def test_lightness_stays_within_half_a_unit(dense):
    wished, _, rgb = dense
    assert rgb.dtype == np.uint8
    assert np.abs(rgb2lab(rgb)[..., 0] - wished).max() < 0.5


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (3, 4, 4), elements=st.floats(0, 1, width=32)))
def test_lightness_stays_for_any_lightness_and_chroma(unit):
    wished, chroma = torch.from_numpy(unit[0] * 100), torch.from_numpy(unit[1:] * 300 - 150)
    assert np.abs(rgb2lab(to_rgb(wished, chroma).numpy())[..., 0] - wished.numpy()).max() < 0.5


def test_a_color_outside_the_gamut_keeps_its_hue(dense):
    _, wished, rgb = dense
    a, b = np.moveaxis(rgb2lab(rgb)[..., 1:], -1, 0)
    turned = np.angle((a + 1j * b) * (wished[0] - 1j * wished[1]), deg=True)
    clear = np.hypot(a, b) > 20  # below, 8-bit rounding itself turns a color by degrees
    assert clear.mean() > 0.5
    assert np.abs(turned[clear]).max() < 3


def test_a_color_outside_the_gamut_goes_to_its_edge(dense):
    level, wished, rgb = dense
    lost = np.hypot(*wished) - np.hypot(*np.moveaxis(rgb2lab(rgb)[..., 1:], -1, 0))
    far = (lost > 10) & (level > 20)
    assert far.mean() > 0.3
    edge = (rgb <= 3).any(-1) | (rgb >= 252).any(-1)
    assert edge[far].all()


def test_black_and_white_take_no_color():
    chroma = torch.full((2, 1, 2), 80.0)
    assert to_rgb(torch.tensor([[0.0, 100.0]]), chroma).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_a_large_image_is_converted_in_parts_without_a_seam(monkeypatch):
    level, chroma = torch.rand(30, 11) * 100, torch.rand(2, 30, 11) * 200 - 100
    whole = to_rgb(level, chroma)
    monkeypatch.setattr(color, "PIXELS_AT_ONCE", 100)
    assert (to_rgb(level, chroma).int() - whole.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.array([[0, 4095]], np.uint16), True),
        (np.array([[0, 16383]], np.uint16), False),
        (np.array([[0, 24]], np.uint8), True),
        (np.array([[0, 200]], np.uint8), False),
        (np.array([[0, 32767]], np.int16), True),  # half of the range means negative numbers, which never come
        (np.array([[-32768, 32767]], np.int16), False),
        (np.array([[0, 65535]], np.uint32), True),
        (np.array([[0, 0.05]]), True),
        (np.array([[0, 0.5, np.nan, np.inf]]), False),
        (np.array([[True, True]]), False),
        (np.dstack([np.full((2, 2, 3), 9, np.uint8), np.arange(0, 256, 64, np.uint8).reshape(2, 2)]), True),
    ],
)
def test_an_image_that_uses_little_of_its_range_is_told(image, told):
    assert bool(range_note(image)) == told


@pytest.mark.parametrize(
    ("values", "limits", "told"),
    [
        ([0, 255], (0, 4095), True),
        ([0, 255], (0, 255), False),
        ([0, 255], (0, 1000), False),
        ([0, 4095], (0, 4095), False),
        ([0, 65535], (0, 4095), False),  # what is over is white
        ([5000, 6000], (0, 4095), True),  # all white
        ([-5, 32000], (0, 4095), False),
        ([100, 32000], (-32768, 32767), False),  # was asked for
    ],
)
def test_an_image_that_uses_little_of_the_limits_given_is_told(values, limits, told):
    assert bool(range_note(np.array([values], np.int32), limits=limits)) == told


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_blank_image_is_told_without_limits_that_are_none(value):
    note = range_note(np.full((4, 5), value, np.uint8))
    assert "every pixel has the same value" in note
    assert "--limits" not in note


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("limits", [None, (0, 5)])
def test_an_image_without_any_value_is_told(value, limits):
    assert "no value" in range_note(np.full((4, 5), value, np.float32), limits=limits)
    assert not range_note(np.array([[value, 0.0, 1.0]]))


def test_the_limits_of_an_image_are_its_smallest_and_largest_value():
    assert auto_limits(np.array([[3, 700]], np.uint16)) == (3, 700)
    assert auto_limits(np.array([[np.nan, -2.5, np.inf, 7]])) == (-2.5, 7)
    assert auto_limits(np.full((2, 2), np.nan)) == (0, 1)
    rgba = np.dstack([np.full((2, 2, 3), 9, np.uint8), np.full((2, 2), 200, np.uint8)])
    assert auto_limits(rgba) == (9, 9)


def test_a_gray_has_the_lightness_that_is_asked_for():
    values = torch.linspace(0, 100, 2001)[None]
    torch.testing.assert_close(lightness(gray_of(values)), values, rtol=0, atol=2e-3)
    assert gray_of(torch.tensor([[0.0, 100.0]])).tolist() == [[0, pytest.approx(1)]]
