"""Images as files: what is made, what is skipped, what the manifest says."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from napari_colorizer.files import read_image, read_label_map


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_tree_of_images_becomes_a_tree_of_colors(colorize, scans, tmp_path, gray, expected, tree):
    (scans / "deep").mkdir()
    Image.fromarray(gray(7)).save(scans / "deep" / "A.png")
    done = colorize(scans, "--recursive", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert tree(tmp_path / "out").keys() == {"A.color.png", "B.color.png", "C.color.png", "deep/A.color.png"}
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "deep" / "A.color.png"), expected(gray(7)))
    assert done.stdout.split() == [str(tmp_path / "out" / name) for name in sorted(tree(tmp_path / "out"))]


def test_the_manifest_says_what_was_made_from_what(colorize, segment, scans, model_file, records):
    assert segment(scans / "A.png", "--confidence", 0.2).exit_code == 0
    assert colorize(scans / "A.png", "--labels", scans / "A.labels.png", "--chroma-gain", 2).exit_code == 0
    labels, colors = records(scans)
    assert (labels["result"], labels["slice"]) == ("A.labels.png", None)
    assert labels["sha256"] == sha256(scans / "A.labels.png") == colors["labels_sha256"]
    assert labels["source"] == str(scans / "A.png")
    assert labels["source_sha256"] == colors["source_sha256"] == sha256(scans / "A.png")
    assert colors["sha256"] == sha256(scans / "A.color.png")
    assert labels["recipe"]["confidence"] == 0.2
    assert (colors["recipe"]["chroma_gain"], colors["recipe"]["model_sha256"]) == (2, sha256(model_file))
    assert all(record["time"] and record["software"].startswith("napari-colorizer") for record in (labels, colors))


@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_what_is_done_is_not_done_again(request, command, scans, tmp_path, tree, counted):
    work = request.getfixturevalue(command)
    assert work(scans, "-o", tmp_path / "out").exit_code == 0
    before = tree(tmp_path / "out")
    again = work(scans, "-o", tmp_path / "out")
    assert (again.exit_code, len(counted)) == (0, 3)
    assert again.stdout.count("\n") == 3
    assert "3 already done" in again.stderr
    assert tree(tmp_path / "out") == before
    (tmp_path / "out" / f"B.{'labels' if command == 'segment' else 'color'}.png").unlink()
    assert work(scans, "-o", tmp_path / "out").exit_code == 0
    assert len(counted) == 4
    assert tree(tmp_path / "out") == before


def test_what_was_made_from_another_image_is_made_again(colorize, scans, tmp_path, gray, expected, counted):
    assert colorize(scans, "-o", tmp_path / "out").exit_code == 0
    Image.fromarray(gray(9)).save(scans / "B.png")
    assert colorize(scans, "-o", tmp_path / "out").exit_code == 0
    assert len(counted) == 4
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "B.color.png"), expected(gray(9)))


def test_what_was_colored_by_another_label_map_is_colored_again(colorize, scans, tmp_path, tiny_model, gray):
    maps = tmp_path / "maps"
    maps.mkdir()
    for label in (1, 2):
        labels = np.full((24, 32), label, np.uint8)
        Image.fromarray(labels).save(maps / "A.png")
        assert colorize(scans / "A.png", "--labels", maps, "-o", tmp_path / "out").exit_code == 0
        colors = tiny_model.colorize(gray(0), labels)
        np.testing.assert_array_equal(read_image(tmp_path / "out" / "A.color.png"), colors)


def test_other_options_and_other_images_do_not_replace_a_result_unasked(colorize, scans, tmp_path, gray):
    target = tmp_path / "out" / "mine.png"
    assert colorize(scans / "A.png", "-o", target).exit_code == 0
    before = target.read_bytes()
    for others in ((scans / "A.png", "--chroma-gain", 2), (scans / "B.png",)):
        refused = colorize(*others, "-o", target)
        assert refused.exit_code == 1
        assert "already exists" in refused.stderr
        assert target.read_bytes() == before
    assert colorize(scans / "A.png", "--vivid", 2, "-o", target, "--overwrite").exit_code == 0
    assert target.read_bytes() != before


def test_what_a_person_has_corrected_is_not_written_over(segment, scans, tmp_path, gray):
    assert segment(scans, "-o", tmp_path / "out").exit_code == 0
    Image.fromarray(np.full((24, 32), 7, np.uint8)).save(tmp_path / "out" / "B.labels.png")
    Image.fromarray(gray(9)).save(scans / "B.png")
    refused = segment(scans, "-o", tmp_path / "out")
    assert refused.exit_code == 1
    assert "B.labels.png already exists" in refused.stderr
    assert "1 of 3 files failed" in refused.stderr
    assert (read_label_map(tmp_path / "out" / "B.labels.png")[0] == 7).all()
    assert segment(scans, "-o", tmp_path / "out", "--overwrite").exit_code == 0
    assert not (read_label_map(tmp_path / "out" / "B.labels.png")[0] == 7).all()


def test_a_line_that_was_being_written_when_the_power_failed_is_left_out(colorize, scans, tmp_path, tree, counted):
    assert colorize(scans, "-o", tmp_path / "out").exit_code == 0
    before, manifest = tree(tmp_path / "out"), tmp_path / "out" / "napari-colorizer.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-30])
    (tmp_path / "out" / "C.color.png").unlink()
    for _ in range(2):
        assert colorize(scans, "-o", tmp_path / "out").exit_code == 0
    assert len(counted) == 4
    assert tree(tmp_path / "out") == before


def test_results_that_were_moved_with_their_manifest_are_known(colorize, scans, tmp_path, counted):
    assert colorize(scans, "-o", tmp_path / "out").exit_code == 0
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    scans.rename(tmp_path / "originals")
    assert colorize(tmp_path / "originals", "-o", tmp_path / "elsewhere").exit_code == 0
    assert len(counted) == 3


def test_dots_pins_and_palettes_are_part_of_what_is_made(colorize, scans, records):
    (scans / "A.csv").write_text("10,12,#ff8800,4\n")
    wished = ["--pins", "grass=#225522", "--hints", scans, "--saturation", 1.2]
    assert colorize(scans / "A.png", *wished).exit_code == 0
    first = records(scans)[-1]
    assert colorize(scans / "A.png", *wished).exit_code == 0
    assert records(scans)[-1] == first  # nothing was made anew
    (scans / "A.csv").write_text("10,12,#0088ff,4\n")
    assert colorize(scans / "A.png", *wished).exit_code == 1  # made with other dots: not written over unasked
    assert colorize(scans / "A.png", *wished, "--overwrite").exit_code == 0
    assert records(scans)[-1]["recipe"]["wishes_sha256"] != first["recipe"]["wishes_sha256"]
