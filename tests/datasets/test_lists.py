import pytest

from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import DataError


@pytest.fixture
def write(tmp_path, draw):
    draw.classes(tmp_path)

    def write_list(text, name="list.csv"):
        (tmp_path / name).write_text(text, "utf-8-sig")
        return tmp_path / name

    return write_list


def test_all_columns(tmp_path, write):
    path = write(
        "Image, mask,split,source,pseudo,confidence\n"
        "a/one.jpg,m/one.png,val,here,,\n"
        "b-two.jpg,m/two.png,TRAIN,,1,m/two.conf.png\n"
        "c.jpg,,,,0,\n"
    )
    one, two, three = read_set(path).pairs
    assert (one.image, one.mask, one.split, one.source) == (
        tmp_path / "a/one.jpg",
        tmp_path / "m/one.png",
        "val",
        "here",
    )
    assert (two.pseudo, two.confidence, two.source, two.split) == (True, tmp_path / "m/two.conf.png", "b", "train")
    assert (three.mask, three.pseudo, three.source, three.split) == (None, False, tmp_path.name, "train")


def test_only_images_are_a_list_too(write):
    assert [pair.mask for pair in read_set(write("image\na.jpg\nb.jpg\n")).pairs] == [None, None]


def test_the_list_is_not_its_own_class_map(tmp_path, write, classes):
    assert read_set(write("image,mask\na.jpg,a.png\n", "labels.csv")).classes == classes


def test_an_image_listed_twice_is_used_once(write):
    data = read_set(write("image\na.jpg\na.jpg\n"))
    assert len(data.pairs) == 1
    assert data.problems == ("list.csv, line 3: a.jpg is listed twice",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("picture,mask\na.jpg,a.png\n", r"list\.csv is not a list of images: its first line must name .* image"),
        ("", r"list\.csv is not a list of images"),
        ("image\n", r"list\.csv lists no image"),
        ("image,mask\na.jpg,\n,b.png\n", r"list\.csv, line 3: there is no image"),
        ("image,split\na.jpg,test\n", r"list\.csv, line 2: split must be train or val, not 'test'"),
        ("image,pseudo\na.jpg,perhaps\n", r"list\.csv, line 2: pseudo must be 1 or 0"),
    ],
)
def test_a_wrong_list_is_one_clear_error(write, text, words):
    with pytest.raises(DataError, match=words):
        read_set(write(text))


def test_bytes_are_no_list(tmp_path, write):
    path = write("image\n")
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="not UTF-8 text"):
        read_set(path)


def test_a_list_without_class_map_is_an_error(tmp_path, write):
    path = write("image\na.jpg\n")
    (tmp_path / "classes.json").unlink()
    with pytest.raises(DataError, match="no class map"):
        read_set(path)
