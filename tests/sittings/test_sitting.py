"""Sittings: what is saved is loaded, whole or with a word on what is not."""

import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_colorizer import Sitting
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.engine.pins import Pin, Pins
from napari_colorizer.errors import FileError, ModelError
from napari_colorizer.sittings.container import MANIFEST

pytestmark = pytest.mark.usefixtures("library")

DOTS = [(10.1, 20.3, 1 / 3, -60.0, 4.5), (30, 5, 0, 0, 0)]
PINS = Pins({"sky": "#7799cc", 7: 0.5}, {(40, 3): Pin((10.25, -3.125), strength=0.3)})


@pytest.fixture
def gray():
    return np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)


@pytest.fixture
def labels():
    labels = np.ones((48, 64), np.uint8)
    labels[20:, :30] = 7
    return labels


@pytest.fixture
def photo(tmp_path, gray):
    path = tmp_path / "photo.png"
    Image.fromarray(gray).save(path)
    return path


@pytest.fixture
def sitting(photo, model_file, tiny_model, labels):
    return Sitting.of(
        photo,
        model_file,
        labels=labels,
        classes=tiny_model.classes,
        hints=DOTS,
        pins=PINS,
        adjustment=Adjustment(1.3, -0.25),
        options=ColorizeOptions(working_size=40, device="cpu", chroma_gain=1.7),
        limits=(3.0, 240.5),
    )


def same(one, other):
    names = ("image", "model", "classes", "pins", "adjustment", "limits")
    return (
        all(getattr(one, name) == getattr(other, name) for name in names)
        and np.array_equal(one.hints.rows, other.hints.rows)
        and np.array_equal(one.labels, other.labels)
        and replace(one.options, device="auto") == replace(other.options, device="auto")
    )


@pytest.mark.parametrize("name", ["s.zip", "folder", "S.ZIP"])
def test_all_of_it_is_loaded_as_it_was_saved(sitting, tmp_path, name):
    sitting.save(tmp_path / name)
    loaded = Sitting.load(tmp_path / name)
    assert (tmp_path / name).is_dir() == (name == "folder")
    assert same(replace(loaded, image=sitting.image), sitting)
    assert loaded.image.find() == sitting.image.path
    assert loaded.options.device == "auto"
    assert loaded.check() == ()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["s.zip", "folder"])
def test_the_colors_are_those_of_the_session_byte_by_byte(sitting, tiny_model, gray, labels, tmp_path, name):
    session = tiny_model.session(gray, sitting.options, sitting.limits)
    expected = session.colorize(labels, DOTS, sitting.classes, pins=PINS, adjustment=sitting.adjustment)
    sitting.save(tmp_path / name)
    np.testing.assert_array_equal(Sitting.load(tmp_path / name).colorize("cpu"), expected)


def test_little_said_is_a_sitting_too(photo, model_file, tiny_model, gray, tmp_path):
    Sitting.of(photo, model_file).save(tmp_path / "s.zip")
    loaded = Sitting.load(tmp_path / "s.zip")
    assert (loaded.labels, loaded.classes, loaded.limits, len(loaded.hints), len(loaded.pins)) == (
        None,
        None,
        None,
        0,
        0,
    )
    np.testing.assert_array_equal(loaded.colorize("cpu"), tiny_model.colorize(gray))


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(1).random((48, 64)) > 0.5,
        np.random.default_rng(1).random((48, 64), np.float32),
        np.random.default_rng(1).random((48, 64, 3)),
        np.random.default_rng(1).integers(0, 1 << 16, (48, 64), np.uint16),
        np.random.default_rng(1).integers(-100, 100, (48, 64), np.int16),
        np.random.default_rng(1).integers(0, 1 << 32, (48, 64), np.uint32),
        np.random.default_rng(1).integers(0, 255, (48, 64, 4), np.uint8),
    ],
    ids=lambda pixels: f"{pixels.dtype}, {pixels.ndim}",
)
@pytest.mark.parametrize("limits", [None, (0.0, 0.75)])
def test_an_image_without_a_file_is_kept_with_its_pixels(model_file, tiny_model, tmp_path, pixels, limits):
    Sitting.of(pixels, model_file, limits=limits).save(tmp_path / "s.zip")
    loaded = Sitting.load(tmp_path / "s.zip")
    np.testing.assert_array_equal(loaded.colorize("cpu"), tiny_model.colorize(pixels, limits=limits))


