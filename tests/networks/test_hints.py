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


def test_a_neutral_hint_takes_all_color_from_what_is_more_colorful_than_its_place_too():
    shades = CHROMA * torch.linspace(0.5, 4, 64)
    result = spread_hints(shades, GRAY, None, hint_at((16, 20), wish=torch.zeros(2)))[0]
    assert result[:, 16, 20].norm() < 1e-6
    assert (result.norm(dim=0)[:, 15:40] < 0.2 * shades[0].norm(dim=0)[:, 15:40]).all()


def test_a_hint_that_agrees_changes_nothing_and_one_near_gray_not_much():
    patchy = CHROMA * 2
    for gray, wish in ((0.0, 0.0), (0.0, 0.001), (0.012, 0.006)):
        patchy[..., 14:19, 18:23] = gray
        result = spread_hints(patchy, GRAY, None, hint_at((16, 20), wish=torch.full((2,), wish)))[0]
        kept = result[:, 16, 26:].norm(dim=0) / patchy[0, :, 16, 26:].norm(dim=0)
        assert (kept > 0.8).all(), (gray, wish)
    torch.testing.assert_close(spread_hints(CHROMA, GRAY, None, hint_at((16, 20), wish=CHROMA[0, :, 16, 20])), CHROMA)


def test_a_paler_hint_makes_paler_what_is_around_it():
    shades = CHROMA * torch.linspace(0.5, 4, 64)
    result = spread_hints(shades, GRAY, None, hint_at((16, 32), wish=shades[0, :, 16, 32] / 2))[0, 0, 16]
    torch.testing.assert_close(result[30:34], shades[0, 0, 16, 30:34] / 2, atol=4e-3, rtol=0)


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
    wanted = (torch.linspace(0, 12, 300).sin() * 0.3).expand(1, 2, 200, 300)
    hints = torch.cat([wanted, torch.ones(1, 1, 200, 300)], 1)
    assert MOST_POINTS < 200 * 300 / CELL**2  # cells must grow
    result = spread_hints(torch.zeros(1, 2, 200, 300), torch.zeros(1, 1, 200, 300), None, hints)
    torch.testing.assert_close(result, wanted, atol=0.01, rtol=0)


def test_images_of_a_batch_are_apart():
    hints = torch.cat([hint_at((16, 8)), torch.zeros(1, 3, 32, 64)])
    result = spread_hints(CHROMA.repeat(2, 1, 1, 1), GRAY.repeat(2, 1, 1, 1), None, hints)
    assert torch.equal(result[1:], CHROMA)
    torch.testing.assert_close(result[:1], spread_hints(CHROMA, GRAY, None, hints[:1]))


@pytest.mark.parametrize("distance", [1, 2, 6])
def test_hints_side_by_side_do_not_cancel_each_other(distance):
    hints = hint_at((16, 20)) + hint_at((16, 20 + distance), wish=-WISH)
    result = spread_hints(0 * CHROMA, GRAY, None, hints)[0]
    torch.testing.assert_close(result[:, 16, 20], WISH)
    torch.testing.assert_close(result[:, 16, 20 + distance], -WISH)
    assert result[0, 16, 10] > 0


def test_a_hint_on_strong_texture_is_obeyed():
    stripes = torch.where(torch.arange(64) % 2 == 0, 1.0, -1.0).expand(1, 1, 32, 64)
    places = [(y, x) for y in range(13, 20) for x in range(13, 20)]
    result = spread_hints(CHROMA, stripes, None, hint_at(*places) + hint_at((16, 60), wish=-WISH))
    torch.testing.assert_close(result[0, :, 16, 16], WISH, atol=0.05, rtol=0)


def test_contrast_does_not_change_how_far_a_hint_goes():
    gray = torch.rand(1, 1, 32, 64, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    results = [spread_hints(CHROMA, gray * factor, None, hint_at((16, 20))) for factor in (1, 0.5)]
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_places_a_hint_where_it_is(dtype):
    shape = (300, 310)
    chroma, gray = torch.zeros(1, 2, *shape, dtype=dtype), torch.zeros(1, 1, *shape, dtype=dtype)
    result = spread_hints(chroma, gray, None, hint_at((291, 303), shape=shape).to(dtype))
    assert result.dtype == dtype
    found = spread_hints(chroma.float(), gray.float(), None, hint_at((291, 303), shape=shape))
    torch.testing.assert_close(result.float(), found, atol=0.01, rtol=0)


def test_thousands_of_hints_fit_into_memory(monkeypatch):
    monkeypatch.setattr("napari_colorizer.networks.hints.AT_ONCE", 500)  # in many parts
    colors = torch.rand(1, 2, 40, 40, generator=torch.Generator().manual_seed(0)) - 0.5
    result = spread_hints(0 * colors, torch.zeros(1, 1, 40, 40), None, torch.cat([colors, torch.ones(1, 1, 40, 40)], 1))
    torch.testing.assert_close(result, colors, atol=0.01, rtol=0)
