import pickle
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_colorizer.datasets.photos import PhotoStore, read_photo, to_rgb8
from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import FileError


@pytest.fixture
def data(tmp_path, draw):
    return read_set(draw.natural(tmp_path, 4))


def redraw(pair, array):
    """Give a pair another image."""
    path = pair.image.with_suffix(".png")
    Image.fromarray(array).save(path)
    return replace(pair, image=path)


def test_a_photo_is_the_pair(data):
    photo = read_photo(data, data.pairs[1], 100)
    assert (photo.rgb == np.asarray(Image.open(data.pairs[1].image))).all()
    assert set(photo.labels.ravel().tolist()) == {1}
    assert photo.labels.dtype == np.uint8
    assert (photo.name, photo.source, photo.gray, photo.labeled) == ("made-01", "made", False, True)


def test_a_large_image_shrinks_by_area_and_its_labels_by_the_nearest(data):
    checks = np.indices((20, 30)).sum(0) % 2 * 200
    pair = redraw(data.pairs[0], np.stack([checks, checks, checks * 0], -1).astype(np.uint8))
    Image.fromarray(np.where(np.arange(30) < 17, 1, 7).astype(np.uint8)[None].repeat(20, 0)).save(pair.mask)
    photo = read_photo(data, pair, 5)
    assert photo.rgb.shape == (5, 8, 3)
    assert photo.labels.shape == (5, 8)
    assert (photo.rgb[:, 1:-1] == read_photo(data, pair, 10).rgb[0, 1]).all(), "a mean of dark and bright pixels"
    assert np.abs(photo.rgb[..., 0].astype(int) - 100).max() <= 10
    assert photo.labels[0].tolist() == [1, 1, 1, 1, 1, 7, 7, 7]


def test_a_small_image_is_never_enlarged(data):
    assert read_photo(data, data.pairs[0], 400).rgb.shape == (20, 30, 3)
    assert read_photo(data, data.pairs[0], 20).rgb.shape == (20, 30, 3)


@pytest.mark.parametrize("squash", [8, 64])
def test_squashed_whatever_the_aspect(data, squash):
    photo = read_photo(data, data.pairs[2], 5, squash=squash)
    assert photo.rgb.shape == (squash, squash, 3)
    assert photo.labels.shape == (squash, squash)
    assert (photo.labels == 2).all()


def test_ids_outside_the_class_map_become_unlabeled(data, draw):
    draw.mask(data.pairs[0].mask, [1] * 15 + [9] * 15)
    assert set(read_photo(data, data.pairs[0], 100).labels.ravel().tolist()) == {0, 1}


def test_large_ids_have_sixteen_bits(tmp_path, draw):
    draw.image(tmp_path / "images/a.png")
    draw.mask(tmp_path / "masks/a.png", 300, dtype=np.uint16)
    (tmp_path / "classes.csv").write_text("id,name\n300,sky\n")
    data = read_set(tmp_path)
    photo = read_photo(data, data.pairs[0], 10)
    assert photo.labels.dtype == np.uint16
    assert (photo.labels == 300).all()
    assert read_photo(data, replace(data.pairs[0], mask=None), 10).labels.dtype == np.uint16


def test_an_image_without_mask_is_unlabeled(data):
    photo = read_photo(data, replace(data.pairs[1], mask=None), 10)
    assert not photo.labeled
    assert not photo.labels.any()
    assert photo.labels.shape == photo.rgb.shape[:2]


