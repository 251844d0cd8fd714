import pytest
import torch
from safetensors.torch import save_file

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.models.header import METADATA_KEY
from napari_colorizer.models.library import install_model, load_model
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, GridNetConfig
from napari_colorizer.training.transfer import teach_classes, without_classes


@pytest.fixture
def models(run, library):
    return lambda *arguments: run("models", *arguments)


@pytest.fixture
def installed(library, tiny_model):
    return install_model(tiny_model)


@pytest.fixture
def model_file(tmp_path, make_model):
    path = tmp_path / "fresh.safetensors"
    make_model("a name of its own", seed=5).save(path)
    return path


def refused(result, *parts):
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert all(part in result.stderr for part in parts), result.stderr
    return True


def row_of(result, name):
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    (row,) = [row for row in rows if row[0] == name]
    return row


def test_models_are_listed_with_what_they_do(models, installed, make_model):
    install_model(make_model("only colors", segmenter=False))
    result = models("list")
    assert result.exit_code == 0
    assert row_of(result, "tiny") == ["tiny", "3", "yes", "yes", str(installed)]
    assert row_of(result, "only colors")[1:4] == ["3", "no", "yes"]
    assert row_of(result, "default")


def cut_short(path):
    path.write_bytes(path.read_bytes()[:100])


def empty(path):
    path.write_bytes(b"")


def without_networks(path):
    save_file({"a": torch.zeros(1)}, path, {METADATA_KEY: '{"format": 1}'})


def with_networks_that_are_none(path):
    save_file({"a": torch.zeros(1)}, path, {METADATA_KEY: '{"format": 1, "networks": 5, "classes": []}'})


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut_short, empty, without_networks, with_networks_that_are_none, a_folder])
def test_a_damaged_model_does_not_hide_the_others(models, installed, make_model, damage):
    damage(install_model(make_model("broken")))
    result = models("list")
    assert result.exit_code == 0
    assert "broken.safetensors" in row_of(result, "broken")[-1]
    assert row_of(result, "tiny")[-1] == str(installed)


def test_show_tells_what_a_model_is(models, make_model):
    facts = {"provenance": {"steps": 1234}, "metrics": {"mIoU": 0.5}, "license": "CC0", "working_size": 96}
    install_model(make_model(**facts))
    result = models("show", "tiny")
    assert result.exit_code == 0
    for part in ("tiny, working size 96", "1234", "mIoU: 0.5", "license: CC0", "1 sky, 2 grass, 7 boat"):
        assert part in result.stdout
    assert {row_of(result, part)[-1] for part in ("segmenter", "colorizer")} >= {"whole image"}


def test_show_tells_how_vivid_a_colorizer_is(models, make_model):
    install_model(make_model(chroma_gain=1.35, chroma_gain_unlabeled=0.5))
    install_model(make_model("labels only", colorizer=False))
    assert "chroma gain: 1.35; unlabeled 0.5" in models("show", "tiny").stdout.splitlines()
    assert "chroma gain:" not in models("show", "labels only").stdout


def test_show_tells_how_sure_predicted_labels_are(models, make_model):
    install_model(make_model(confidence=0.65))
    assert "labels have a probability of 0.65 or more" in models("show", "tiny").stdout
    install_model(make_model("colors only", segmenter=False))
    assert "confidence:" not in models("show", "colors only").stdout


def test_show_tells_what_is_only_colored_and_what_only_predicted(models, make_model):
    model = make_model()
    model.segmenter = without_classes(model.segmenter, [1, 7])
    model.colorizer = teach_classes(model.colorizer, model.classes, {1: 1, 7: 7})
    install_model(model)
    lines = models("show", "tiny").stdout.splitlines()
    assert "only colored, never predicted: 1 sky, 7 boat" in lines
    assert "only predicted, never colored: 2 grass" in lines


