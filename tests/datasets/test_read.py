import pickle
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import DataError, TrainingError


def splits(data):
    return {pair.image.name: pair.split for pair in data.pairs}


def test_what_is_no_set_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match=r"there is no folder .*nowhere"):
        read_set(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is empty"):
        read_set(tmp_path)
    with pytest.raises(DataError, match="no labeled set is chosen"):
        read_set("")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"is not a labeled set: it has neither images/ with masks/"):
        read_set(tmp_path)
    with pytest.raises(DataError, match=r"notes\.txt is not a labeled set"):
        read_set(tmp_path / "notes.txt")


def test_a_split_is_drawn_from_the_seed(tmp_path, draw):
    root = draw.natural(tmp_path, 40)
    first, again, other = (splits(read_set(root, val_share=0.3, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert 4 <= list(first.values()).count("val") <= 20
    assert not (root / "split.csv").exists()


def test_more_images_move_no_others(tmp_path, draw):
    before = splits(read_set(draw.natural(tmp_path, 30), val_share=0.3))
    after = splits(read_set(draw.natural(tmp_path, 20, first=30), val_share=0.3))
    assert len(after) == 50
    assert before.items() <= after.items()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.999])
@pytest.mark.parametrize("count", [2, 5])
def test_some_image_validates_and_some_trains(tmp_path, draw, share, count):
    found = list(splits(read_set(draw.natural(tmp_path, count), val_share=share)).values())
    assert set(found) == {"train", "val"}


def test_a_single_labeled_image_trains(tmp_path, draw):
    data = read_set(draw.natural(tmp_path, 1), val_share=0.999)
    assert splits(data) == {"made-00.jpg": "train"}
    assert any("only one image is labeled" in note for note in data.notes)


def test_unlabeled_images_and_pseudo_masks_never_validate(tmp_path, draw):
    draw.natural(tmp_path / "labeled", 2)
    draw.natural(tmp_path, 0)
    for number in range(8):
        draw.image(tmp_path / "unlabeled/images" / f"{number}.jpg")
    for number in range(4):
        draw.mask(tmp_path / "unlabeled/pseudo" / f"{number}.png")
    data = read_set(tmp_path, val_share=0.999)
    assert [pair.image.parent.parent.name for pair in data.of_split("val")] == ["labeled"]
    assert len(data.of_split("train")) == 9


def test_a_set_with_training_images_only_gives_some_for_validation(tmp_path, draw):
    draw.classes(tmp_path)
    draw.natural(tmp_path / "train", 4)
    data = read_set(tmp_path)
    assert len(data.of_split("val")) >= 1
    assert any("no validation images of its own" in note for note in data.notes)


def test_a_recorded_split_is_kept_whatever_the_seed(tmp_path, draw):
    root = draw.natural(tmp_path, 12)
    before = splits(read_set(root, val_share=0.3, seed=5, record=True))
    text = (root / "split.csv").read_text()
    assert text.startswith("image,split\nimages/made-00.jpg,")
    draw.natural(root, 6, first=12)
    after = splits(read_set(root, val_share=0.9, seed=6))
    assert before.items() <= after.items()
    assert (root / "split.csv").read_text() == text
    assert splits(read_set(root, val_share=0.9, seed=6, record=True)) == after
    assert (root / "split.csv").read_text().startswith(text)
    assert (root / "split.csv").read_text().count("\n") == 19


def test_the_users_own_split_file_is_honored(tmp_path, draw):
    root = draw.natural(tmp_path, 3)
    (root / "split.csv").write_text(
        "image,split\nimages/made-00.jpg,val\nimages/made-01.jpg,val\nimages/made-02.jpg,train\nimages/gone.jpg,val\n"
    )
    assert splits(read_set(root)) == {"made-00.jpg": "val", "made-01.jpg": "val", "made-02.jpg": "train"}


def test_a_damaged_split_file_is_named(tmp_path, draw):
    root = draw.natural(tmp_path, 2)
    (root / "split.csv").write_text("image,split\nimages/made-00.jpg,val\nimages/made-01.jpg,both\n")
    with pytest.raises(DataError, match=r"split\.csv, line 3"):
        read_set(root)


def test_a_split_that_cannot_be_recorded_is_told(tmp_path, draw, monkeypatch):
    root = draw.natural(tmp_path, 2)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("napari_colorizer.datasets.read.record_split", refuse)
    data = read_set(root, record=True)
    assert any("cannot be recorded" in note and "Permission denied" in note for note in data.notes)
    assert len(data.pairs) == 2


def test_a_split_of_a_list_is_drawn_where_rows_have_none(tmp_path, draw):
    draw.classes(tmp_path)
    for number in range(5):
        draw.image(tmp_path / f"{number}.jpg", number)
        draw.mask(tmp_path / f"{number}.png")
    rows = "".join(f"{number}.jpg,{number}.png,{'val' if number == 0 else ''}\n" for number in range(5))
    (tmp_path / "list.csv").write_text("image,mask,split\n" + rows)
    assert splits(read_set(tmp_path / "list.csv", val_share=0.0, record=True)) == {
        "0.jpg": "val",
        **{f"{number}.jpg": "train" for number in range(1, 5)},
    }
    assert "0.jpg" not in (tmp_path / "split.csv").read_text()


def test_groups_of_the_caller_and_of_the_set(tmp_path, draw):
    root = draw.natural(tmp_path, 2)
    (root / "dataset.toml").write_text('least_confidence = 0.7\n[groups]\nBoat = ["sky", "GRASS"]\n')
    data = read_set(root, groups=["grass=sky"])
    assert data.groups == {7: (1, 2), 2: (1,)}
    assert data.least_confidence == 0.7


def test_a_group_with_an_unknown_name_is_an_error(tmp_path, draw):
    root = draw.natural(tmp_path, 2)
    with pytest.raises(DataError, match="the group boat: the set has no class 'hull'"):
        read_set(root, groups=["boat=hull,sky"])
    with pytest.raises(DataError, match="the set has no class 'ship'"):
        read_set(root, groups=["ship=sky"])
    with pytest.raises(TrainingError, match="boat"):
        read_set(root, groups=["boat"])


def test_a_set_goes_to_other_processes(tmp_path, draw):
    data = read_set(draw.natural(tmp_path, 2))
    assert pickle.loads(pickle.dumps(data)) == data


def test_reading_and_checking_sets_does_not_load_torch():
    modules = ("read", "check", "photos", "collect", "duplicates")
    code = "import sys; " + "; ".join(f"import napari_colorizer.datasets.{name}" for name in modules)
    assert (
        subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=False).returncode == 0
    )


