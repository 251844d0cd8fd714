import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets import collect
from napari_colorizer.datasets.check import check_set
from napari_colorizer.datasets.collect import HasLabelsError, add_pair
from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import DataError, FileError
from napari_colorizer.files import read_image, read_label_map

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def labels_of(*ids):
    labels = np.zeros((6, 8), np.int64)
    for row, label in enumerate(ids):
        labels[row] = label
    return labels


def test_what_is_added_is_read_back_as_a_set(tmp_path, classes):
    root = tmp_path / "new" / "set"
    image, mask, _ = added = add_pair(root, "photo", RGB, labels_of(1, 7), classes)
    assert added == (root / "images" / "photo.png", root / "masks" / "photo.png", False)
    data = read_set(root)
    assert data.classes == classes
    assert [(pair.image, pair.mask) for pair in data.pairs] == [(image, mask)]
    assert (read_image(image) == RGB).all()
    assert (data.read_mask(mask) == labels_of(1, 7)).all()
    assert read_label_map(mask)[1] == classes
    assert check_set(data).problems == ()


def test_an_image_of_any_size_is_found_again(tmp_path, classes, monkeypatch):
    add_pair(tmp_path, "photo", RGB, labels_of(1), classes)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert add_pair(tmp_path, "photo", RGB, labels_of(7), classes, overwrite=True).again
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_classes_are_merged_by_name_and_the_stored_ids_win(tmp_path, classes):
    add_pair(tmp_path, "one", RGB, labels_of(1), classes)
    theirs = ClassMap([Class(1, "tree", "#003300"), Class(2, "SKY", "#000099"), Class(9, "moss", "#335522")])
    mask = add_pair(tmp_path, "two", 255 - RGB, labels_of(1, 2, 9), theirs).mask
    data = read_set(tmp_path)
    assert [(item.id, item.name) for item in data.classes] == [
        (1, "sky"),
        (2, "grass"),
        (7, "boat"),
        (3, "tree"),
        (9, "moss"),
    ]
    assert data.read_mask(mask)[:4, 0].tolist() == [3, 1, 9, 0]
    assert data.read_mask(tmp_path / "masks" / "one.png")[0, 0] == 1


def test_a_class_map_of_another_form_is_kept_up_to_date(tmp_path, classes):
    classes.write(tmp_path / "classes.csv")
    add_pair(tmp_path, "one", RGB, labels_of(4), ClassMap([Class(4, "moss", "#335522")]))
    assert not (tmp_path / "classes.json").exists()
    assert ClassMap.read(tmp_path / "classes.csv").named("moss").id == 4


def test_a_name_that_is_taken_gets_a_number(tmp_path, classes):
    names = ("a", "a", "A", "b")
    found = [add_pair(tmp_path, name, RGB + i, labels_of(1), classes).image.stem for i, name in enumerate(names)]
    assert found == ["a", "a_2", "A_3", "b"]
    (tmp_path / "images" / "c.jpg").write_bytes(b"x")
    assert add_pair(tmp_path, "c", RGB + 9, labels_of(1), classes).mask.stem == "c_2"


def test_the_same_image_takes_its_own_place_where_that_is_wanted(tmp_path, classes):
    image = add_pair(tmp_path, "a", RGB, labels_of(1), classes).image
    add_pair(tmp_path, "b", 255 - RGB, labels_of(7), classes)
    written = image.stat().st_mtime_ns
    with pytest.raises(HasLabelsError, match=r"a is in the set already, with other labels: .*a\.png"):
        add_pair(tmp_path, "other name", RGB.copy(), labels_of(2), classes)
    assert np.unique(read_label_map(tmp_path / "masks" / "a.png")[0]).tolist() == [0, 1]
    assert add_pair(tmp_path, "other name", RGB.copy(), labels_of(1), classes).again  # the same labels, too
    found = add_pair(tmp_path, "other name", RGB.copy(), labels_of(2), classes, overwrite=True)
    assert found == (image, tmp_path / "masks" / "a.png", True)
    assert image.stat().st_mtime_ns == written
    assert sorted(path.stem for path in (tmp_path / "images").iterdir()) == ["a", "b"]
    assert np.unique(read_label_map(found.mask)[0]).tolist() == [0, 2]
    assert np.unique(read_label_map(tmp_path / "masks" / "b.png")[0]).tolist() == [0, 7]


