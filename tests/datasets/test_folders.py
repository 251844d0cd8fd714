import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import DataError


def by_name(data):
    return {pair.image.stem: pair for pair in data.pairs}


def test_images_and_masks_with_the_same_stem_are_pairs(tmp_path, draw, classes):
    data = read_set(draw.natural(tmp_path / "set", 3))
    assert data.classes == classes
    assert [(pair.image.name, pair.mask.name) for pair in data.pairs] == [
        (f"made-{number:02}.jpg", f"made-{number:02}.png") for number in range(3)
    ]
    assert {pair.source for pair in data.pairs} == {"made"}
    assert data.read_mask(data.pairs[1].mask).tolist() == np.full((20, 30), 1).tolist()
    assert not data.problems


def test_images_are_not_decoded(tmp_path, draw):
    root = draw.natural(tmp_path, 2)
    (root / "images" / "made-00.jpg").write_bytes(b"no image")
    assert len(read_set(root).pairs) == 2


def test_train_and_val_below_are_the_split(tmp_path, draw):
    draw.classes(tmp_path)
    for split, count in (("train", 2), ("val", 3)):
        for number in range(count):
            draw.image(tmp_path / split / "images" / f"{split}{number}.png")
            draw.mask(tmp_path / split / "masks" / f"{split}{number}.png")
    data = read_set(tmp_path)
    assert sorted(pair.image.stem for pair in data.of_split("val")) == ["val0", "val1", "val2"]
    assert sorted(pair.image.stem for pair in data.of_split("train")) == ["train0", "train1"]
    assert data.notes == ()


def test_train_and_val_below_images_are_the_split(tmp_path, draw):
    draw.classes(tmp_path)
    for name in ("train/a", "val/b", "val/c"):
        draw.image(tmp_path / "images" / f"{name}.png")
        draw.mask(tmp_path / "masks" / f"{name}.png")
    data = read_set(tmp_path)
    assert {name: pair.split for name, pair in by_name(data).items()} == {"a": "train", "b": "val", "c": "val"}
    assert {pair.source for pair in data.pairs} == {tmp_path.name}


def test_filled_masks_lie_beside_those_of_people(tmp_path, draw):
    draw.classes(tmp_path)
    for name in ("a", "b"):
        draw.image(tmp_path / "images" / f"{name}.png")
    draw.mask(tmp_path / "masks" / "a.png", 1)
    for name in ("a", "b"):
        draw.mask(tmp_path / "filled" / f"{name}.png", 2)
    pairs = by_name(read_set(tmp_path))
    assert pairs["a"].mask == tmp_path / "masks" / "a.png"
    assert pairs["a"].filled == tmp_path / "filled" / "a.png"
    assert pairs["b"].mask is None  # a machine's mask alone is none of a labeled image
    assert pairs["b"].filled is None


@pytest.mark.parametrize("words", [("labelled", "unlabelled"), ("labeled", "unlabeled")])
def test_labelled_and_unlabelled_lie_side_by_side(tmp_path, draw, words):
    labeled, unlabeled = (tmp_path / word for word in words)
    draw.classes(tmp_path)
    for split in ("train", "val"):
        draw.image(labeled / split / "images" / f"{split}.jpg")
        draw.mask(labeled / split / "masks" / f"{split}.png", 2)
    for name in ("web-a", "web-b"):
        draw.image(unlabeled / "images" / f"{name}.jpg")
    draw.mask(unlabeled / "pseudo" / "web-a.png", 1)
    draw.mask(unlabeled / "confidence" / "web-a.png", 200)
    pairs = by_name(read_set(tmp_path))
    assert (pairs["val"].split, pairs["train"].split) == ("val", "train")
    assert not pairs["train"].pseudo
    assert pairs["web-a"].pseudo
    assert pairs["web-a"].confidence == unlabeled / "confidence" / "web-a.png"
    assert pairs["web-a"].source == "web"
    assert pairs["web-b"].mask is None
    assert {pairs["web-a"].split, pairs["web-b"].split} == {"train"}


@pytest.mark.parametrize("part", ["labelled", "labelled/train"])
def test_a_part_of_a_set_finds_the_class_map_above(tmp_path, draw, classes, part):
    draw.classes(tmp_path)
    draw.image(tmp_path / "labelled/train/images/a.png")
    draw.mask(tmp_path / "labelled/train/masks/a.png")
    assert read_set(tmp_path / part).classes == classes


def test_a_folder_that_is_no_part_does_not_look_above(tmp_path, draw):
    draw.classes(tmp_path)
    draw.image(tmp_path / "mine/images/a.png")
    draw.mask(tmp_path / "mine/masks/a.png")
    with pytest.raises(DataError, match=r"mine has no class map: add a classes\.json"):
        read_set(tmp_path / "mine")


@pytest.mark.parametrize("name", ["classes.csv", "classes.txt", "labels.txt"])
def test_the_class_map_may_have_other_forms(tmp_path, draw, classes, name):
    root = draw.natural(tmp_path, 1)
    (root / "classes.json").unlink()
    draw.classes(root, name=name)
    assert [(item.id, item.name) for item in read_set(root).classes] == [(item.id, item.name) for item in classes]