@pytest.mark.parametrize("part", ["", "train"])
def test_the_notes_on_a_single_labeled_image_agree(tmp_path, draw, part):
    draw.classes(tmp_path)
    draw.natural(tmp_path / part, 1)
    assert read_set(tmp_path).notes == ("only one image is labeled: none is left for validation",)


def spoil(path, how):
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "garbage": b"garbage", "truncated": data[: len(data) // 2]}[how])


@pytest.mark.parametrize("how", ["empty", "garbage", "truncated"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_broken_images_never_are_those_that_validate(tmp_path, draw, how, suffix):
    draw.classes(tmp_path)
    for number in range(5):
        draw.image(tmp_path / "images" / f"{number}{suffix}", number)
        draw.mask(tmp_path / "masks" / f"{number}.png")
    before = read_set(tmp_path, val_share=0.0).of_split("val")
    assert len(before) == 1
    spoil(before[0].image, how)
    data = read_set(tmp_path, val_share=0.0, record=True)
    assert len(data.of_split("val")) == 1
    assert data.of_split("val") != before
    assert len(data.pairs) == 5
    assert any(note.startswith("3 labeled images for training and 1 for validation") for note in data.notes)
    assert before[0].image.name not in (tmp_path / "split.csv").read_text()


def test_an_image_with_a_broken_mask_does_not_validate(tmp_path, draw):
    root = draw.natural(tmp_path, 5)
    before = read_set(root, val_share=0.0).of_split("val")
    before[0].mask.write_bytes(b"")
    after = read_set(root, val_share=0.0).of_split("val")
    assert len(after) == 1
    assert after != before


def test_among_many_images_the_broken_ones_do_not_validate(tmp_path, draw):
    root = draw.natural(tmp_path, 30)
    before = read_set(root, val_share=0.6)
    broken = [pair.image.name for pair in before.of_split("val")][:3]
    for name in broken:
        (root / "images" / name).write_bytes(b"")
    assert splits(read_set(root, val_share=0.6)) == splits(before) | dict.fromkeys(broken, "train")


def test_tiff_files_that_pillow_does_not_know_validate(tmp_path, draw):
    draw.classes(tmp_path)
    (tmp_path / "images").mkdir()
    for number in range(2):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", np.zeros((20, 30, 3), np.uint16), photometric="rgb")
        draw.mask(tmp_path / "masks" / f"{number}.png")
    assert set(splits(read_set(tmp_path)).values()) == {"train", "val"}


def test_the_only_labeled_image_that_can_be_read_trains(tmp_path, draw):
    root = draw.natural(tmp_path, 3)
    for number in (0, 2):
        spoil(root / "images" / f"made-{number:02}.jpg", "empty")
    data = read_set(root, val_share=0.999)
    assert set(splits(data).values()) == {"train"}
    assert data.notes == ("only one image is labeled and can be read: none is left for validation",)


def test_a_broken_image_comes_back_to_its_recorded_split(tmp_path, draw):
    root = draw.natural(tmp_path, 6)
    before = read_set(root, val_share=0.0, record=True)
    image = before.of_split("val")[0].image
    whole = image.read_bytes()
    spoil(image, "empty")
    read_set(root, val_share=0.0, record=True)
    image.write_bytes(whole)
    assert splits(read_set(root, val_share=0.0)) == splits(before)


def test_a_group_is_no_member_of_itself(tmp_path, draw):
    classes = ClassMap([Class(1, "Gras", "#4caf50", known_as="grass"), Class(2, "sky", "#87ceeb")])
    draw.classes(tmp_path, classes)
    draw.image(tmp_path / "images" / "a.jpg")
    with pytest.raises(DataError, match="the group Gras is a member of itself"):
        read_set(tmp_path, groups=["Gras=grass,sky"])