def test_an_image_that_was_painted_over_since_is_another_one(tmp_path, classes):
    image = add_pair(tmp_path, "a", RGB, labels_of(1), classes).image
    with Image.open(image) as file:
        mark = PngImagePlugin.PngInfo()
        mark.add_itxt("Description", file.info["Description"])
    Image.fromarray(255 - RGB).save(image, pnginfo=mark)
    assert not add_pair(tmp_path, "a", RGB, labels_of(2), classes).again
    assert (read_image(image) == 255 - RGB).all()


@pytest.mark.parametrize(
    ("name", "expected"), [("a/b\\c:d", "a_b_c_d"), ("..", "image"), ("", "image"), ("Photo [1]", "Photo [1]")]
)
def test_a_name_becomes_one_of_a_file(tmp_path, classes, name, expected):
    assert add_pair(tmp_path, name, RGB, labels_of(1), classes)[0] == tmp_path / "images" / f"{expected}.png"


def test_images_of_other_kinds_become_rgb(tmp_path, classes):
    gray = np.linspace(0, 65535, 48).reshape(6, 8).astype(np.uint16)
    image = add_pair(tmp_path, "a", gray, labels_of(1), classes).image
    rgb = read_image(image)
    assert rgb.shape == (6, 8, 3)
    assert (rgb[0, 0].tolist(), rgb[-1, -1].tolist()) == ([0] * 3, [255] * 3)


@pytest.mark.parametrize(
    ("image", "labels", "error", "words"),
    [
        (RGB, labels_of(), DataError, "nothing is labeled in a"),
        (RGB[:5], labels_of(1), DataError, "the label map of a has the shape"),
        (RGB, labels_of(1, 5, -3), DataError, r"holds ids that no class has \(-3, 5\)"),
        (RGB * 1.0, labels_of(1), FileError, "a holds numbers from 0 to 249"),
    ],
)
def test_what_cannot_be_added_changes_nothing(tmp_path, classes, image, labels, error, words):
    root = tmp_path / "set"
    with pytest.raises(error, match=words):
        add_pair(root, "a", image, labels, classes)
    assert not root.exists()


def test_a_mask_that_cannot_be_read_is_somebody_s_all_the_same(tmp_path, classes):
    mask = add_pair(tmp_path, "a", RGB, labels_of(1), classes).mask
    mask.write_bytes(b"mine")
    with pytest.raises(HasLabelsError):
        add_pair(tmp_path, "a", RGB, labels_of(1), classes)
    assert mask.read_bytes() == b"mine"
    mask.unlink()
    assert add_pair(tmp_path, "a", RGB, labels_of(2), classes).again
    assert np.unique(read_label_map(mask)[0]).tolist() == [0, 2]


def test_a_damaged_class_map_is_not_overwritten(tmp_path, classes):
    (tmp_path / "classes.json").write_text("[{]")
    with pytest.raises(DataError, match=r"classes\.json"):
        add_pair(tmp_path, "a", RGB, labels_of(1), classes)
    assert (tmp_path / "classes.json").read_text() == "[{]"


@pytest.mark.parametrize("step", ["write_label_map", "write_color"])
def test_an_error_while_writing_leaves_what_was_there(tmp_path, classes, monkeypatch, step):
    add_pair(tmp_path, "a", RGB, labels_of(1), classes)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(collect, step, full)
    with pytest.raises(OSError, match="No space left"):
        add_pair(tmp_path, "b", 255 - RGB, labels_of(1), classes)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.png", "a.png", "classes.json"]
    assert check_set(read_set(tmp_path)).problems == ()
