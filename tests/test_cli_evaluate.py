import json

import numpy as np
import pytest
from PIL import Image

from napari_colorizer.datasets.read import read_set

pytestmark = pytest.mark.slow

SKY, GRASS = 4, 9  # ids of the set; the tiny model has others


def add_pair(root, split, name, gray=False):
    """Blue sky above green grass, with noise and a mask."""
    rng = np.random.default_rng(len(name))
    labels = np.full((40, 52), SKY, np.uint8)
    labels[18 + len(name) % 5 :] = GRASS
    rgb = np.where(labels[..., None] == GRASS, (60, 130, 40), (120, 170, 230)) + rng.integers(-9, 9, (40, 52, 3))
    image = Image.fromarray(rgb.astype(np.uint8))
    for folder, content in (("images", image.convert("L") if gray else image), ("masks", Image.fromarray(labels))):
        path = root / split / folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        content.save(path)


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "set"
    for name in ("a", "bb"):
        add_pair(root, "train", name)
    for name in ("ccc", "dddd", "eeeee"):
        add_pair(root, "val", name)
    (root / "classes.json").write_text(json.dumps([{"id": SKY, "name": "Sky"}, {"id": GRASS, "name": "[grass]"}]))
    return root


@pytest.fixture
def model(tmp_path, tiny_model, library):
    path = tmp_path / "tiny.safetensors"
    tiny_model.save(path)
    return path


@pytest.fixture
def segmenter(tmp_path, make_model, library):
    """The same model without its colorizer: what the other measures is told in a fraction of the time."""
    path = tmp_path / "segmenter.safetensors"
    make_model(colorizer=False).save(path)
    return path


def test_the_tables(run, model, data):
    result = run("evaluate", model, data)
    assert result.exit_code == 0
    assert f"tiny on 3 images of {data} (val), shorter side at most 224 pixels" in result.stdout
    for way in ("truth", "gray", "class mean", "true labels", "predicted labels", "no labels"):
        assert f"│ {way} " in result.stdout
    for text in ("color hints", "where it is worst", "pixel accuracy", "mean IoU", "Sky", "[grass]", "bleeding"):
        assert text in result.stdout
    for text in ("By source", "Behavior", "Aged copies", "Chroma gain 1.00", "regions with one neutral hint"):
        assert text in result.stdout
    assert "regions that take their new class's colors" not in result.stdout  # the model has no suggestions
    assert "The model does not know: [grass]." in result.stdout


def test_the_tables_fit_into_80_columns(run, make_model, data, tmp_path, monkeypatch):
    suggestions = {label: [(20.0 * label, 0.0, 1.0)] for label in (1, 2, 7)}
    make_model(suggestions=suggestions).save(tmp_path / "full.safetensors")
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("evaluate", tmp_path / "full.safetensors", data).stdout.splitlines()
    assert [line for line in lines if line.startswith("│ predicted labels │")]
    assert [line for line in lines if line.startswith("│ regions that take their new class's colors │")]
    assert "…" not in "".join(lines)