def test_a_damaged_class_map_is_named(tmp_path, draw):
    root = draw.natural(tmp_path, 1)
    (root / "classes.json").write_text("[{]")
    with pytest.raises(DataError, match=r"classes\.json cannot be read: .*line 1: .*A right one has \[{"):
        read_set(root)


def test_an_empty_class_map_is_named(tmp_path, draw):
    root = draw.natural(tmp_path, 1)
    (root / "classes.json").write_text("[]")
    with pytest.raises(DataError, match=r"classes\.json names no class. A right one has \[{"):
        read_set(root)


def test_label_maps_beside_their_images(tmp_path, draw, classes):
    """What the plugin's Open folder writes."""
    draw.image(tmp_path / "A.jpg")
    draw.own(tmp_path / "A.labels.png", 7, classes)
    draw.image(tmp_path / "A.color.png")
    draw.image(tmp_path / "B.jpg")
    draw.own(tmp_path / "C.labels.png", 7, classes)
    data = read_set(tmp_path)
    assert {name: pair.mask for name, pair in by_name(data).items()} == {"A": tmp_path / "A.labels.png", "B": None}
    assert data.classes == classes
    assert data.problems == ("C.labels.png is a mask without an image",)


def test_label_maps_may_lie_in_images_or_have_their_own_suffix_in_masks(tmp_path, draw, classes):
    for name in ("a", "b"):
        draw.image(tmp_path / "images" / f"{name}.jpg")
    draw.own(tmp_path / "images/a.labels.png", 7, classes)
    draw.own(tmp_path / "masks/b.labels.png", 7, classes)
    data = read_set(tmp_path)
    assert {name: pair.mask.parent.name for name, pair in by_name(data).items()} == {"a": "images", "b": "masks"}
    assert not data.problems + tuple(data.unmasked)


def test_class_maps_inside_masks_become_one_by_name(tmp_path, draw):
    draw.image(tmp_path / "a.jpg")
    draw.own(tmp_path / "a.labels.png", 1, ClassMap([Class(1, "sky", "#87ceeb")]))
    draw.image(tmp_path / "b.jpg")
    other = ClassMap([Class(1, "sea", "#0000ff"), Class(2, "Sky", "#87ceeb"), Class(5, "sand", "#ffff00")])
    draw.own(tmp_path / "b.labels.png", [1, 2, 5] * 10, other)
    data = read_set(tmp_path)
    names = {item.name: item.id for item in data.classes}
    assert names["sky"] == 1
    assert set(names) == {"sky", "sea", "sand"}
    found = data.read_mask(by_name(data)["b"].mask)[0, :3].tolist()
    assert found == [names["sea"], 1, names["sand"]]
    assert len(set(found)) == 3


def test_masks_without_their_own_class_map_among_others_are_noted(tmp_path, draw, classes):
    for name in ("a", "b"):
        draw.image(tmp_path / "images" / f"{name}.jpg")
    draw.own(tmp_path / "masks/a.png", 1, classes)
    draw.mask(tmp_path / "masks/b.png", 2)
    assert any("1 of 2 masks" in note and "masks/b.png" in note for note in read_set(tmp_path).notes)


def test_what_does_not_fit_is_named(tmp_path, draw):
    root = draw.natural(tmp_path, 2)
    (root / "masks" / "made-01.png").unlink()
    draw.mask(root / "masks" / "lost.png")
    draw.image(root / "masks" / "made-00.jpg")
    (root / "images" / "raw.heic").write_bytes(b"x")
    (root / "images" / ".hidden").write_bytes(b"x")
    draw.image(root / "images" / "made-00.png")
    draw.image(root / "test" / "images" / "t.png")
    data = read_set(root)
    assert [path.name for path in data.unmasked] == ["made-01.jpg"]
    assert sorted(data.problems) == [
        "images/made-00.png has the same name as images/made-00.jpg, which is used",
        "images/raw.heic is not an image in a supported format (PNG, JPEG, TIFF, ...)",
        "masks/lost.png is a mask without an image",
        "masks/made-00.jpg cannot be a mask: masks are PNG or TIFF files",
    ]
    assert any(note.startswith("test is not used") for note in data.notes)
    assert len(data.pairs) == 2


def test_a_folder_without_images_is_an_error(tmp_path, draw):
    draw.classes(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"holds no images: put some into .*images"):
        read_set(tmp_path)


def test_subfolders_name_the_source(tmp_path, draw):
    root = draw.natural(tmp_path / "mine", 0)
    for name in ("paris/a", "paris/old-b", "c"):
        draw.image(root / "images" / f"{name}.png")
        draw.mask(root / "masks" / f"{name}.png")
    assert {name: pair.source for name, pair in by_name(read_set(root)).items()} == {
        "a": "paris",
        "old-b": "old",
        "c": "mine",
    }


def test_an_image_whose_name_is_too_long_for_a_label_map_has_none(tmp_path, draw):
    draw.classes(tmp_path)
    draw.image(tmp_path / "images" / f"{'x' * 251}.png")
    draw.image(tmp_path / "images" / "a.png")
    draw.mask(tmp_path / "masks" / "a.png")
    assert [pair.mask is None for pair in read_set(tmp_path).pairs] == [False, True]
