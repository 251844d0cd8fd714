import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def root(tmp_path):
    """A set of two pairs: sky above, [boat] below."""
    (tmp_path / "classes.csv").write_text("id,name\n1,sky\n2,[boat]\n3,hull\n4,mast\n")
    for number, name in enumerate(("here-a", "there-b")):
        coarse = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
        labels = np.repeat([[1], [2]], 10, 0).repeat(25, 1).astype(np.uint8)
        for folder, image in (("images", Image.fromarray(coarse).resize((25, 20))), ("masks", Image.fromarray(labels))):
            (tmp_path / folder).mkdir(exist_ok=True)
            image.save(tmp_path / folder / f"{name}.png")
    return tmp_path


def files_of(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_a_good_set_is_described(run, root):
    before = files_of(root)
    result = run("dataset", "check", root)
    assert result.exit_code == 0
    for text in ("smallest 25 x 20", "here 1", "there 1", "sky", "[boat]", "500", "50.0%", "0 problems"):
        assert text in result.output
    assert "classes without any pixels: hull, mast" in result.output
    assert files_of(root) == before, "a check writes nothing"


def test_problems_are_named_and_the_exit_code_is_1(run, root):
    (root / "masks" / "here-a.png").write_bytes(b"nothing")
    result = run("dataset", "check", root)
    assert result.exit_code == 1
    assert "problem: masks/here-a.png cannot be read" in result.output
    assert "1 problem; 1 file cannot be used" in result.output


def test_gray_images_are_notes(run, root):
    with Image.open(root / "images" / "here-a.png") as image:
        image.convert("L").save(root / "images" / "here-a.png")
    result = run("dataset", "check", root)
    assert result.exit_code == 0
    assert "note: images/here-a.png has no color" in result.output


def test_json_for_other_programs(run, root):
    (root / "masks" / "lost.png").write_bytes(b"")
    result = run("dataset", "check", root, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["counts"] == {"train": 1, "val": 1, "pseudo": 0, "unlabeled": 0}
    assert report["problems"] == ["masks/lost.png is a mask without an image"]
    assert report["sizes"]["largest"] == [25, 20]
    assert report["classes"][2] == {
        "id": 2,
        "name": "[boat]",
        "pixels": 500,
        "images": 2,
        "pseudo_pixels": 0,
        "pseudo_images": 0,
    }


def test_groups_are_checked(run, root):
    assert run("dataset", "check", root, "--group", "[boat]=hull,mast", "--group", "sky=mast").exit_code == 0
    result = run("dataset", "check", root, "--group", "[boat]=hull,sail")
    assert result.exit_code == 1
    assert "error: the group [boat]: the set has no class 'sail'" in result.output


def test_what_is_no_set_is_one_line(run, tmp_path):
    result = run("dataset", "check", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert f"error: there is no folder {tmp_path / 'nowhere'}" in result.output


def test_a_list_without_the_column_is_one_line(run, tmp_path):
    (tmp_path / "list.csv").write_text("photo\na.jpg\n")
    result = run("dataset", "check", tmp_path / "list.csv")
    assert result.exit_code == 1
    assert "is not a list of images" in result.output
