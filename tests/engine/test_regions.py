"""The part of an image that lies under a pixel."""

import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2gray

from napari_colorizer.engine.regions import WORKING_SIZE, Regions

MEADOW, MEADOW_BEHIND, SKY, COAT = (430, 180), (300, 420), (60, 400), (300, 80)  # of the photographer
SKY_OF_ROCKET, ROCKET = (100, 300), (200, 320)


@pytest.fixture(scope="module")
def camera():
    return Regions(data.camera())


def two_halves(height, width, edge):
    """A bright and a dark half with some noise."""
    image = np.full((height, width), 60, np.uint8)
    image[:, edge:] = 180
    return image + np.random.default_rng(0).integers(0, 12, (height, width), dtype=np.uint8)


def test_a_meadow_is_filled_by_two_presses_and_neither_coat_nor_sky(camera):
    nothing = np.zeros((512, 512), np.uint8)
    meadow = camera.at(MEADOW, nothing) | camera.at(MEADOW_BEHIND, nothing)
    assert meadow[250:380, 380:].mean() > 0.95
    assert meadow.mean() > 0.15
    assert not meadow[:180].any()
    assert not meadow[250:400, :120].any()  # the coat
    sky, coat = camera.at(SKY, nothing), camera.at(COAT, nothing)
    assert sky[:60].mean() > 0.99
    assert not sky[210:].any()
    assert coat[250:400, 20:100].mean() > 0.9
    assert not (sky & coat).any()
    assert not (meadow & (sky | coat)).any()


def test_the_sky_does_not_run_into_the_rocket():
    rocket = rgb2gray(data.rocket())
    regions, nothing = Regions(rocket), np.zeros(rocket.shape, np.uint8)
    sky = regions.at(SKY_OF_ROCKET, nothing)
    assert sky[:300, 80:540].mean() > 0.85
    assert not sky[170:300, 315:325].any()
    assert not sky[ROCKET]
    assert not regions.at(ROCKET, nothing)[SKY_OF_ROCKET]


ROW, COLUMN = np.mgrid[:300, :400]


@pytest.mark.parametrize(
    "smooth",
    [20 + ROW * 0.7, 120 + COLUMN / 20, (ROW + COLUMN) / 3, 230 - np.hypot(ROW - 150, COLUMN - 200) / 2],
    ids=["sky", "faint", "aslant", "vignette"],
)
@pytest.mark.parametrize("limits", [None, (60, 200)], ids=["plain", "stretched"])
def test_gray_levels_of_what_is_smooth_are_no_edges(smooth, limits):
    regions, nothing = Regions(smooth.astype(np.uint8), limits), np.zeros(smooth.shape, np.uint8)
    for pixel in ((150, 200), (40, 350), (299, 0)):
        if limits is None or 60 < smooth[pixel] < 200:
            assert regions.at(pixel, nothing)[20:-20, 20:-20].mean() > (0.9 if limits is None else 0.5)


def test_a_thing_before_a_smooth_sky_is_one_part_and_the_sky_another():
    thing = np.hypot(ROW - 150, COLUMN - 200) < 80
    regions = Regions(np.where(thing, 60 + COLUMN / 7, 150 + ROW / 4).astype(np.uint8))
    for pixel, wanted in (((150, 200), thing), ((20, 20), ~thing), ((299, 399), ~thing)):
        found = regions.at(pixel, np.zeros(thing.shape, np.uint8))
        assert (found & wanted).sum() > 0.95 * (found | wanted).sum()


def test_few_flat_levels_are_parts_of_their_own():
    drawn = np.kron(np.arange(25).reshape(5, 5) * 10, np.ones((40, 40))).astype(np.uint8)
    regions = Regions(drawn)
    for pixel in ((20, 20), (100, 100), (199, 199)):
        found = regions.at(pixel, np.zeros(drawn.shape, np.uint8))
        assert (found & (drawn == drawn[pixel])).sum() > 0.9 * (found | (drawn == drawn[pixel])).sum()


