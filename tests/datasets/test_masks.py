import pickle

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.io import savemat

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.masks import CodedMasks, DrawnMasks, read_matlab, read_numbers
from napari_colorizer.errors import FileError

WIDE = ClassMap([Class(3, "sky", "#87ceeb"), Class(700, "sea", "#0000ff")])


def test_ids_in_eight_bits(tmp_path, draw, classes):
    values = np.array([[0, 1, 2], [7, 9, 200]], np.uint8)
    labels, unknown = DrawnMasks(classes).read(draw.mask(tmp_path / "a.png", values, values.shape))
    assert labels.tolist() == [[0, 1, 2], [7, 0, 0]]
    assert labels.dtype == np.uint8
    assert unknown == ["id 9", "id 200"]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_ids_in_sixteen_bits(tmp_path, suffix):
    values = np.array([[0, 3], [700, 65535]], np.uint16)
    path = tmp_path / f"a{suffix}"
    tifffile.imwrite(path, values) if suffix == ".tif" else Image.fromarray(values).save(path)
    labels, unknown = DrawnMasks(WIDE).read(path)
    assert labels.tolist() == [[0, 3], [700, 0]]
    assert labels.dtype == np.uint16
    assert unknown == ["id 65535"]


def test_the_numbers_of_an_indexed_png_are_ids(tmp_path, classes):
    image = Image.fromarray(np.array([[0, 7]], np.uint8), "P")
    image.putpalette(bytes(range(256)) * 3)
    image.save(tmp_path / "a.png")
    assert DrawnMasks(classes)(tmp_path / "a.png").tolist() == [[0, 7]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colors_are_those_of_the_class_map(tmp_path, draw, classes, suffix):
    values = [[(0, 0, 0), (0x87, 0xCE, 0xEB), (0xB2, 0x22, 0x22), (1, 2, 3)]]
    Image.fromarray(np.array(values, np.uint8)).save(tmp_path / f"a{suffix}")
    labels, unknown = DrawnMasks(classes).read(tmp_path / f"a{suffix}")
    assert labels.tolist() == [[0, 1, 7, 0]]
    assert unknown == ["the color #010203"]


def test_alpha_of_colors_is_left_out(tmp_path, classes):
    Image.fromarray(np.array([[(0x87, 0xCE, 0xEB, 9)]], np.uint8)).save(tmp_path / "a.png")
    assert DrawnMasks(classes)(tmp_path / "a.png").tolist() == [[1]]


def test_black_may_be_a_class(tmp_path):
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "a.png")
    assert DrawnMasks(ClassMap([Class(4, "night", "#000000")]))(tmp_path / "a.png").tolist() == [[4]]


def test_a_color_of_two_classes_is_told(tmp_path):
    Image.fromarray(np.full((1, 1, 3), 255, np.uint8)).save(tmp_path / "a.png")
    both = ClassMap([Class(1, "snow", "#ffffff"), Class(2, "milk", "#ffffff")])
    labels, unknown = DrawnMasks(both).read(tmp_path / "a.png")
    assert labels.tolist() == [[0]]
    assert unknown == ["the color #ffffff (the color of both snow and milk)"]


def test_not_every_color_of_a_photograph_is_told(tmp_path, draw, classes):
    unknown = DrawnMasks(classes).read(draw.image(tmp_path / "a.png"))[1]
    assert len(unknown) == 6
    assert unknown[-1].endswith("more colors")


def test_a_mask_of_the_plugin_is_translated_by_name(tmp_path, draw, classes):
    own = ClassMap(
        [Class(1, "BOAT", "#111111"), Class(2, "Himmel", "#222222", known_as="sky"), Class(3, "tree", "#333333")]
    )
    path = draw.own(tmp_path / "a.png", [[1, 2, 3, 0, 9]], own, (1, 5))
    labels, unknown = DrawnMasks(classes).read(path)
    assert labels.tolist() == [[7, 1, 0, 0, 0]]
    assert unknown == ["the class tree", "id 9"]


def test_a_class_of_the_set_may_be_known_as_the_masks(tmp_path, draw):
    path = draw.own(tmp_path / "a.png", 1, ClassMap([Class(1, "sky", "#111111")]))
    renamed = ClassMap([Class(5, "Himmel", "#222222", known_as="Sky")])
    assert set(DrawnMasks(renamed)(path).ravel().tolist()) == {5}


def test_what_is_no_mask_is_named(tmp_path, classes):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"a\.png"):
        DrawnMasks(classes)(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((4, 4, 3), np.uint16), photometric="rgb")
    with pytest.raises(FileError, match=r"b\.tif"):
        DrawnMasks(classes)(tmp_path / "b.tif")


def test_coded_masks_tell_numbers_without_a_meaning(tmp_path, draw, classes):
    path = draw.mask(tmp_path / "a.png", [[0, 6, 255, 77]], (1, 4))
    labels, unknown = CodedMasks(classes, {0: 1, 6: 7, 255: 0}, read_numbers).read(path)
    assert labels.tolist() == [[1, 7, 0, 0]]
    assert unknown == ["the number 77"]


def test_readers_go_to_other_processes(tmp_path, draw, classes):
    path = draw.mask(tmp_path / "a.png", 2)
    for reader in (DrawnMasks(classes), CodedMasks(classes, {2: 7}, read_numbers)):
        assert (pickle.loads(pickle.dumps(reader))(path) == reader(path)).all()


def test_a_matlab_file_without_a_label_map_is_named(tmp_path):
    savemat(tmp_path / "a.mat", {"Other": np.zeros((2, 2))})
    (tmp_path / "b.mat").write_bytes(b"MATLAB 5.0")
    savemat(tmp_path / "c.mat", {"LabelMap": np.full((2, 2), -1)})
    for name, words in (("a", "holds no LabelMap"), ("b", "cannot be read"), ("c", "no class ids")):
        with pytest.raises(FileError, match=rf"{name}\.mat .*{words}"):
            read_matlab(tmp_path / f"{name}.mat")
    with pytest.raises(FileError, match="there is no file"):
        read_matlab(tmp_path / "d.mat")


def test_not_every_unknown_id_of_noise_is_told(tmp_path, draw, classes):
    path = draw.mask(tmp_path / "a.png", np.arange(1200).reshape(30, 40), (30, 40), np.uint16)
    unknown = DrawnMasks(classes).read(path)[1]
    assert unknown == ["id 3", "id 4", "id 5", "id 6", "id 8", f"{1200 - 4 - 5} more values"]


def test_five_unknown_ids_are_all_told(tmp_path, draw, classes):
    path = draw.mask(tmp_path / "a.png", [[11, 12, 13, 14, 15]], (1, 5))
    assert DrawnMasks(classes).read(path)[1] == ["id 11", "id 12", "id 13", "id 14", "id 15"]