def test_labels_may_be_any_whole_numbers(photo, model_file, labels, tmp_path):
    Sitting.of(photo, model_file, labels=labels.tolist()).save(tmp_path / "s.zip")
    np.testing.assert_array_equal(Sitting.load(tmp_path / "s.zip").labels, labels)
    with pytest.raises(FileError, match="holds ids from 0 to 65535"):
        Sitting.of(photo, model_file, labels=labels.astype(np.int32) * 100_000).save(tmp_path / "t.zip")
    assert not (tmp_path / "t.zip").exists()


def test_saved_again_it_is_replaced_and_its_former_parts_are_gone(sitting, labels, tmp_path):
    folder = tmp_path / "folder"
    sitting.save(folder)
    (folder / "my notes.txt").write_text("mine")
    before = set(folder.iterdir())
    sitting.save(folder)
    assert set(folder.iterdir()) == before  # the same label map has the same name
    replace(sitting, labels=labels * 0).save(folder)
    assert len(list(folder.iterdir())) == 3
    assert (folder / "my notes.txt").read_text() == "mine"
    assert not Sitting.load(folder).labels.any()


def test_a_save_that_fails_leaves_the_former_one_whole(sitting, labels, tmp_path, monkeypatch):
    for name in ("folder", "s.zip"):
        sitting.save(tmp_path / name)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    for name in ("folder", "s.zip"):
        with pytest.raises(OSError, match="No space left"):
            replace(sitting, labels=labels * 0).save(tmp_path / name)
        assert same(replace(Sitting.load(tmp_path / name), image=sitting.image), sitting)
    assert not list(tmp_path.glob(".*"))


