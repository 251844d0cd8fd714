import os
import threading
from functools import partial
from pathlib import Path

import platformdirs
import pytest
import torch

from napari_colorizer import load_model
from napari_colorizer.errors import ModelError
from napari_colorizer.models.header import read_header
from napari_colorizer.models.library import (
    bundled_default,
    export_model,
    find_model,
    install_file,
    install_model,
    installed_models,
    library_folder,
    place_for,
    remove_model,
)

BAD_NAMES = ["a/b", "a\\b", "../a", "/a", "", ".", "..", ".hidden", " a", "a:b", "a\n", "a\0b", "a*"]


@pytest.fixture
def installed(library, tiny_model):
    return install_model(tiny_model)


def test_the_library_is_where_the_variable_says(library, monkeypatch):
    assert library_folder() == library
    monkeypatch.delenv("NAPARI_COLORIZER_MODELS")
    assert platformdirs.user_data_path("napari-colorizer", appauthor=False) in library_folder().parents


def test_an_empty_library_has_the_default_alone(library):
    assert installed_models() == {"default": bundled_default()}
    assert not library.exists()


def test_the_bundled_default_lies_in_the_package():
    import napari_colorizer

    assert bundled_default() == Path(napari_colorizer.__file__).parent / "models" / "default.safetensors"


def test_installed_models_are_listed_after_the_default(library, make_model):
    for name in ("zebra", "ant 1.2+b"):
        install_model(make_model(name, segmenter=False))
    (library / "notes.txt").write_text("no model")
    assert list(installed_models()) == ["default", "ant 1.2+b", "zebra"]
    assert installed_models()["zebra"] == library / "zebra.safetensors"


def test_a_model_is_loaded_by_name(installed):
    assert installed.name == "tiny.safetensors"
    assert load_model("tiny").name == "tiny"


@pytest.mark.parametrize("form", [str, Path])
def test_a_model_is_loaded_by_path(library, tmp_path, make_model, form):
    path = tmp_path / "elsewhere.bin"
    make_model("from a path").save(path)
    assert load_model(form(path)).name == "from a path"


