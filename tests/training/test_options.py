import json
import math

import pytest

from napari_colorizer.datasets.settings import parse_group
from napari_colorizer.errors import TrainingError
from napari_colorizer.training.options import RECIPES, TrainOptions


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_valid(recipe):
    assert TrainOptions.of_recipe(recipe, data="x").data == "x"


def test_the_recipe_of_the_paper_is_the_papers():
    options = TrainOptions.of_recipe("paper")
    assert (options.optimizer, options.learning_rate, options.schedule) == ("adam", 1e-4, "constant")
    assert options.weight_decay == 0
    assert (options.batch, options.squash, options.crop, options.zoom, options.flips) == (16, 360, 352, 0, "both")
    assert (options.huber_delta, options.color_weight, options.epochs, options.epoch_size) == (1, 0, 1000, 0)
    assert options.background
    shares = (options.drop_all, options.drop_classes, options.drop_outside, options.label_noise, options.relabel)
    assert (*shares, options.aging) == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0), ("learning_rate", "fast"), ("learning_rate", math.nan), ("learning_rate", math.inf),
        ("learning_rate", 10**400), ("epochs", 0), ("epochs", 1.5), ("epochs", True), ("batch", -4), ("aging", 1.5),
        ("ema", 1.0), ("network", "all"), ("flips", 3), ("groups", "person"),
        ("groups", ("person",)), ("working_size", 7), ("unlabeled", "yes"), ("data", 3), ("seed", -1),
        ("precision", "64"), ("clip", math.inf), ("seed", 2**63),
        ("seed", 2**64), ("groups", ("a=a",)), ("groups", ("Skin=hair, skin",)), ("working_size", "abc"),
        ("relabel", 1.5),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(name, value):
    text = "working size" if name == "working_size" else name
    with pytest.raises(TrainingError, match=text):
        TrainOptions.of_recipe(**{name: value})


def test_a_run_from_before_an_option_goes_on_without_it(tmp_path):
    path = tmp_path / "options.json"
    TrainOptions.of_recipe("default").write(path)
    values = json.loads(path.read_text())
    assert values.pop("relabel") > 0
    path.write_text(json.dumps(values))
    assert TrainOptions.read(path).relabel == 0


def test_the_largest_seed_is_a_seed():
    assert TrainOptions(seed=2**63 - 1).seed == 2**63 - 1


def test_options_must_agree_with_each_other():
    with pytest.raises(TrainingError, match="drop_all"):
        TrainOptions(drop_all=0.5, drop_classes=0.5, drop_outside=0.1)
    with pytest.raises(TrainingError, match="crop"):
        TrainOptions(squash=100, crop=128)
    with pytest.raises(TrainingError, match="multiple"):
        TrainOptions(batch=16, devices=3)


def test_unknown_options_and_recipes_are_named(tmp_path):
    with pytest.raises(TrainingError, match="'epoch'"):
        TrainOptions.of_recipe(epoch=3)
    with pytest.raises(TrainingError, match="'mine'"):
        TrainOptions.of_recipe("mine")
    broken = tmp_path / "broken.toml"
    broken.write_text("epochs = = 3")
    with pytest.raises(TrainingError, match=r"broken\.toml"):
        TrainOptions.of_recipe(str(broken))


def test_a_recipe_may_be_a_file(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('epochs = 3\ngroups = ["person=skin,hair"]\n')
    assert TrainOptions.of_recipe(str(recipe)).groups == ("person=skin,hair",)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"epochs": "x"}'])
def test_a_damaged_file_of_options_is_named(tmp_path, text):
    path = tmp_path / "options.json"
    path.write_text(text)
    with pytest.raises(TrainingError, match=r"epochs|damaged"):
        TrainOptions.read(path)


def test_groups_are_parsed():
    assert parse_group(" person = skin, hair ,clothes") == ("person", ("skin", "hair", "clothes"))
    for wrong in ("person", "=skin", "person=", ""):
        with pytest.raises(TrainingError, match="person=skin,hair,clothes"):
            parse_group(wrong)