def test_what_is_no_sitting_is_never_written_over(sitting, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("letter.txt", "dear")
    for name in ("mine", "mine.zip"):
        with pytest.raises(FileError, match="is not a sitting and is not overwritten"):
            sitting.save(tmp_path / name)
    sitting.save(tmp_path / "s")
    with pytest.raises(FileError, match="already exists and is not overwritten"):
        sitting.save(tmp_path / "s", overwrite=False)
    with pytest.raises(FileError, match="there is no folder"):
        sitting.save(tmp_path / "gone" / "s.zip")


# -- what is missing or changed is named, and the rest is kept


def test_a_missing_or_changed_image_is_named_and_the_rest_kept(sitting, photo, gray, tmp_path):
    sitting.save(tmp_path / "s.zip")
    photo.rename(tmp_path / "elsewhere.png")
    loaded = Sitting.load(tmp_path / "s.zip")
    assert [text for text in loaded.check() if "image of this sitting is missing" in text and str(photo) in text]
    np.testing.assert_array_equal(loaded.labels, sitting.labels)
    with pytest.raises(FileError, match=r"missing: there is no file .*photo\.png"):
        loaded.colorize("cpu")
    Image.fromarray(255 - gray).save(photo)
    with pytest.raises(FileError, match=r"photo\.png was changed since"):
        loaded.colorize("cpu")


@pytest.mark.parametrize("name", ["s.zip", "folder"])
def test_image_and_sitting_may_move_together(sitting, photo, tmp_path, name):
    sitting.save(tmp_path / name)
    new = tmp_path / "album"
    new.mkdir()
    (tmp_path / name).rename(new / name)
    photo.rename(new / "photo.png")
    assert Sitting.load(new / name).image.find().samefile(new / "photo.png")


def test_a_missing_or_changed_model_is_named_and_the_rest_kept(sitting, model_file, make_model, library, tmp_path):
    sitting.save(tmp_path / "s.zip")
    same_model = model_file.read_bytes()
    make_model(seed=1).save(model_file)
    loaded = Sitting.load(tmp_path / "s.zip")
    assert "not the one that this sitting was colored with" in loaded.check()[0]
    model_file.unlink()
    with pytest.raises(ModelError, match="the model of this sitting is missing"):
        loaded.colorize("cpu")
    library.mkdir()
    (library / "renamed.safetensors").write_bytes(same_model)
    assert loaded.check() == ()


def test_a_damaged_label_map_is_named_and_the_rest_kept(sitting, tmp_path):
    sitting.save(tmp_path / "folder")
    part = next((tmp_path / "folder").glob("labels*.png"))
    part.write_bytes(b"nothing")
    loaded = Sitting.load(tmp_path / "folder")
    assert len(loaded.hints) == 2
    assert part.name in loaded.check()[0]
    with pytest.raises(FileError, match=part.name):
        loaded.colorize("cpu")
    part.unlink()
    (problem,) = Sitting.load(tmp_path / "folder").problems
    assert problem.startswith("the label map of this sitting is missing or damaged: there is no file")


def test_a_label_map_of_another_shape_is_refused(sitting, labels):
    with pytest.raises(FileError, match=r"label map of this sitting has the shape \(10, 64\)"):
        replace(sitting, labels=labels[:10]).colorize("cpu")


# -- files that were made to do harm


def archive_of(path, manifest, **parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, manifest)
        for name, content in parts.items():
            archive.writestr(name, content)


def changed(sitting, tmp_path, **facts):
    sitting.save(tmp_path / "whole")
    return json.dumps(json.loads((tmp_path / "whole" / MANIFEST).read_text()) | facts)


@pytest.mark.parametrize("name", ["../photo.png", "/etc/hostname", "..", "a\\b", "", ".hidden", "a" * 300])
def test_a_part_is_never_looked_for_outside(sitting, tmp_path, name):
    text = changed(sitting, tmp_path, labels=name)
    archive_of(tmp_path / "s.zip", text)
    (tmp_path / "whole" / MANIFEST).write_text(text)
    for path in (tmp_path / "s.zip", tmp_path / "whole"):
        loaded = Sitting.load(path)
        assert "cannot be the name of a part" in loaded.problems[0]
        assert loaded.labels is None


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_an_archive_that_leads_out_is_refused(sitting, tmp_path, name):
    archive_of(tmp_path / "s.zip", changed(sitting, tmp_path), **{name: "evil"})
    with pytest.raises(FileError, match="leads out of the archive"):
        Sitting.load(tmp_path / "s.zip")


def test_a_link_in_a_folder_is_not_followed(sitting, photo, tmp_path):
    sitting.save(tmp_path / "folder")
    part = next((tmp_path / "folder").glob("labels*.png"))
    part.unlink()
    part.symlink_to(photo)
    assert "is a link" in Sitting.load(tmp_path / "folder").problems[0]


def test_bombs_are_not_read(sitting, tmp_path):
    archive_of(tmp_path / "s.zip", " " * (33 << 20))
    with pytest.raises(FileError, match="more than a sitting can have"):
        Sitting.load(tmp_path / "s.zip")
    text = changed(sitting, tmp_path, labels="labels.png")
    archive_of(tmp_path / "s.zip", text, **{"labels.png": bytes(40 << 20)})
    assert "may be malicious" in Sitting.load(tmp_path / "s.zip").problems[0]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"format": 2}, "newer version"),
        ({"format": "1"}, "damaged"),
        ({"dots": [[1, 2, 3]]}, "hints must be rows"),
        ({"dots": [[1, 2, float("nan"), 0, 1]]}, "finite"),
        ({"pins": [{"class": 10**12, "color": None, "factor": 1, "strength": 1}]}, "not a class id"),
        ({"pins": [{"class": "sky", "color": None, "factor": 9, "strength": 1}]}, "factor of a pin"),
        ({"options": {}}, "lacks 'working_size'"),
        ({"options": {"working_size": 1, "chroma_gain": 1}}, "working size"),
        ({"adjustment": {"glow": 1}}, "glow"),
        ({"limits": [2, 1]}, "limits"),
        ({"classes": [{"id": "x"}]}, "damaged"),
        ({"image": 7}, "damaged"),
        ({"labels": 7}, "damaged"),
        ({"model": None}, "damaged"),
    ],
)
def test_a_damaged_manifest_is_one_clear_message(sitting, tmp_path, facts, said):
    archive_of(tmp_path / "s.zip", changed(sitting, tmp_path, **facts))
    with pytest.raises(FileError, match=said) as caught:
        Sitting.load(tmp_path / "s.zip")
    assert str(caught.value).startswith("s.zip: ")


@pytest.mark.parametrize("content", [b"", b"PK", b"{}", b"PK\5\6" + bytes(18)])
def test_other_files_are_no_sittings(tmp_path, content):
    (tmp_path / "s.zip").write_bytes(content)
    with pytest.raises(FileError, match=r"s\.zip is not a sitting"):
        Sitting.load(tmp_path / "s.zip")


def test_where_nothing_is_there_is_no_sitting(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="there is no sitting"):
        Sitting.load(tmp_path / "gone.zip")
    with pytest.raises(FileError, match=r"empty is not a sitting: there is no sitting\.json"):
        Sitting.load(tmp_path / "empty")


def test_a_folder_that_was_packed_by_hand_is_a_sitting(sitting, tmp_path):
    sitting.save(tmp_path / "mine")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for path in (tmp_path / "mine").iterdir():
            archive.write(path, f"mine/{path.name}")
    assert same(replace(Sitting.load(tmp_path / "packed.zip"), image=sitting.image), sitting)
