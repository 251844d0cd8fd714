import numpy as np
from PIL import Image

from napari_colorizer.training.pictures import GAP, to_gray, write_pictures


def test_a_picture_shows_gray_labels_color_and_truth(tiny_model, photos, tmp_path):
    files = write_pictures(tiny_model, photos[:2], "colorizer", "cpu", tmp_path / "pictures", 7)
    assert [file.name for file in files] == ["epoch-0007-1-made-0.png", "epoch-0007-2-made-1.png"]
    picture, width = np.asarray(Image.open(files[0])), photos[0].rgb.shape[1]
    gray, labels, color, truth = (picture[:, start : start + width] for start in (width + GAP) * np.arange(4))
    assert np.array_equal(truth, photos[0].rgb)
    assert np.array_equal(gray, to_gray(photos[0].rgb))
    assert np.ptp(gray.astype(int), axis=-1).max() <= 1
    np.testing.assert_array_equal(color, tiny_model.colorize(photos[0].rgb, photos[0].labels))
    sky = labels[photos[0].labels == 1].astype(int) - gray[photos[0].labels == 1] // 2
    np.testing.assert_allclose(sky.mean(0), np.array([0x87, 0xCE, 0xEB]) / 2, atol=1)


def test_the_segmenters_picture_shows_what_it_predicts(tiny_model, photos, tmp_path):
    (file,) = write_pictures(tiny_model, photos[:1], "segmenter", "cpu", tmp_path, 1)
    picture, width = np.asarray(Image.open(file)), photos[0].rgb.shape[1]
    predicted = tiny_model.segment(photos[0].rgb)
    shown, gray = picture[:, width + GAP : 2 * width + GAP], picture[:, :width]
    assert np.array_equal((shown != gray).any(-1), (predicted > 0) & (shown != gray).any(-1))
    assert (shown[predicted == 0] == gray[predicted == 0]).all()
    assert (predicted != photos[0].labels).any()
