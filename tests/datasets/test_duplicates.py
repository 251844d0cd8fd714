import io

import numpy as np
from PIL import Image

from napari_colorizer.datasets.duplicates import ROWS_AT_ONCE, find_twins, fingerprint


def picture(seed, size=(90, 70)):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def compressed(image, quality):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue()))


def test_the_same_picture_compressed_and_scaled_is_found():
    ours = [fingerprint(picture(seed)) for seed in range(20)]
    others = [fingerprint(compressed(picture(seed, (180, 140)), 50)) for seed in (19, 100, 3, 101)]
    assert find_twins(ours, others) == [(3, 2), (19, 0)]


def test_other_pictures_are_not():
    ours, others = ([fingerprint(picture(seed)) for seed in range(first, first + 100)] for first in (0, 100))
    assert find_twins(ours, others) == []


def test_pictures_without_structure_are_told_apart_by_their_color():
    sky, grass = (fingerprint(Image.new("RGB", (40, 40), color)) for color in ("#87ceeb", "#4caf50"))
    assert (sky.bits == grass.bits).all()
    assert find_twins([sky], [grass]) == []
    assert find_twins([sky], [grass, sky]) == [(0, 1)]


def test_the_nearest_of_several_is_named():
    one = picture(1)
    others = [fingerprint(compressed(one, 20)), fingerprint(one), fingerprint(compressed(one, 40))]
    assert find_twins([fingerprint(one)], others) == [(0, 1)]


def test_many_are_compared_in_parts():
    count = 2 * ROWS_AT_ONCE + 1
    prints = [fingerprint(picture(seed, (17, 16))) for seed in range(count)]
    assert find_twins(prints, prints[::-1]) == [(k, count - 1 - k) for k in range(count)]


def test_nothing_has_no_twins():
    assert find_twins([], [fingerprint(picture(0))]) == find_twins([fingerprint(picture(0))], []) == []
