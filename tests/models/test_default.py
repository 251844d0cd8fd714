"""The bundled model: does it color, and do its colors follow the labels?"""

import numpy as np
import pytest
from safetensors import safe_open
from skimage import color, data

from napari_colorizer import load_model
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.evaluation.aged_photos import evaluate_aged
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import psnr
from napari_colorizer.evaluation.obedience import evaluate_behavior
from napari_colorizer.models.library import bundled_default
from napari_colorizer.networks import measure_cost

MEADOW = np.s_[300:500, 320:500]
SKY = np.s_[10:120, 260:500]
REGIONS = {
    "camera": {"sky": SKY, "grass": MEADOW, "clothes": np.s_[220:420, 90:230]},
    "astronaut": {"skin": np.s_[90:180, 190:260], "clothes": np.s_[310:500, 60:270]},
    "cat": {"cat": np.s_[60:240, 130:320]},
    "rocket": {"sky": np.s_[10:400, 380:630]},
}


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def session(model):
    return model.session(data.camera())


def mean_chroma(rgb, window):
    return color.rgb2lab(rgb)[window].reshape(-1, 3).mean(0)[1:]


def label(model, **regions):
    labels = np.zeros((512, 512), np.uint8)
    for name, window in regions.items():
        labels[window] = model.classes.named(name).id
    return labels


def test_grass_is_green_and_sky_is_blue(model, session):
    rgb = session.colorize(label(model, grass=MEADOW, sky=SKY))
    a, b = mean_chroma(rgb, MEADOW)
    assert a < -5
    assert b > 10
    a, b = mean_chroma(rgb, SKY)
    assert b < -2


def test_the_same_region_takes_the_color_of_its_label(model, session):
    green = mean_chroma(session.colorize(label(model, grass=MEADOW)), MEADOW)
    blue = mean_chroma(session.colorize(label(model, water=MEADOW)), MEADOW)
    assert np.linalg.norm(green - blue) > 10


def test_skin_is_warm(model):
    gray = np.round(color.rgb2gray(data.astronaut()) * 255).astype(np.uint8)
    face = np.s_[90:180, 190:260]
    a, b = mean_chroma(model.colorize(gray, label(model, skin=face)), face)
    assert a > 3
    assert b > 5


def test_a_label_changes_nothing_beyond_its_reach(model, session):
    plain = session.colorize(label(model, sky=SKY))
    edited = session.colorize(label(model, sky=SKY, grass=np.s_[480:, 480:]))
    np.testing.assert_array_equal(plain[:240, :240], edited[:240, :240])
    assert not np.array_equal(plain, edited)


FOUND = {  # picture: class, where it is, the least part of that place that gets it
    "camera": [("sky", SKY, 0.9), ("clothes", np.s_[220:420, 90:230], 0.5)],
    "astronaut": [("skin", np.s_[90:180, 190:260], 0.9), ("hair", np.s_[30:70, 180:270], 0.7)],
    "cat": [("cat", np.s_[60:240, 130:320], 0.9)],
    "rocket": [("sky", np.s_[10:300, 50:300], 0.9)],
}


@pytest.mark.parametrize("name", FOUND)
def test_it_finds_what_is_in_pictures_that_it_never_saw(model, name):
    image = getattr(data, name)()
    gray = np.round(color.rgb2gray(image) * 255).astype(np.uint8) if image.ndim == 3 else image
    labels = model.segment(gray)
    for wanted, place, share in FOUND[name]:
        assert np.mean(labels[place] == model.classes.named(wanted).id) >= share, wanted


def test_less_contrast_changes_no_label(model):
    gray = data.astronaut()[..., 1].astype(np.float32) / 255
    lightness = color.rgb2lab(np.repeat(gray[..., None], 3, -1))[..., 0]
    faded = color.lab2rgb(np.stack([lightness * 0.4 + 30, 0 * lightness, 0 * lightness], -1)).astype(np.float32)
    assert np.mean(model.segment(gray) == model.segment(faded[..., 0].clip(0, 1))) > 0.99


def test_each_network_looks_through_an_encoder_of_its_own(model):
    found = {name: network.config.image_encoder for name, network in model.networks.items()}
    assert found == {"segmenter": "lite2", "colorizer": "lite0"}
    assert not model.shares_encoder


