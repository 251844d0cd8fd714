import pytest
import torch

from napari_colorizer.engine.local_fit import RADIUS, fit_chroma, largest_change, largest_span, spread

WINDOWS = [(0, 0), (11, 10), (23, 19), (5, 3), (17, 12)]  # at corners, and inside


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def window(y, x):
    """The pixels around one."""
    return slice(max(0, y - RADIUS), y + RADIUS + 1), slice(max(0, x - RADIUS), x + RADIUS + 1)


@pytest.mark.parametrize("classes", [1, 4])
def test_the_fit_is_the_least_squares_line_of_each_window(classes):
    lightness, chroma = torch.rand(24, 20) * 100, torch.randn(2, 24, 20) * 20
    labels, smoothness = torch.randint(classes, (24, 20)), torch.tensor(13.0)
    fit = fit_chroma(chroma, lightness, labels, smoothness)
    result = (fit[:2] * lightness + fit[2:4]).clamp(fit[4:6], fit[6:])
    for y, x in WINDOWS:
        around = window(y, x)
        same = labels[around] == labels[y, x]
        gray, colors = lightness[around][same], chroma[:, *around][:, same]
        gap = gray - gray.mean()
        slope = (gap * colors).mean(1) / (gap.square().mean() + smoothness)
        fitted = colors.mean(1) + slope * (lightness[y, x] - gray.mean())
        fitted = fitted.clamp(colors.amin(1), colors.amax(1))
        torch.testing.assert_close(result[:, y, x], fitted, atol=1e-3, rtol=0)


def test_no_lightness_tells_two_fits_farther_apart_than_their_largest_change():
    before, after = torch.randn(2, 8, 24, 20)
    lightness = torch.linspace(0, 100, 21)[:, None, None, None]
    change = after - before
    found = (change[:2] * lightness + change[2:4]).abs().amax(0)
    expected = found.maximum(change[4:6].abs()).maximum(change[6:].abs())
    torch.testing.assert_close(largest_change(before, after), expected, atol=1e-4, rtol=0)


def test_the_largest_of_a_pixel_and_its_neighbors_spreads():
    values = torch.rand(3, 24, 20)
    spread_values, span = spread(values), largest_span(-values[:1].expand(4, -1, -1), values[1:2].expand(4, -1, -1))
    for y, x in WINDOWS:
        torch.testing.assert_close(spread_values[:, y, x], values[:, *window(y, x)].amax((1, 2)))
        reached = (values[1] + values[0])[window(y, x)].max()
        torch.testing.assert_close(span[:, y, x], reached.expand(2))
