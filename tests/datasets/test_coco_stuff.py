import pytest

from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import DataError

LABELS = "0: unlabeled\n1: person\n2: bicycle\n93: banner\n182: wood\n"


@pytest.fixture(params=[("images/", "stuffthingmaps"), ("", "annotations")])
def coco(request, tmp_path, draw):
    images, maps = request.param
    for part, names in (("train2017", "ab"), ("val2017", "c")):
        for number, name in enumerate(names):
            draw.image(tmp_path / f"{images}{part}" / f"{name}.jpg", number)
            draw.mask(tmp_path / maps / part / f"{name}.png", [[0, 1, 92, 181, 255]] * 2, (2, 5))
    (tmp_path / "labels.txt").write_text(LABELS)
    return tmp_path


def test_a_number_is_the_id_less_one_and_255_is_unlabeled(coco):
    data = read_set(coco)
    labels, unknown = data.read_mask.read(data.pairs[0].mask)
    assert labels[0].tolist() == [1, 2, 93, 182, 0]
    assert not unknown
    assert [item.name for item in data.classes] == ["person", "bicycle", "banner", "wood"]


def test_the_parts_are_the_split(coco):
    data = read_set(coco)
    assert {pair.image.stem: pair.split for pair in data.pairs} == {"a": "train", "b": "train", "c": "val"}
    assert {pair.source for pair in data.pairs} == {"coco-stuff"}
    assert not data.problems + data.notes


def test_a_number_without_a_class_is_told(coco, draw):
    data = read_set(coco)
    labels, unknown = data.read_mask.read(draw.mask(data.pairs[0].mask, 50))
    assert not labels.any()
    assert unknown == ["the number 50"]


def test_what_is_missing_is_named(coco, draw):
    data = read_set(coco)
    data.pairs[0].mask.rename(data.pairs[0].mask.with_name("x.png"))
    data = read_set(coco)
    assert [path.stem for path in data.unmasked] == ["a"]
    assert len(data.problems) == 1
    assert data.problems[0].endswith("train2017/x.png is a mask without an image")
    (coco / "labels.txt").unlink()
    with pytest.raises(DataError, match=r"add the labels\.txt of COCO-Stuff"):
        read_set(coco)


def test_pixel_maps_without_their_images_are_an_error(coco):
    folder = next(folder for folder in (coco / "images" / "val2017", coco / "val2017") if folder.is_dir())
    folder.rename(coco / "elsewhere")
    with pytest.raises(DataError, match=r"no images: put them into .*val2017"):
        read_set(coco)
