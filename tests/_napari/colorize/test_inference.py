"""Loading models for the background thread."""

from napari_colorizer._napari.colorize import inference


def test_a_model_is_read_once_until_its_file_changes(make_model, library):
    inference._load.cache_clear()
    make_model("tiny").save(library / "tiny.safetensors")
    first = inference.load("tiny")
    assert inference.load("tiny") is first
    path = library / "tiny.safetensors"
    path.unlink()
    make_model("tiny", seed=1).save(path)
    assert inference.load("tiny") is not first