def test_a_model_is_loaded_from_the_home_folder(library, tmp_path, tiny_model, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    tiny_model.save(tmp_path / "mine.safetensors")
    assert load_model("~/mine.safetensors").name == "tiny"


def test_the_default_is_loaded_when_nothing_is_named(library, tmp_path, make_model, monkeypatch):
    stand_in = tmp_path / "stand-in.safetensors"
    make_model("stand-in").save(stand_in)
    monkeypatch.setattr("napari_colorizer.models.library.bundled_default", lambda: stand_in)
    assert load_model().name == "stand-in"
    assert load_model("default").name == "stand-in"


def test_an_installed_name_goes_before_a_file(installed, tmp_path, make_model, monkeypatch):
    make_model("a file").save(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    assert load_model("tiny").name == "tiny"
    assert load_model(tmp_path / "tiny").name == "a file"


@pytest.mark.parametrize("name", ["no-such-model", "no/such/path.safetensors", "", "~no-such-user/a.safetensors", "\0"])
def test_an_unknown_model_is_named_with_the_known_ones(installed, name):
    with pytest.raises(ModelError, match=r"installed models \(default, tiny\)") as caught:
        load_model(name)
    assert repr(name) in str(caught.value)


def test_a_folder_is_no_model(library, tmp_path):
    with pytest.raises(ModelError, match="neither a file nor one of the installed models"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_file_name_is_refused(library, make_model, name):
    with pytest.raises(ModelError, match="cannot be the name of a model"):
        install_model(make_model(name))
    with pytest.raises(ModelError, match="cannot be the name of a model"):
        remove_model(name)
    assert not library.exists()


@pytest.mark.parametrize("use", [place_for, remove_model])
def test_the_bundled_model_keeps_its_name(library, use):
    with pytest.raises(ModelError, match="'default' is that of the bundled model"):
        use("default")


def test_the_default_cannot_be_installed_over(library, make_model):
    with pytest.raises(ModelError, match="bundled model"):
        install_model(make_model("default"))
    assert not library.exists()


def test_a_file_called_default_does_not_hide_the_bundled_one(library, tiny_model):
    tiny_model.save(library / "default.safetensors")
    assert installed_models() == {"default": bundled_default()}


def test_an_installed_model_is_not_replaced(installed, make_model):
    before = installed.read_bytes()
    with pytest.raises(ModelError, match="already a model 'tiny'"):
        install_model(make_model("tiny", segmenter=False))
    assert installed.read_bytes() == before


@pytest.mark.parametrize(
    ("own_name", "file", "chosen", "wanted"),
    [
        ("tiny", "copy.safetensors", None, "tiny"),
        ("tiny", "copy.safetensors", "chosen", "chosen"),
        ("default", "copy.safetensors", None, "copy"),
        ("default", "copy.safetensors", "chosen", "chosen"),
    ],
)
def test_a_file_is_installed_under_its_own_name_or_another(
    library, tmp_path, make_model, own_name, file, chosen, wanted
):
    make_model(own_name).save(tmp_path / file)
    assert install_file(tmp_path / file, chosen) == library / f"{wanted}.safetensors"
    assert load_model(wanted).name == wanted


def test_a_damaged_file_is_not_installed(library, tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"bad.safetensors cannot be read"):
        install_file(tmp_path / "bad.safetensors")
    assert not library.exists()


@pytest.mark.parametrize("target", ["copy.safetensors", "."])
def test_an_exported_model_is_the_same_file(installed, tmp_path, target):
    copy = export_model("tiny", tmp_path / target)
    assert copy == tmp_path / ("tiny.safetensors" if target == "." else target)
    assert copy.read_bytes() == installed.read_bytes()


def test_a_removed_model_is_gone(installed):
    remove_model("tiny")
    assert not installed.exists()
    with pytest.raises(ModelError, match="there is no model 'tiny'"):
        find_model("tiny")


def test_an_unknown_model_cannot_be_removed(installed):
    with pytest.raises(ModelError, match=r"no installed model 'tin'; there are default, tiny"):
        remove_model("tin")
    assert installed.exists()


def test_a_damaged_model_can_be_removed(installed):
    installed.write_bytes(b"")
    remove_model("tiny")
    assert not installed.exists()


# -- several processes, and what lies in the folder


def both_at_once(*actions):
    """Do actions at the same moment; gives what each ended with, an error or its result."""
    start, ends = threading.Barrier(len(actions)), [None] * len(actions)

    def act(number):
        start.wait()
        try:
            ends[number] = actions[number]()
        except Exception as error:
            ends[number] = error

    threads = [threading.Thread(target=act, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


@pytest.mark.parametrize("turn", range(5))
def test_of_several_that_install_one_name_one_wins_and_the_others_are_told(library, make_model, turn):
    models = [make_model("same", seed=number) for number in range(4)]
    ends = both_at_once(*(partial(install_model, model) for model in models))
    told = [end for end in ends if isinstance(end, ModelError)]
    assert [end for end in ends if not isinstance(end, ModelError)] == [library / "same.safetensors"]
    assert all("already a model 'same'" in str(error) for error in told)
    winner = models[next(number for number, end in enumerate(ends) if isinstance(end, Path))]
    found = load_model("same").colorizer.state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in winner.colorizer.state_dict().items())
    assert os.listdir(library) == ["same.safetensors"]


@pytest.mark.parametrize("turn", range(5))
def test_of_two_that_remove_one_model_one_is_told(installed, turn):
    ends = both_at_once(*[partial(remove_model, "tiny")] * 2)
    assert sum(end is None for end in ends) == 1
    assert sum(isinstance(end, ModelError) and "no installed model 'tiny'" in str(end) for end in ends) == 1


@pytest.mark.parametrize("turn", range(5))
@pytest.mark.parametrize("use", [load_model, install_file, export_model, find_model])
def test_a_model_that_is_removed_while_it_is_used_is_whole_or_told(installed, tmp_path, use, turn):
    argument = {load_model: ("tiny",), install_file: (installed, "copy"), export_model: ("tiny", tmp_path / "copy")}
    end, removed = both_at_once(partial(use, *argument.get(use, ("tiny",))), partial(remove_model, "tiny"))
    assert removed is None
    assert not isinstance(end, Exception) or isinstance(end, ModelError), repr(end)
    if (tmp_path / "copy").exists():
        load_model(tmp_path / "copy")
    if "copy" in installed_models():
        load_model("copy")
    assert not list(installed.parent.glob(".*"))


def test_a_link_to_nothing_is_named_can_be_removed_and_is_not_written_over(library, tmp_path, make_model):
    library.mkdir()
    link = library / "gone.safetensors"
    link.symlink_to(tmp_path / "moved away.safetensors")
    assert installed_models()["gone"] == link
    with pytest.raises(ModelError, match=r"there is no file .*gone\.safetensors"):
        load_model("gone")
    for use in (partial(read_header, link), partial(export_model, "gone", tmp_path / "copy")):
        with pytest.raises(ModelError, match="there is no file"):
            use()
    with pytest.raises(ModelError, match="already a model 'gone'"):
        install_model(make_model("gone"))
    remove_model("gone")
    assert "gone" not in installed_models()


def test_a_link_to_a_model_is_that_model(library, tmp_path, tiny_model):
    library.mkdir()
    tiny_model.save(tmp_path / "elsewhere.safetensors")
    (library / "linked.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    assert load_model("linked").name == "tiny"
    remove_model("linked")
    assert (tmp_path / "elsewhere.safetensors").exists()


def test_a_library_that_is_a_file_holds_nothing_and_says_so(tmp_path, monkeypatch, tiny_model):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAPARI_COLORIZER_MODELS", str(tmp_path / "file"))
    assert list(installed_models()) == ["default"]
    with pytest.raises(OSError, match="file"):
        install_model(tiny_model)
    with pytest.raises(ModelError, match="no installed model"):
        remove_model("tiny")
