from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.training.prepare import choose_start, gather
from napari_colorizer.training.run_folder import RunFolder

SKY, GRASS, MOSS = 1, 2, 9


@pytest.fixture
def mossy(labeled_set, classes):
    """Show moss in one training image, and make some of the images gray."""

    def change(gray):
        train = labeled_set / "train"
        files = sorted((train / "images").iterdir())
        mask = train / "masks" / files[0].name
        Image.fromarray(np.full_like(np.asarray(Image.open(mask)), MOSS)).save(mask)
        for file in files[:gray]:
            Image.open(file).convert("L").save(file)
        ClassMap([*classes, Class(MOSS, "moss", "#335522")]).write(labeled_set / "classes.json")

    return change


@pytest.fixture
def chosen(quick):
    """The parts to train, and the model to start from."""

    def choose(**changes):
        options = replace(quick, **changes)
        materials, _ = gather(options, RunFolder(Path(options.run)), lambda _: None, lambda: False, True)
        return materials.parts, choose_start(materials).model

    return choose


@pytest.mark.parametrize("filled", [True, False])
def test_filled_masks_teach_if_so_wished_and_never_judge(quick, labeled_set, filled):
    for split in ("train", "val"):
        folder = labeled_set / split / "filled"
        folder.mkdir()
        for mask in (labeled_set / split / "masks").iterdir():
            Image.fromarray(np.full_like(np.asarray(Image.open(mask)), SKY)).save(folder / mask.name)
    options = replace(quick, filled=filled)
    materials, _ = gather(options, RunFolder(Path(options.run)), lambda _: None, lambda: False, True)
    assert all((photo.labels == SKY).all() == filled for photo in materials.train)
    assert not any((photo.labels == SKY).all() for photo in materials.val)


@pytest.mark.parametrize(("gray", "parts"), [(1, ("segmenter", "colorizer")), (6, ("segmenter",))])
def test_a_class_that_only_gray_images_show_is_none_that_the_colorizer_knows(mossy, chosen, gray, parts):
    mossy(gray)
    trained, model = chosen()
    assert trained == parts
    assert model.predictable == {SKY, GRASS, MOSS}
    assert model.colorable == {SKY, GRASS}


def test_a_class_that_an_image_of_color_shows_is_learned_by_both(mossy, chosen):
    mossy(gray=0)
    _, model = chosen()
    assert model.predictable == model.colorable == {SKY, GRASS, MOSS}


def test_a_network_that_cannot_be_trained_is_not_made(mossy, chosen):
    mossy(gray=6)
    _, model = chosen(start="fresh", crop=64)
    assert set(model.networks) == {"segmenter"}
    assert model.provenance["fresh"] == ["segmenter"]
