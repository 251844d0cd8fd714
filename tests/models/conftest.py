import json

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_colorizer.models.header import METADATA_KEY


@pytest.fixture
def saved(tmp_path, tiny_model):
    path = tmp_path / "tiny.safetensors"
    tiny_model.save(path)
    return path


@pytest.fixture
def change():
    """Alters the header and the tensors of a model file; what is wrong with them is not to be hidden by a checksum."""

    def alter(path, header=lambda header: None, tensors=lambda tensors: None):
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()[METADATA_KEY])
        weights = load_file(path)
        header(facts)
        tensors(weights)
        facts.pop("checksum", None)
        save_file(weights, path, {METADATA_KEY: json.dumps(facts)})

    return alter
