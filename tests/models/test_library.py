from pathlib import Path

import platformdirs
import pytest

from napari_colorizer import load_model
from napari_colorizer.errors import ModelError
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
