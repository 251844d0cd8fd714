from pathlib import Path

import pytest

from napari_colorizer.datasets.read import read_set
from napari_colorizer.datasets.settings import Settings, read_settings
from napari_colorizer.errors import DataError


def test_without_the_file_everything_is_as_usual(tmp_path):
    assert read_settings(tmp_path) == Settings()


def test_all_keys(tmp_path):
    (tmp_path / "dataset.toml").write_text(
        'classes = "my.csv"\nsource = "folder"\nleast_confidence = 1\n[groups]\nperson = ["skin", "hair"]\n'
    )
    assert read_settings(tmp_path) == Settings(tmp_path / "my.csv", "folder", 1, {"person": ("skin", "hair")})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clases = 'a.json'", "there is no key 'clases'; there are classes, "),
        ("classes = 3", "classes must be the name of a file, not 3"),
        ("source = 'dash'", "source must be one of prefix, folder, none, not 'dash'"),
        ("least_confidence = 70", "least_confidence must be a number from 0 to 1, not 70"),
        ("least_confidence = true", "least_confidence must be a number"),
        ("groups = ['a']", "groups must be a table of lists"),
        ("groups.person = 'skin'", "groups must be a table of lists"),
        ("groups.person = []", "groups must be a table of lists"),
        ("classes = ", "cannot be read"),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path, text, words):
    (tmp_path / "dataset.toml").write_text(text)
    with pytest.raises(DataError, match=rf"dataset\.toml:? {words}"):
        read_settings(tmp_path)


def test_the_named_class_map_is_used(tmp_path, draw):
    root = draw.natural(tmp_path, 1)
    (root / "names.txt").write_text("1: Himmel\n")
    (root / "dataset.toml").write_text('classes = "names.txt"')
    assert [item.name for item in read_set(root).classes] == ["Himmel"]
    (root / "names.txt").unlink()
    with pytest.raises(DataError, match=r"names\.txt cannot be read"):
        read_set(root)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("prefix", ["", "web", "paris", "web", "x"]),
        ("folder", ["x", "x", "paris", "paris", "x"]),
        ("none", [""] * 5),
    ],
)
def test_sources(rule, expected):
    folder = Path("/set/images")
    images = ("2024.jpg", "web-1.jpg", "paris/a.jpg", "paris/web-b.jpg", "-a.jpg")
    found = [Settings(source=rule).source_of(folder / image, folder, "x") for image in images]
    assert found == [expected[0] if rule == "none" else "x", *expected[1:]]
