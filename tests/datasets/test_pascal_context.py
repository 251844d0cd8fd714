import numpy as np
import pytest
from scipy.io import savemat

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.check import check_set
from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import DataError

OURS = [item.name for item in ClassMap.pascal_context()]
THEIRS = {"diningtable": "table", "bedcloth": "bedclothes", "clothes": "cloth"}
NAMES = ["accordion", *sorted(THEIRS.get(name, name) for name in OURS), "zebra"]  # of the 459, in an order of their own
NUMBERS = {name: number for number, name in enumerate(NAMES, 1)}


@pytest.fixture(params=["VOCdevkit/VOC2010", "VOC2010", "."])
def pascal(request, tmp_path, draw):
    """The authors' folders, with two training images, one for validation, and one of VOC that they did not label."""
    voc = tmp_path / request.param
    for number in range(4):
        draw.image(voc / "JPEGImages" / f"2008_{number:06}.jpg", number)
    (tmp_path / "trainval").mkdir()
    for number, name in enumerate(("table", "bedclothes", "sky")):
        values = np.full((20, 30), NUMBERS[name], np.uint16)
        values[:, :10] = NUMBERS["zebra"]
        savemat(tmp_path / "trainval" / f"2008_{number:06}.mat", {"LabelMap": values})
    write_names(tmp_path / "labels.txt", NAMES)
    write_names(tmp_path / "59_labels.txt", OURS)
    lists = voc / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2008_000000\n2008_000001\n")
    (lists / "val.txt").write_text("2008_000002\n")
    return tmp_path


def write_names(path, names):
    path.write_text("".join(f"{number}: {name}\n" for number, name in enumerate(names, 1)))


def test_ids_are_ours_by_name(pascal):
    data = read_set(pascal)
    assert data.classes == ClassMap.pascal_context()
    assert [pair.split for pair in data.pairs] == ["train", "train", "val"]
    found = [data.read_mask.read(pair.mask) for pair in data.pairs]
    assert [data.classes[labels[0, -1]].name for labels, _ in found] == ["diningtable", "bedcloth", "sky"]
    assert all(labels[0, 0] == 0 for labels, _ in found)
    assert not any(unknown for _, unknown in found)
    assert not data.problems
    assert data.notes == ("1 images have no label map and are not used",)
    assert check_set(data).unused == 0


def test_every_class_is_found_under_their_name_or_ours(pascal):
    """The list of 59 itself is known with either name; the list of 459 may have all of ours, or theirs."""
    write_names(pascal / "59_labels.txt", [THEIRS.get(name, name) for name in OURS])
    theirs = read_set(pascal).read_mask.ids
    assert sorted(label for label in theirs.values() if label) == list(range(1, 60))
    assert theirs[NUMBERS["cloth"]] == ClassMap.pascal_context().named("clothes").id
    write_names(pascal / "labels.txt", sorted(OURS))
    ours = read_set(pascal).read_mask.ids
    assert ours == {number: ClassMap.pascal_context().named(name).id for number, name in enumerate(sorted(OURS), 1)}


def test_split_files_in_the_root_come_first(pascal):
    (pascal / "train.txt").write_text("2008_000002\n2009_000009\n")
    (pascal / "val.txt").write_text("2008_000001\n")
    data = read_set(pascal)
    assert {pair.image.stem[-1]: pair.split for pair in data.pairs} == {"0": "train", "1": "val", "2": "train"}
    assert data.problems == ("train.txt lists 2009_000009, which has no label map",)
    assert any(note.startswith("1 label maps that neither") for note in data.notes)


def test_a_label_map_without_image_is_named(pascal):
    savemat(pascal / "trainval" / "2010_000001.mat", {"LabelMap": np.ones((2, 2))})
    assert read_set(pascal).problems == ("trainval/2010_000001.mat is a mask without an image",)


def test_a_missing_part_is_named(pascal):
    (pascal / "labels.txt").rename(pascal / "names.txt")
    with pytest.raises(DataError, match=r"has no labels\.txt"):
        read_set(pascal)
    (pascal / "names.txt").rename(pascal / "labels.txt")
    write_names(pascal / "59_labels.txt", [*OURS, "unicorn"])
    with pytest.raises(DataError, match=r"59_labels\.txt.*'unicorn'"):
        read_set(pascal)
    (pascal / "59_labels.txt").unlink()
    assert len(read_set(pascal).pairs) == 3
    write_names(pascal / "labels.txt", [name for name in NAMES if name != "sky"])
    with pytest.raises(DataError, match=r"labels\.txt.* lacks the class 'sky'"):
        read_set(pascal)
    for path in (pascal / "trainval").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"no \.mat label maps"):
        read_set(pascal)