@pytest.mark.parametrize("lacking", [{}, {"segmenter": False}, {"colorizer": False}])
def test_show_tells_no_such_thing_of_a_model_that_does_the_same_with_every_class(models, make_model, lacking):
    install_model(make_model(**lacking))
    assert "never" not in models("show", "tiny").stdout


def test_show_takes_names_as_they_are(models, tmp_path, make_model):
    classes = ClassMap([Class(1, "dog[/b]", "#00ff00"), Class(2, "[red]cat", "#ff0000")])
    network = GridNet(GridNetConfig((0, 1, 2), (4,), columns=2))
    Model("[bold]name[/x]", classes, segmenter=network).save(tmp_path / "odd.safetensors")
    result = models("show", tmp_path / "odd.safetensors")
    assert result.exit_code == 0
    assert "[bold]name[/x]" in result.stdout
    assert "1 dog[/b], 2 [red]cat" in result.stdout


def test_list_takes_names_as_they_are(models, library, tiny_model):
    path = library / "[red]odd.safetensors"
    tiny_model.save(path)
    result = models("list")
    assert result.exit_code == 0
    assert row_of(result, "[red]odd")[-1] == str(path)


@pytest.mark.parametrize("command", [("show",), ("remove",), ("export", "out.safetensors")])
def test_an_unknown_model_is_named(models, installed, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    name, *rest = command
    assert refused(models(name, "tinny", *rest), "'tinny'", "default, tiny")


def test_a_damaged_model_is_not_shown_but_named(models, installed):
    cut_short(installed)
    assert refused(models("show", "tiny"), "tiny.safetensors", "damaged")


def test_a_model_file_is_installed_under_its_own_name(models, library, model_file):
    result = models("import", model_file)
    assert result.exit_code == 0
    assert str(library / "a name of its own.safetensors") in result.stdout
    assert load_model("a name of its own").name == "a name of its own"
    assert model_file.exists()


def test_a_model_file_is_installed_under_a_name_of_choice(models, model_file):
    assert models("import", model_file, "--name", "Mine 2").exit_code == 0
    assert load_model("Mine 2").name == "Mine 2"


def test_a_name_that_is_taken_is_refused(models, installed, model_file):
    before = installed.read_bytes()
    assert refused(models("import", model_file, "--name", "tiny"), "already a model 'tiny'", "another name")
    assert installed.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("default", "bundled model"), ("a/b", "cannot be"), ("../up", "cannot be"), ("..", "cannot")],
)
def test_a_name_that_cannot_be_is_refused(models, library, model_file, name, complaint):
    assert refused(models("import", model_file, "--name", name), repr(name), complaint)
    assert not library.exists()


def test_a_model_called_default_needs_another_name(models, tmp_path, make_model):
    for file in ("default.safetensors", "ours.safetensors"):
        make_model("default").save(tmp_path / file)
    assert refused(models("import", tmp_path / "default.safetensors"), "bundled model")
    assert models("import", tmp_path / "default.safetensors", "--name", "other").exit_code == 0
    assert models("import", tmp_path / "ours.safetensors").exit_code == 0
    assert [row_of(models("list"), name)[2] for name in ("other", "ours")] == ["yes", "yes"]


def test_a_broken_file_is_not_installed(models, library, model_file, tmp_path):
    cut_short(model_file)
    assert refused(models("import", model_file), "fresh.safetensors", "damaged")
    assert refused(models("import", tmp_path / "gone.safetensors"), "gone.safetensors")
    assert refused(models("import", tmp_path), "neither a file")
    assert not library.exists()


def test_import_takes_a_model_file_or_checkpoints(models, model_file):
    for arguments in ([], [model_file, "--segmenter", model_file]):
        assert refused(models("import", *arguments), "either a model file, or --colorizer and/or --segmenter")


@pytest.fixture
def checkpoint(tmp_path, authors_shapes):
    path = tmp_path / "seg_weights.pth.tar"
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in authors_shapes["segmenter"].items()}
    torch.save({"G": tensors}, path)
    return path