def test_contrast_changes_nothing(camera):
    faint = Regions(100 + data.camera() / 10.0, limits=(0, 255))
    nothing = np.zeros((512, 512), np.uint8)
    one, other = camera.at(SKY, nothing), faint.at(SKY, nothing)
    assert (one & other).sum() > 0.9 * (one | other).sum()


@pytest.mark.parametrize("label", [0, 7])
def test_labels_are_followed_to_the_pixel_and_only_the_connected_piece_is_taken(label):
    height, width = 3 * WORKING_SIZE, WORKING_SIZE
    regions = Regions(two_halves(height, width, 300))
    labels = np.full((height, width), label, np.uint16)
    labels[700, :] = 9  # a line that divides the image
    labels[100:110, 50:61] = 300
    mask = regions.at((20, 30), labels)
    expected = np.zeros((height, width), bool)
    expected[:700, :300] = True
    expected[100:110, 50:61] = False
    edge = slice(297, 303)  # where the image decides
    np.testing.assert_array_equal(np.delete(mask, edge, 1), np.delete(expected, edge, 1))
    of_line = regions.at((700, 10), labels)
    assert of_line[700, :297].all()
    assert not np.delete(of_line, 700, 0).any()


def test_an_edge_is_followed_at_full_size():
    height, width, edge = 1100, 1600, 701  # some 3 pixels of it are one that is looked at
    image = two_halves(height, width, edge)
    mask = Regions(image).at((500, 100), np.zeros((height, width), np.uint8))
    assert mask[:, : edge - 2].mean() > 0.999
    assert not mask[:, edge + 2 :].any()


def test_specks_belong_to_what_surrounds_them():
    image = two_halves(300, 400, 200)
    image[100:110, 50:60] = 255  # larger than what the segmentation merges itself
    image[200:280, 40:120] = 255
    regions, nothing = Regions(image), np.zeros((300, 400), np.uint8)
    mask = regions.at((20, 20), nothing)
    assert mask[100:110, 50:60].all()
    assert not mask[204:276, 44:116].any()
    assert regions.at((240, 80), nothing)[204:276, 44:116].all()


def test_what_is_shown_is_what_is_filled(camera):
    labels = np.zeros((512, 512), np.uint8)
    labels[:, 200:] = 3
    for pixel in (SKY, COAT, MEADOW_BEHIND):
        np.testing.assert_array_equal(camera.outline(pixel, labels), camera.at(pixel, labels))
    large = Regions(np.kron(data.camera(), np.ones((3, 3), np.uint8)))
    labels = np.kron(labels, np.ones((3, 3), np.uint8))
    shown = np.kron(large.outline((180, 1200), labels), np.ones((3, 3), bool))
    filled = large.at((180, 1200), labels)
    assert (shown & filled).sum() > 0.97 * (shown | filled).sum()


@pytest.mark.parametrize(
    "image",
    [
        np.full((40, 60), 9, np.uint8),
        np.zeros((1, 1)),
        np.linspace(0, 1, 50)[None],
        np.full((30, 30, 3), 200, np.uint8),
    ],
    ids=["blank", "one pixel", "one row", "RGB"],
)
def test_images_without_an_edge_or_a_second_row_have_parts_too(image):
    labels = np.zeros(image.shape[:2], np.uint8)
    mask = Regions(image).at((0, 0), labels)
    assert mask.shape == labels.shape
    assert mask[0, 0]
    if np.ptp(image) == 0:
        assert mask.all()


def test_what_does_not_fit_is_refused(camera):
    with pytest.raises(ValueError, match="shape"):
        camera.at((0, 0), np.zeros((10, 10), np.uint8))
    for pixel in ((512, 0), (0, -1)):
        with pytest.raises(IndexError, match="outside"):
            camera.at(pixel, np.zeros((512, 512), np.uint8))