def test_figures_stand_beside_their_targets(run, model, data):
    found = json.loads(run("evaluate", model, data, "--json").stdout)["behavior"]["neutral"]
    row = next(line for line in run("evaluate", model, data).stdout.splitlines() if "with one neutral hint" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[1:] == [f"{found['value']:.2f}", "at most 4", str(found["count"])]


def test_sources_stand_beside_gray(run, model, data):
    (data / "list.csv").write_text(
        "image,mask,split,source\n"
        + "".join(
            f"val/images/{name}.png,val/masks/{name}.png,val,{source}\n"
            for name, source in (("ccc", "north"), ("dddd", "north"), ("eeeee", "south"))
        )
    )
    sources = json.loads(run("evaluate", model, data / "list.csv", "--json").stdout)["sources"]
    assert {name: row["photos"] for name, row in sources.items()} == {"north": 2, "south": 1}
    lines = run("evaluate", model, data / "list.csv").stdout.splitlines()
    row = next(line for line in lines if line.startswith("│ north"))
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    ways = ("gray", "true labels", "predicted labels", "no labels")
    figures = [sources["north"][way] for way in ways]
    gain = sources["north"]["no labels"] - sources["north"]["gray"]
    assert cells == ["north", "2", *(f"{value:.2f}" for value in figures), f"{gain:+.2f}"]


def test_only_some_sources(run, segmenter, data):
    for name in ("lake-1", "wood-1", "wood-2"):
        add_pair(data, "val", name)
    for sources, count in ((["wood"], 2), (["wood", "lake"], 3)):
        options = [word for source in sources for word in ("--source", source)]
        assert json.loads(run("evaluate", segmenter, data, "--json", *options).stdout)["photos"] == count
    refused = run("evaluate", segmenter, data, "--source", "sea")
    assert refused.exit_code == 1
    assert "of the sources sea" in refused.stderr


def test_how_much_is_labeled_as_the_model_comes(run, make_model, data, tmp_path):
    found = []
    for confidence in (0.0, 0.4, 1.0):
        make_model(colorizer=False, confidence=confidence).save(tmp_path / "sure.safetensors")
        found.append(json.loads(run("evaluate", tmp_path / "sure.safetensors", data, "--json").stdout)["segmentation"])
    shares = [scores["as it comes"]["labeled"] for scores in found]
    assert shares[0] > 0.99  # what the set does not have counts as unlabeled
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0
    assert found[0]["as it comes"]["accuracy there"] == pytest.approx(found[0]["pixel accuracy"] / shares[0])
    assert len({scores["pixel accuracy"] for scores in found}) == 1  # that is of all pixels, however sure


def test_json_is_all_that_is_printed(run, model, data):
    result = run("evaluate", model, data, "--json", "--side", "32")
    found = json.loads(result.stdout)
    assert (found["model"], found["split"], found["side"], found["photos"]) == ("tiny", "val", 32, 3)
    assert found["unknown classes"] == ["[grass]"]
    assert found["problems"] == []
    assert set(found["color"]["ways"]) >= {"truth", "gray", "class mean", "true labels", "no labels"}
    assert set(found["segmentation"]["IoU"]) == {"Sky", "[grass]"}
    assert [row["photos"] for row in found["sources"].values()] == [3]
    assert found["behavior"]["hint"]["count"] == 3  # the model knows one of two classes
    assert set(found["aged"]["copies"]) == {"unaged", "faded", "noisy", "blurred", "all three"}
    assert result.stderr == ""


def test_the_class_means_are_those_of_the_training_split(run, model, data):
    def class_mean():
        return json.loads(run("evaluate", model, data, "--json").stdout)["color"]["ways"]["class mean"]["psnr"]

    before = class_mean()
    for path in (data / "train" / "images").iterdir():
        with Image.open(path) as image:
            Image.fromarray(np.asarray(image)[..., ::-1].copy()).save(path)  # red skies
    assert class_mean() < before - 3


@pytest.mark.parametrize(("split", "count"), [("train", 2), ("val", 3), ("all", 5)])
def test_the_split(run, segmenter, data, split, count):
    assert json.loads(run("evaluate", segmenter, data, "--json", "--split", split).stdout)["photos"] == count


def test_a_limit(run, segmenter, data):
    assert json.loads(run("evaluate", segmenter, data, "--json", "--limit", 2).stdout)["photos"] == 2
    assert json.loads(run("evaluate", segmenter, data, "--json", "--limit", 99).stdout)["photos"] == 3


def test_what_is_wrong_with_a_file_is_a_warning_and_the_rest_is_measured(run, model, data):
    (data / "val" / "images" / "dddd.png").write_bytes(b"nothing")
    (data / "train" / "masks" / "a.png").write_bytes(b"nothing")
    result = run("evaluate", model, data, "--json", "--split", "all")
    found = json.loads(result.stdout)
    assert found["photos"] == 3
    assert len(found["problems"]) == 2
    for name in ("dddd.png", "a.png"):
        assert result.stderr.count(f"{name} ") == 1
    assert result.stderr.startswith("warning: ")


def test_a_set_without_a_split_is_split(run, segmenter, data):
    for folder in ("images", "masks"):
        (data / "train" / folder).rename(data / folder)
    for path in (data / "val").rglob("*.png"):
        path.rename(data / path.parent.name / path.name)
    train, val, both = (
        json.loads(run("evaluate", segmenter, data, "--json", "--split", split).stdout)["photos"]
        for split in ("train", "val", "all")
    )
    assert "note: " in run("evaluate", segmenter, data).stderr
    assert train > 0 < val
    assert train + val == both == 5


def test_groups_reach_the_scores(run, make_model, data, tmp_path):
    classes = [{"id": SKY, "name": "sky"}, {"id": GRASS, "name": "nature"}, {"id": 1, "name": "grass"}]
    (data / "classes.json").write_text(json.dumps(classes))
    make_model(colorizer=False).save(tmp_path / "one.safetensors")

    def nature(*options):
        found = json.loads(run("evaluate", tmp_path / "one.safetensors", data, "--json", *options).stdout)
        return found["segmentation"]["IoU"]["nature"]

    assert nature() == 0
    assert nature("--group", "nature=sky,grass") > 0
    refused = run("evaluate", tmp_path / "one.safetensors", data, "--group", "nature=gras")
    assert (refused.exit_code, "gras" in refused.stderr) == (1, True)


@pytest.fixture
def nature(run, make_model, data, tmp_path):
    """IoU of a group by a model of some provenance, and what was noted; the model predicts members only."""
    classes = [{"id": SKY, "name": "sky"}, {"id": GRASS, "name": "nature"}, {"id": 1, "name": "grass"}]
    (data / "classes.json").write_text(json.dumps(classes))

    def measure(provenance, *options):
        make_model(colorizer=False, provenance=provenance).save(tmp_path / "one.safetensors")
        result = run("evaluate", tmp_path / "one.safetensors", data, "--json", *options)
        assert result.exit_code == 0
        return json.loads(result.stdout)["segmentation"]["IoU"]["nature"], result.stderr

    return measure


@pytest.mark.parametrize(
    "provenance",
    [
        {"options": {"groups": ["nature=sky,grass"]}},
        {"options": {"groups": []}, "start": {"options": {"groups": ["nature=sky,grass", "person=skin,hair"]}}},
        {"start": {"name": "a", "start": {"name": "b", "options": {"groups": ["nature=sky,grass"]}, "start": "fresh"}}},
    ],
)
def test_groups_are_those_of_the_training_unless_others_are_given(nature, provenance):
    given, noted = nature({}, "--group", "nature=sky,grass")
    assert given > 0
    assert noted == ""
    found, noted = nature(provenance)
    assert found == given
    assert noted == "note: nature stands for sky, grass, too, as in the training of tiny\n"
    assert nature(provenance, "--group", "sky=grass") == (0, "")


@pytest.mark.parametrize("groups", [["nature=moss,fern"], ["wood=sky,grass"], []])
def test_groups_of_the_training_that_the_set_cannot_have_are_left_out(nature, groups):
    assert nature({"options": {"groups": groups}, "start": "fresh"}) == (0, "")


def test_a_member_that_the_set_lacks_does_not_cost_the_others_their_group(nature):
    given, _ = nature({}, "--group", "nature=sky,grass")
    assert given > 0
    found = nature({"options": {"groups": ["nature=moss,sky,grass"]}})
    assert found == (given, "note: nature stands for sky, grass, too, as in the training of tiny\n")


def test_a_group_that_the_set_names_itself_stays(nature, data):
    (data / "dataset.toml").write_text('[groups]\nnature = ["grass"]\n')
    own = nature({})
    assert own[1] == ""
    assert nature({"options": {"groups": ["nature=sky"]}}) == own


@pytest.mark.parametrize(("part", "kept"), [("segmenter", "color"), ("colorizer", "segmentation")])
def test_models_of_one_network(run, make_model, data, tmp_path, part, kept):
    make_model(**{part: False}).save(tmp_path / "half.safetensors")
    found = json.loads(run("evaluate", tmp_path / "half.safetensors", data, "--json").stdout)
    assert {"color", "segmentation"} & found.keys() == {kept}
    assert {"sources", "behavior", "aged"} <= found.keys() or kept == "segmentation"
    assert run("evaluate", tmp_path / "half.safetensors", data).exit_code == 0


def test_gray_images_are_segmented_only(run, model, data):
    for name in ("ccc", "dddd", "eeeee"):
        add_pair(data, "val", name, gray=True)
    found = json.loads(run("evaluate", model, data, "--json").stdout)
    assert "color" not in found
    assert found["segmentation"]["IoU"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("{model}", "{data}/nowhere"), "nowhere"),
        (("nobody", "{data}"), "nobody"),
        (("{model}", "{data}", "--device", "abacus"), "abacus"),
        (("{model}", "{data}/empty"), "empty"),
    ],
)
def test_errors_are_one_line(run, model, data, arguments, text):
    (data / "empty").mkdir()
    result = run("evaluate", *(argument.format(model=model, data=data) for argument in arguments))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert text in result.stderr
    assert result.stdout == ""


