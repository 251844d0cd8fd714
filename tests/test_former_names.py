"""Options by the names that they once had."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer import TrainOptions
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.functions import colorize

NOTE = "the option rate is called learning_rate now"
CHROMA_NOTE = "the option vivid is called chroma_gain now"


def test_python_goes_on_with_a_former_name():
    with pytest.warns(FutureWarning, match=NOTE) as told:
        options = TrainOptions(rate=0.5)
    assert told[0].filename == __file__
    assert options == TrainOptions(learning_rate=0.5)
    with pytest.warns(FutureWarning, match=NOTE):
        assert options.rate == 0.5
    with pytest.warns(FutureWarning, match=NOTE):
        assert replace(TrainOptions(), rate=0.5) == options
    assert not hasattr(options, "nothing")


def test_a_recipe_with_a_former_name_is_read_and_what_is_changed_comes_first(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("rate = 0.5\nbody = 0.25\n")
    with pytest.warns(FutureWarning, match=NOTE), pytest.warns(FutureWarning, match="body"):
        options = TrainOptions.of_recipe(str(recipe), learning_rate=0.1)
    assert (options.learning_rate, options.body_factor) == (0.1, 0.25)


def test_a_run_from_before_goes_on_and_nobody_is_bothered(tmp_path):
    path = tmp_path / "options.json"
    path.write_text(json.dumps({"data": "photos", "rate": 0.5, "body": 0.25}))
    with warnings.catch_warnings(action="error"):
        assert TrainOptions.read(path) == TrainOptions("photos", learning_rate=0.5, body_factor=0.25)


def test_a_former_flag_works_is_not_listed_and_does_not_contradict_a_file_of_options(run, tmp_path):
    TrainOptions("nowhere").write(tmp_path / "options.json")
    result = run("train", "--options", tmp_path / "options.json", "--rate", "-1")
    assert NOTE in result.output
    assert "learning_rate must be more than 0" in result.output
    help_text = run("train", "--help").output
    assert "--learning-rate" in help_text
    assert "--rate" not in help_text


def test_a_model_goes_on_with_its_former_names(make_model):
    with pytest.warns(FutureWarning, match="vivid_unlabeled is called chroma_gain_unlabeled now"):
        model = make_model(vivid_unlabeled=0.5)
    with pytest.warns(FutureWarning, match=CHROMA_NOTE) as told:
        model.vivid = 1.5
    assert told[0].filename == __file__
    with pytest.warns(FutureWarning, match=CHROMA_NOTE):
        assert model.vivid == 1.5
    assert (model.chroma_gain, model.chroma_gain_unlabeled) == (1.5, 0.5)
    with pytest.warns(FutureWarning, match=CHROMA_NOTE):
        assert replace(model, vivid=2.0).chroma_gain == 2


def test_coloring_goes_on_with_a_former_name(library, tiny_model):
    tiny_model.save(library / "tiny.safetensors")
    gray = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    with pytest.warns(FutureWarning, match=CHROMA_NOTE):
        assert ColorizeOptions(vivid=0) == ColorizeOptions(chroma_gain=0)
    with pytest.warns(FutureWarning, match=CHROMA_NOTE) as told:
        rgb = colorize(gray, vivid=0, model="tiny")[0]
    assert told[0].filename == __file__
    np.testing.assert_array_equal(rgb, gray[..., None].repeat(3, -1))


def test_a_former_flag_of_colorize_works_and_is_not_listed(run, library, tiny_model, tmp_path):
    tiny_model.save(library / "tiny.safetensors")
    (tmp_path / "A.png").write_bytes(b"")
    result = run("colorize", tmp_path / "A.png", "--model", "tiny", "--vivid", "-1")
    assert CHROMA_NOTE in result.output
    assert "chroma_gain must lie in 0..4" in result.output
    help_text = run("colorize", "--help").output
    assert "--chroma-gain" in help_text
    assert "--vivid" not in help_text