def test_checkpoints_of_the_authors_are_installed(models, library, checkpoint):
    assert models("import", "--segmenter", checkpoint).exit_code == 0
    assert row_of(models("list"), "authors")[1:4] == ["59", "yes", "no"]
    assert refused(models("import", "--segmenter", checkpoint), "already a model 'authors'")
    assert models("remove", "authors").exit_code == 0
    assert not any(library.iterdir())


def test_checkpoints_take_the_class_names_of_a_file(models, tmp_path, checkpoint):
    (tmp_path / "labels.txt").write_text("".join(f"{label}: thing {label}\n" for label in range(60, 119)))
    result = models("import", "--segmenter", checkpoint, "--classes", tmp_path / "labels.txt", "--name", "mine")
    assert result.exit_code == 0
    assert load_model("mine").classes[60].name == "thing 60"
    assert models("remove", "mine").exit_code == 0


def test_a_bad_checkpoint_is_named(models, library, tmp_path, model_file):
    (tmp_path / "labels.txt").write_text("what is this")
    for arguments in (
        ("--segmenter", model_file),
        ("--segmenter", tmp_path / "fresh.safetensors", "--name", "other"),
        ("--segmenter", tmp_path / "labels.txt"),
        ("--segmenter", tmp_path / "gone.tar"),
        ("--segmenter", model_file, "--classes", tmp_path / "labels.txt"),
        ("--segmenter", model_file, "--classes", tmp_path / "gone.txt"),
    ):
        assert refused(models("import", *arguments), arguments[-1].name if arguments[-1] != "other" else "fresh")
    assert not library.exists()


def test_a_checkpoint_given_as_a_model_is_refused(models, checkpoint):
    assert refused(models("import", checkpoint), "seg_weights.pth.tar", "not a .safetensors file")


def test_a_model_is_exported(models, installed, tmp_path):
    result = models("export", "tiny", tmp_path / "copy.safetensors")
    assert result.stdout.split() == [str(tmp_path / "copy.safetensors")]
    assert (tmp_path / "copy.safetensors").read_bytes() == installed.read_bytes()
    assert models("export", "tiny", tmp_path).exit_code == 0
    assert load_model(tmp_path / "tiny.safetensors").name == "tiny"


def test_an_export_that_cannot_be_is_explained(models, installed, tmp_path):
    before = installed.read_bytes()
    assert refused(models("export", "tiny", tmp_path / "no" / "folder.safetensors"), "folder.safetensors")
    assert refused(models("export", "tiny", installed), "same file")
    assert installed.read_bytes() == before


def test_a_model_is_removed(models, installed):
    assert models("remove", "tiny").stdout == "tiny removed\n"
    assert not installed.exists()
    assert refused(models("remove", "tiny"), "no installed model 'tiny'")


@pytest.mark.parametrize("name", ["default", "../tiny", "a/b"])
def test_a_name_outside_the_library_is_never_removed(models, installed, tmp_path, tiny_model, name):
    tiny_model.save(tmp_path / "tiny.safetensors")
    assert refused(models("remove", name), repr(name))
    assert (tmp_path / "tiny.safetensors").exists()