def test_a_split_without_labeled_images_is_an_error(run, model, data):
    for path in (data / "val" / "images").iterdir():
        path.write_bytes(b"nothing")
    result = run("evaluate", model, data)
    assert result.exit_code == 1
    assert "has no labeled images in the split 'val' that can be read" in result.stderr


def test_a_colorizer_on_gray_images_alone_is_told(run, make_model, model, data, tmp_path):
    for name in ("ccc", "dddd", "eeeee"):
        add_pair(data, "val", name, gray=True)
    make_model(segmenter=False).save(tmp_path / "half.safetensors")
    result = run("evaluate", tmp_path / "half.safetensors", data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing can be measured: all 3 images of the split 'val' are gray" in result.stderr
    assert "has no segmenter" in result.stderr
    result = run("evaluate", model, data)
    assert result.exit_code == 0
    assert "all 3 images of the split 'val' are gray" in result.stderr
    assert "only the segmenter is measured" in result.stderr


def test_the_seed_of_a_split_that_is_not_recorded(run, segmenter, data):
    for split in ("train", "val"):
        for path in (data / split).rglob("*.png"):
            (data / path.parent.name).mkdir(exist_ok=True)
            path.rename(data / path.parent.name / path.name)
    counts = {seed: len(read_set(data, seed=seed, val_share=0.1).of_split("val")) for seed in range(20)}
    assert len(set(counts.values())) > 1
    for seed in {count: seed for seed, count in counts.items()}.values():
        assert json.loads(run("evaluate", segmenter, data, "--json", "--seed", seed).stdout)["photos"] == counts[seed]
    assert run("evaluate", segmenter, data, "--seed", -1).exit_code == 2


def test_json_holds_no_number_that_json_does_not_know(run, model, data, monkeypatch):
    monkeypatch.setattr("napari_colorizer.evaluation.color_scores.psnr", lambda *_: float("nan"))
    monkeypatch.setattr("napari_colorizer.evaluation.color_scores.ssim", lambda *_: float("inf"))

    def refuse(text):
        raise ValueError(text)

    found = json.loads(run("evaluate", model, data, "--json").stdout, parse_constant=refuse)
    way = found["color"]["ways"]["gray"]
    assert (way["psnr"], way["ssim"]) == (None, None)
    assert way["ciede2000"] > 0