def test_its_file_is_small_half_precise_and_says_its_terms(model):
    assert bundled_default().stat().st_size < 40e6
    with safe_open(bundled_default(), "pt") as file:
        assert file.get_slice("colorizer.final.weight").get_dtype() == "F16"
    assert "non-commercial" in model.license
    assert (bundled_default().parent / "LICENSE-WEIGHTS").is_file()
    assert model.provenance["trained"]["colorizer"]["step"] > 0
    assert model.provenance["segmenter"]["trained"]["segmenter"]["step"] > 0


def test_an_edit_reaches_at_most_96_working_pixels(model):
    assert measure_cost(model.colorizer, 64).reach <= 96


@pytest.fixture(scope="module")
def pictures(model):
    """Free photographs at half their size, with a few boxes labeled."""

    def picture(name, regions):
        rgb = getattr(data, name)()
        rgb = color.gray2rgb(rgb) if rgb.ndim == 2 else rgb
        labels = np.zeros(rgb.shape[:2], np.uint8)
        for label, window in regions.items():
            labels[window] = model.classes.named(label).id
        return Photo(name, np.ascontiguousarray(rgb[::2, ::2]), labels[::2, ::2])

    return [picture(name, regions) for name, regions in REGIONS.items()]


@pytest.fixture(scope="module")
def behavior(model, pictures):
    return {
        name: figure["value"]
        for name, figure in evaluate_behavior(model, pictures, model.classes).items()
        if isinstance(figure, dict)
    }


def clusters(model, name):
    return np.array(model.suggestions[model.classes.named(name).id])[:, :2]


def test_regions_take_the_colors_of_another_label(model, pictures):
    followed = []
    for picture in pictures:
        session = model.session(picture.rgb)
        for old in REGIONS[picture.name].keys() - {"skin"}:  # a face keeps some of its color, see below
            region = picture.labels == model.classes.named(old).id
            for new in (model.classes[label].name for label in sorted(model.predictable)):
                before, after = clusters(model, old), clusters(model, new)
                if np.linalg.norm(before[0] - after[0]) < 10:
                    continue
                labels = np.where(region, model.classes.named(new).id, picture.labels).astype(np.uint8)
                mean = mean_chroma(session.colorize(labels), region)
                gaps = [np.linalg.norm(own - mean, axis=1).min() for own in (before, after)]
                followed.append(gaps[1] < gaps[0])
    assert len(followed) > 40
    assert np.mean(followed) >= 0.8


def test_a_face_that_is_called_something_else_loses_the_color_of_skin(model, pictures):
    face = next(picture for picture in pictures if picture.name == "astronaut")
    region = face.labels == model.classes.named("skin").id
    session = model.session(face.rgb)
    skin = mean_chroma(session.colorize(face.labels), region)
    for name in ("grass", "water", "sky"):
        other = np.where(region, model.classes.named(name).id, face.labels).astype(np.uint8)
        assert np.linalg.norm(mean_chroma(session.colorize(other), region) - skin) > 10, name


def test_a_change_of_a_label_changes_little_far_outside(behavior):
    assert behavior["outside"] <= 1.5


def test_a_label_alone_colors_its_region(behavior):
    assert behavior["alone"] >= 0.8


def test_contrast_hardly_changes_the_colors(behavior):
    assert behavior["contrast largest"] <= 0.02


def test_a_neutral_hint_takes_the_color_out_of_a_region(behavior):
    assert behavior["neutral"] < 4


def test_one_hint_is_obeyed_and_leaves_other_regions_alone(behavior):
    assert behavior["hint"] >= 0.8
    assert behavior["hint others"] <= 3


def test_old_photographs_are_colored_nearly_as_well(model, pictures):
    in_color = [picture for picture in pictures if picture.name != "camera"]
    aged = evaluate_aged(model, in_color, model.classes)
    gray = [paint(picture.rgb, np.zeros((*picture.labels.shape, 2))) for picture in in_color]
    assert aged["copies"]["unaged"]["psnr"] > np.mean(
        [psnr(own.rgb, rgb) for own, rgb in zip(in_color, gray, strict=True)]
    )
    assert max(copy["loss"] for name, copy in aged["copies"].items() if name != "unaged") < 1.0


def test_the_same_label_again_changes_nothing(model, session):
    labels = label(model, grass=MEADOW, sky=SKY)
    before = session.colorize(labels)
    labels[MEADOW] = model.classes.named("grass").id
    np.testing.assert_array_equal(session.colorize(labels), before)


def test_without_labels_there_are_colors(session):
    assert np.abs(color.rgb2lab(session.colorize())[..., 1:]).mean() > 0.5
