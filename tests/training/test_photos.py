import numpy as np
import pytest
from PIL import Image

from napari_colorizer.training.photos import read_photos


@pytest.fixture
def folder(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.full((60, 90, 3), 128, np.uint8)).save(tmp_path / "images" / "a.jpg")
    Image.fromarray(np.full((60, 90), 7, np.uint8)).save(tmp_path / "masks" / "a.png")
    return tmp_path


def test_a_photo_and_its_mask_are_shrunk_together(folder):
    (photo,) = read_photos(folder / "images", folder / "masks", 30)
    assert photo.name == "a"
    assert photo.rgb.shape == (30, 45, 3)
    assert photo.labels.shape == (30, 45)
    assert (photo.labels == 7).all()


def test_a_small_photo_is_not_enlarged(folder):
    (photo,) = read_photos(folder / "images", folder / "masks", 500)
    assert photo.labels.shape == (60, 90)


def test_an_empty_folder_and_a_missing_mask_are_errors(folder):
    with pytest.raises(FileNotFoundError, match="masks"):
        read_photos(folder / "masks", folder / "masks", 30)
    (folder / "masks" / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        read_photos(folder / "images", folder / "masks", 30)