def test_uncertain_pixels_of_pseudo_masks_are_unlabeled(data, draw, tmp_path):
    confidence = draw.mask(tmp_path / "c.png", [178] * 10 + [179] * 10 + [255] * 10)
    pair = replace(data.pairs[1], pseudo=True, confidence=confidence)
    strict = replace(data, least_confidence=0.7)
    assert read_photo(strict, pair, 100).labels[0].tolist() == [0] * 10 + [1] * 20
    assert read_photo(data, pair, 100).labels.all(), "no confidence is demanded"
    assert read_photo(strict, replace(pair, pseudo=False), 100).labels.all(), "a person drew it"
    draw.mask(confidence, 255, (4, 4))
    with pytest.raises(FileError, match=r"c\.png has 4 x 4 pixels"):
        read_photo(strict, pair, 100)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[False, True]]), [0, 255]),
        (np.array([[0, 65535 // 2, 65535]], np.uint16), [0, 127, 255]),
        (np.array([[-128, 127]], np.int8), [0, 255]),
        (np.array([[0, 2**32 - 1]], np.uint32), [0, 255]),
        (np.array([[0.0, 0.5, 1.005, np.nan]], np.float32), [0, 128, 255, 0]),
    ],
)
def test_numbers_of_every_kind_become_eight_bits(values, expected):
    rgb = to_rgb8(values)
    assert rgb.dtype == np.uint8
    assert rgb.shape == (*values.shape, 3)
    assert (rgb[0] == np.array(expected)[:, None]).all()


def test_alpha_is_left_out():
    rgba = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert (to_rgb8(rgba) == rgba[..., :3]).all()


def test_floats_beyond_one_are_refused(data):
    path = data.pairs[0].image.with_suffix(".tif")
    tifffile.imwrite(path, np.full((20, 30), 7.0, np.float32))
    with pytest.raises(FileError, match=r"images/made-00\.tif holds numbers from 0 to 7"):
        read_photo(data, replace(data.pairs[0], image=path), 10)


@pytest.mark.parametrize(("step", "gray"), [(0, True), (2, True), (3, False)])
def test_gray_means_that_no_pixel_has_color(data, step, gray):
    rgb = np.full((20, 30, 3), 100, np.uint8)
    rgb[5, 7, 1] += step
    assert read_photo(data, redraw(data.pairs[0], rgb), 100).gray is gray


@pytest.mark.parametrize("part", ["image", "mask"])
def test_an_unreadable_file_is_named_by_its_place(data, part):
    path = getattr(data.pairs[1], part)
    path.write_bytes(b"nothing")
    with pytest.raises(FileError, match=rf"{part}s/{path.name} cannot be read"):
        read_photo(data, data.pairs[1], 10)
    path.unlink()
    with pytest.raises(FileError, match=rf"there is no file .*{part}s/{path.name}"):
        read_photo(data, data.pairs[1], 10)


def test_a_mask_of_another_size_is_named(data, draw):
    draw.mask(data.pairs[1].mask, size=(30, 20))
    words = r"masks/made-01\.png has 20 x 30 pixels, but its image images/made-01\.jpg has 30 x 20"
    with pytest.raises(FileError, match=words):
        read_photo(data, data.pairs[1], 10)


def same(one, other):
    return (one.rgb == other.rgb).all() and (one.labels == other.labels).all() and one.name == other.name


def test_a_store_knows_its_photos(data):
    pairs = [*data.pairs, replace(data.pairs[1], mask=None, source="web")]
    store, problems = PhotoStore.load(data, pairs, 10)
    assert not problems
    assert len(store) == 5
    assert store.ids == (0, 1, 2, 7)
    assert store.counts.tolist() == [[np.bincount(p.labels.ravel(), minlength=8)[k] for k in store.ids] for p in store]
    assert store.counts.sum(1).tolist() == [150] * 5
    assert store.labeled.tolist() == [True] * 4 + [False]
    assert store.gray.tolist() == [False] * 5
    assert store.sources == ("made",) * 4 + ("web",)
    assert store.pairs == tuple(pairs)
    assert same(store[np.int64(2)], read_photo(data, pairs[2], 10))
    assert [photo.name for photo in store[1:3]] == ["made-01", "made-02"]
    assert store[-1] is store[4]
    with pytest.raises(IndexError):
        store[5]


def test_what_cannot_be_read_is_left_out_and_named(data, draw):
    data.pairs[0].image.write_bytes(b"nothing")
    draw.mask(data.pairs[2].mask, size=(3, 3))
    draw.mask(data.pairs[3].mask, 9)
    store, problems = PhotoStore.load(data, data.pairs, 10)
    assert [photo.name for photo in store] == ["made-01", "made-03"]
    assert len(store.counts) == len(store.gray) == len(store.labeled) == len(store.sources) == len(store.pairs) == 2
    assert ["images/made-00.jpg" in problems[0], "masks/made-02.png" in problems[1]] == [True, True]
    assert problems[2:] == ["masks/made-03.png holds id 9, not in the class map: treated as unlabeled"]


def test_nothing_readable_is_an_empty_store(data):
    for pair in data.pairs:
        pair.image.unlink()
    store, problems = PhotoStore.load(data, data.pairs, 10)
    assert len(store) == 0
    assert len(problems) == 4
    assert store.counts.shape == (0, 4)


@pytest.mark.parametrize("kept", [0, 2])
def test_what_does_not_fit_into_memory_is_read_from_the_disk(data, kept):
    each = 10 * 15 * 4
    full, _ = PhotoStore.load(data, data.pairs, 10)
    store, problems = PhotoStore.load(data, data.pairs, 10, memory=kept * each + each // 2)
    assert not problems
    assert all(same(one, other) for one, other in zip(store, full, strict=True))
    assert (store.counts == full.counts).all()
    assert [store[k] is store[k] for k in range(4)] == [k < kept for k in range(4)]
    data.pairs[3].image.unlink()
    assert same(full[3], full[3])
    with pytest.raises(FileError, match=r"made-03\.jpg"):
        store[3]


def test_a_store_goes_to_other_processes(data):
    store, _ = PhotoStore.load(data, data.pairs, 10, squash=8, memory=300)
    other = pickle.loads(pickle.dumps(store))
    assert all(same(one, two) for one, two in zip(store, other, strict=True))
    assert other.ids == store.ids


def test_loading_tells_how_far_it_is_and_can_be_stopped(data):
    shares = []
    PhotoStore.load(data, data.pairs, 10, on_progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PhotoStore.load(data, data.pairs, 10, on_progress=stop)
