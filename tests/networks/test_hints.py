import pytest
import torch

from napari_colorizer.networks.hints import CELL, MOST_POINTS, spread_hints

GRAY = torch.zeros(1, 1, 32, 64)
CHROMA = torch.full((1, 2, 32, 64), 0.1)
WISH = torch.tensor([0.4, -0.2])


def hint_at(*places, wish=WISH, shape=(32, 64)):
    hints = torch.zeros(1, 3, *shape)
    for y, x in places:
        hints[0, :, y, x] = torch.tensor([*wish.tolist(), 1.0])
    return hints


def test_without_hints_nothing_changes():
    assert torch.equal(spread_hints(CHROMA, GRAY, None, torch.zeros(1, 3, 32, 64)), CHROMA)


def test_a_hint_is_obeyed_at_its_place_and_less_and_less_away_from_it():
    result = spread_hints(CHROMA, GRAY, None, hint_at((16, 8)))[0]
    torch.testing.assert_close(result[:, 16, 8], WISH, atol=1e-3, rtol=0)
    distance = (result - WISH[:, None, None]).norm(dim=0)[16, 8:]
    assert (distance.diff() > 0).all()
    assert distance[-1] < 0.7 * (CHROMA[0, :, 0, 0] - WISH).norm()  # a small picture is one thing


def test_it_stays_on_its_label():
    labels = torch.zeros(1, 32, 64, dtype=torch.int64)
    labels[..., 32:] = 5
    result = spread_hints(CHROMA, GRAY, labels, hint_at((16, 30)))
    assert torch.equal(result[..., 32:], CHROMA[..., 32:])
    assert (result[0, 0, :, :32] > 0.3).all()


def test_it_prefers_what_is_as_light():
    gray = GRAY.clone()
    gray[..., 16:, :] = 0.8
    result = spread_hints(CHROMA, gray, None, hint_at((14, 8)))[0, 0]
    assert result[14, 20] > result[17, 20] + 0.02


def test_it_corrects_the_prediction_and_keeps_its_shades():
    shades = CHROMA + torch.linspace(-0.02, 0.02, 64)
    result = spread_hints(shades, GRAY, None, hint_at((16, 32)))[0, 0, 16]
    torch.testing.assert_close(result[28:36].diff(), shades[0, 0, 16, 28:36].diff(), atol=2e-3, rtol=0)


def test_between_two_hints_the_nearer_one_counts_more():
    hints = hint_at((16, 10)) + hint_at((16, 50), wish=-WISH)
    result = spread_hints(0 * CHROMA, GRAY, None, hints)[0, 0, 16]
    assert result[20] > 0.05
    assert result[40] < -0.05
    assert abs(result[30]) < 0.01


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_correction_follows_the_strength_of_the_hint(factor):
    results = [spread_hints(0 * CHROMA, GRAY, None, hint_at((3, 3), wish=wish)) for wish in (WISH, WISH * factor)]
    torch.testing.assert_close(results[1], results[0] * factor)


def test_a_wholly_hinted_image_takes_the_colors_of_the_hints():
    smooth = (torch.linspace(0, 12, 96).sin() * 0.3).expand(1, 2, 96, 96)
    hints = torch.cat([smooth, torch.ones(1, 1, 96, 96)], 1)
    assert MOST_POINTS < 96 * 96 / CELL**2  # cells must grow
    result = spread_hints(torch.zeros(1, 2, 96, 96), torch.zeros(1, 1, 96, 96), None, hints)
    assert (result - smooth).abs().mean() < 0.3 * smooth.abs().mean()


def test_images_of_a_batch_are_apart():
    hints = torch.cat([hint_at((16, 8)), torch.zeros(1, 3, 32, 64)])
    result = spread_hints(CHROMA.repeat(2, 1, 1, 1), GRAY.repeat(2, 1, 1, 1), None, hints)
    assert torch.equal(result[1:], CHROMA)
    torch.testing.assert_close(result[:1], spread_hints(CHROMA, GRAY, None, hints[:1]))
