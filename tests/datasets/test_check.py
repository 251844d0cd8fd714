import numpy as np
import pytest
from PIL import Image

from napari_colorizer.datasets.check import ClassCount, check_set
from napari_colorizer.datasets.read import read_set


@pytest.fixture
def root(tmp_path, draw):
    """Six pairs, two of which validate: ids 0, 1, 2, 0, 1, 2."""
    draw.natural(tmp_path, 6)
    rows = "".join(f"images/made-{number:02}.jpg,{'val' if number < 2 else 'train'}\n" for number in range(6))
    (tmp_path / "split.csv").write_text("image,split\n" + rows)
    for number in (0, 3):
        draw.mask(tmp_path / "masks" / f"made-{number:02}.png", [7] * 3 + [0] * 27)
    return tmp_path


def check(root):
    return check_set(read_set(root))


def test_a_good_set(root):
    report = check(root)
    assert report.counts == {"train": 4, "val": 2, "pseudo": 0, "unlabeled": 0}
    assert report.sources == {"made": 6}
    assert report.sizes == {"smallest": (30, 20), "median": (30, 20), "largest": (30, 20)}
    assert report.problems == ()
    assert report.unused == 0
    assert report.classes == (
        ClassCount(0, "unlabeled", 2 * 27 * 20, 2, 0, 0),
        ClassCount(1, "sky", 2 * 600, 2, 0, 0),
        ClassCount(2, "grass", 2 * 600, 2, 0, 0),
        ClassCount(7, "boat", 2 * 3 * 20, 2, 0, 0),
    )


def test_sizes_are_by_area(root, draw):
    draw.image(root / "images/made-00.jpg", size=(100, 10))
    draw.mask(root / "masks/made-00.png", size=(100, 10))
    draw.image(root / "images/made-01.jpg", 1, size=(2, 50))
    draw.mask(root / "masks/made-01.png", size=(2, 50))
    assert check(root).sizes == {"smallest": (50, 2), "median": (30, 20), "largest": (10, 100)}


def test_pseudo_masks_are_counted_apart(root, draw):
    draw.image(root / "unlabeled/images/web-1.png", 11)
    draw.mask(root / "unlabeled/pseudo/web-1.png", [1] * 10 + [7] * 20)
    draw.mask(root / "unlabeled/confidence/web-1.png", [100] * 20 + [255] * 10)
    draw.image(root / "unlabeled/images/web-2.png", 12)
    (root / "dataset.toml").write_text("least_confidence = 0.5")
    report = check(root)
    assert report.counts == {"train": 4, "val": 2, "pseudo": 1, "unlabeled": 1}
    assert [(item.pseudo_pixels, item.pseudo_images) for item in report.classes] == [(400, 1), (0, 0), (0, 0), (200, 1)]
    assert report.classes[1].pixels == 1200
    assert report.problems == ()


def test_every_problem_names_its_file(root, draw):
    draw.mask(root / "masks/made-00.png", [1, 9, 200] * 10)
    draw.mask(root / "masks/made-01.png", size=(20, 29))
    (root / "images/made-02.jpg").write_bytes((root / "images/made-02.jpg").read_bytes()[:300])
    (root / "masks/made-03.png").write_bytes(b"nothing")
    (root / "masks/made-04.png").unlink()
    draw.mask(root / "masks/lost.png")
    draw.mask(root / "masks/made-05.png", 0)
    report = check(root)
    problems = dict(problem.split(" ", 1) for problem in report.problems)
    assert problems.keys() == {
        "masks/made-00.png",
        "masks/made-01.png",
        "images/made-02.jpg",
        "masks/made-03.png",
        "masks/lost.png",
    }
    assert problems["masks/made-00.png"] == "holds id 9, id 200, not in the class map: treated as unlabeled"
    assert "29 x 20 pixels" in problems["masks/made-01.png"]
    assert "cannot be read" in problems["images/made-02.jpg"]
    assert "cannot be read" in problems["masks/made-03.png"]
    assert problems["masks/lost.png"] == "is a mask without an image"
    assert report.unused == 5
    assert "images/made-04.jpg has no mask: it can train only the colorizer" in report.notices
    assert "masks/made-05.png is empty: nothing is labeled" in report.notices


def test_a_gray_image_is_a_notice(root, draw):
    draw.image(root / "images/made-03.jpg", 3, color=False)
    report = check(root)
    assert "images/made-03.jpg has no color: it can train only the segmenter" in report.notices
    assert report.unused == 0
    assert report.problems == ()


def test_it_counts_what_can_teach_each_network(root, draw):
    draw.image(root / "images/made-03.jpg", 3, color=False)
    draw.mask(root / "masks/made-05.png", 0)
    draw.image(root / "unlabeled/images/web-1.png", 11)
    draw.mask(root / "unlabeled/pseudo/web-1.png", [1] * 30)
    draw.image(root / "unlabeled/images/web-2.png", 12)
    draw.image(root / "unlabeled/images/web-3.png", 13, color=False)
    (root / "images/made-02.jpg").write_bytes(b"nothing")
    report = check(root)
    assert report.teaching == {
        "segmenter": {"train": 2, "pseudo": 1},  # of 2, 3, 4, 5: but 2 is broken and 5 is empty
        "colorizer": {"train": 2, "pseudo": 1, "unlabeled": 1},
    }
    assert report.remarks == {
        "gray": ("images/made-03.jpg", "unlabeled/images/web-3.png"),
        "empty": ("masks/made-05.png",),
    }


def test_pictures_on_both_sides_of_the_split_are_told(root, draw):
    draw.image(root / "images/made-01.jpg", 1, size=(160, 240))
    draw.mask(root / "masks/made-01.png", size=(160, 240))
    with Image.open(root / "images/made-01.jpg") as image:
        image.resize((120, 80)).save(root / "images/made-04.jpg", quality=60)
    Image.fromarray(np.ones((80, 120), np.uint8)).save(root / "masks/made-04.png")
    report = check(root)
    assert len(report.problems) == 1
    assert report.problems[0].startswith("images/made-01.jpg is a validation image, but (nearly) the same picture as")
    assert report.unused == 0


def test_pictures_on_one_side_may_be_the_same(root):
    (root / "images/made-05.jpg").write_bytes((root / "images/made-04.jpg").read_bytes())
    assert check(root).problems == ()


def test_notes_of_the_set_are_among_the_notices(root):
    (root / "test" / "images").mkdir(parents=True)
    assert any(notice.startswith("test is not used") for notice in check(root).notices)


def test_progress(root):
    shares = []
    check_set(read_set(root), shares.append)
    assert shares == pytest.approx([k / 6 for k in range(1, 7)])