@pytest.mark.parametrize("arguments", [(), ("models",), ("models", "nonsense"), ("nonsense",)])
def test_an_incomplete_command_shows_the_help(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage" in result.output


def test_what_is_known_of_a_model_is_an_outline_for_people(run, library, make_model):
    metrics = {"color": {"photos": 3, "ways": {"gray": {"psnr": 25.974321, "ssim": 0.9}}}, "empty": []}
    install_model(make_model("mine", metrics=metrics, provenance={"options": {"groups": ["a=b,c", "d=e"]}}))
    lines = run("models", "show", "mine", "--all").output.splitlines()
    for line in (
        "options: groups a=b,c, d=e",
        "color:",
        "  photos: 3",
        "  ways:",
        "    gray: psnr 25.97, ssim 0.9",
        "empty: none",
    ):
        assert line in [found.rstrip() for found in lines]


def awkward_model(make_model):
    """A model that a file could hold: endless, nested, with characters that move the cursor."""
    deep = 1
    for _ in range(200):
        deep = {"in": [deep]}
    return make_model(
        provenance={
            "clear\x1b[2J": "\x1b]0;title\x07\r\n",
            "deep": deep,
            "much": list(range(10000)),
            "\ud800": "\udfff",
        },
        metrics={f"figure {number}": {"a": {"b": number}} for number in range(300)},
        license="free\nas in beer " * 1000,
    )


@pytest.mark.parametrize("width", [40, 80, 120])
def test_show_fits_on_one_screen(models, make_model, monkeypatch, width):
    install_model(awkward_model(make_model))
    monkeypatch.setenv("COLUMNS", str(width))
    for name in ("tiny", "default"):
        lines = models("show", name).stdout.splitlines()
        assert len(lines) <= 24 + (width < 80) * 8  # the table's cells are folded
        assert max(map(len, lines)) <= width
    assert "more lines: napari-colorizer models show --all" in " ".join(lines).replace("  ", " ")


@pytest.mark.parametrize("name", ["x" * 3000, "\x1b" * 3000, "\ud800" * 60])
def test_a_long_name_takes_one_line(models, make_model, tmp_path, monkeypatch, name):
    path = tmp_path / "a.safetensors"
    make_model(name=name).save(path)
    monkeypatch.setenv("COLUMNS", "80")
    title, rule, *_ = models("show", path).stdout.splitlines()
    assert title.endswith(", working size 352")
    assert len(title) <= 80
    assert rule.startswith("┏")


@pytest.mark.parametrize("options", [(), ("--all",)])
def test_what_a_file_holds_is_shown_escaped(models, make_model, options):
    install_model(awkward_model(make_model))
    result = models("show", "tiny", *options)
    assert result.exit_code == 0
    assert "".join(result.stdout.split("\n")).isprintable()
    assert r"free\nas in beer" in result.stdout


def test_a_model_is_told_in_three_lines(make_model):
    for text in (repr(load_model()), repr(make_model()), repr(awkward_model(make_model))):
        lines = text.split("\n")
        assert len(lines) == 3
        assert all(line.isprintable() and len(line) < 200 for line in lines)
    assert "'default'" in repr(load_model())
    assert "sky, grass, boat" in repr(make_model())


def test_export_writes_over_a_file_only_if_asked(models, installed, tmp_path):
    (tmp_path / "copy.safetensors").write_text("a thesis")
    (tmp_path / "tiny.safetensors").write_text("a thesis")
    for target in (tmp_path / "copy.safetensors", tmp_path):
        assert refused(models("export", "tiny", target), "already exists", "--overwrite")
    assert {path.read_text() for path in tmp_path.glob("*.safetensors")} == {"a thesis"}
    assert models("export", "tiny", tmp_path, "--overwrite").exit_code == 0
    assert (tmp_path / "tiny.safetensors").read_bytes() == installed.read_bytes()


def test_export_hands_on_nothing_but_whole_models(models, installed, tmp_path):
    (tmp_path / "secret.txt").write_text("not for others")
    assert refused(
        models("export", tmp_path / "secret.txt", tmp_path / "out"), "secret.txt", "cannot be read as a model"
    )
    data = bytearray(installed.read_bytes())
    data[-50] ^= 1
    installed.write_bytes(data)
    assert refused(models("export", "tiny", tmp_path / "out"), "tiny.safetensors is damaged")
    assert not (tmp_path / "out").exists()


def test_a_missing_class_map_is_named_in_words(models, tmp_path):
    missing = tmp_path / "labels.txt"
    result = models("import", "--colorizer", tmp_path / "weights.pth.tar", "--classes", missing, "--name", "authors")
    assert refused(result, "labels.txt", "No such file")
    assert "Errno" not in result.stderr
