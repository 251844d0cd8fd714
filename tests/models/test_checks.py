"""Files that ask for more than they hold, and models that give nothing that is a number."""

import time
from dataclasses import fields

import numpy as np
import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_colorizer.errors import ModelError
from napari_colorizer.models.file import read_model
from napari_colorizer.models.header import METADATA_KEY, read_header
from napari_colorizer.models.library import load_model
from napari_colorizer.networks import GridNetConfig, TwoStreamUNetConfig

PARTS = pytest.mark.parametrize("part", ["segmenter", "colorizer"])


def refusal(path):
    """The message with which a file is refused, at once and without filling the memory."""
    process = psutil.Process()
    before, began = process.memory_info().rss, time.process_time()
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert process.memory_info().rss - before < 100e6
    assert time.process_time() - began < 5
    assert path.name in str(caught.value)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("part", "entry", "value"),
    [
        ("segmenter", "widths", [10000] * 3),
        ("segmenter", "widths", [10000, 10000]),
        ("segmenter", "widths", [4] * 100000),
        ("segmenter", "widths", [4] * 60),
        ("segmenter", "widths", [1 << 62, 1 << 62]),
        ("segmenter", "widths", [-4, 8]),
        ("segmenter", "columns", 10**9),
        ("segmenter", "columns", 60),
        ("segmenter", "head", 10**7),
        ("segmenter", "ids", list(range(100000))),
        ("colorizer", "widths", [10000, 10000]),
        ("colorizer", "decoder_widths", [10**6]),
        ("colorizer", "context", 10**7),
        ("colorizer", "stem", 10**6),
        ("colorizer", "embedding", 10**8),
        ("colorizer", "ids", [0, 1, 2, 10**12]),
        ("colorizer", "ids", list(range(60000))),
    ],
)
def test_what_a_header_asks_for_is_compared_with_the_tensors_before_it_is_built(saved, part, entry, value, change):
    change(saved, header=lambda header: header["networks"][part].update({entry: value}))
    refusal(saved)


NONSENSE = [None, [], {}, [1, 2], "x", float("inf"), float("-inf"), float("nan"), 1e30, -1, 0.5, 10**30]


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        *(("segmenter", field.name) for field in fields(GridNetConfig)),
        *(("colorizer", field.name) for field in fields(TwoStreamUNetConfig)),
    ],
)
def test_whatever_a_config_says_is_refused_or_gives_colors(saved, part, entry, change):
    gray = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    whole = saved.read_bytes()
    for value in NONSENSE:
        saved.write_bytes(whole)
        change(saved, header=lambda header, value=value: header["networks"][part].update({entry: value}))
        try:
            model = read_model(saved)
        except ModelError:
            continue
        assert model.colorize(gray, model.segment(gray))[-1].min() > 200  # what is white is not black


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "NaN", "-1", "0", "1.5", "true", "1" * 5000, '"1e999"', "[]", "true1", "{}"]
)
def test_a_format_that_is_no_number_is_a_damaged_header(saved, number):
    with safe_open(saved, "pt") as file:
        text = file.metadata()[METADATA_KEY]
    save_file(load_file(saved), saved, {METADATA_KEY: text.replace('"format": 2', f'"format": {number}', 1)})
    assert "header" in refusal(saved)
    with pytest.raises(ModelError, match="header"):
        read_header(saved)


@pytest.mark.parametrize("entry", ["working_size", "chroma_gain", "chroma_gain_unlabeled", "confidence"])
@pytest.mark.parametrize("number", [float("inf"), float("nan"), 10**400])
def test_any_other_number_that_cannot_be_is_one_too(saved, entry, number, change):
    change(saved, header=lambda header: header.update({entry: number}))
    assert "damaged" in refusal(saved)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("entry", ["provenance", "classes", "networks", ""])
def test_a_header_that_is_nested_too_deeply_is_refused(saved, opening, entry):
    with safe_open(saved, "pt") as file:
        text = file.metadata()[METADATA_KEY]
    deep = opening * 100000
    text = text.replace(f'"{entry}": ', f'"{entry}": {deep}', 1) if entry else deep
    save_file(load_file(saved), saved, {METADATA_KEY: text})
    assert "header" in refusal(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@PARTS
def test_weights_that_are_no_numbers_are_named(saved, part, value, change):
    with safe_open(saved, "pt") as file:
        names = [name for name in file.keys() if name.startswith(part)]  # noqa: SIM118
    name = [name for name in names if "num_batches" not in name][-1]
    change(saved, tensors=lambda tensors: tensors[name].view(-1)[:1].fill_(value))
    assert f"tensor {name} holds numbers that are not finite" in refusal(saved)


@pytest.mark.parametrize("value", [float("nan"), 1e30])
@PARTS
def test_they_are_named_too_where_the_checksum_is_another(saved, part, value):
    with safe_open(saved, "pt") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    name = next(name for name in tensors if name.startswith(part) and tensors[name].ndim == 4)
    tensors[name] = torch.full_like(tensors[name], value)
    save_file(tensors, saved, header)
    message = refusal(saved)
    assert f"{name}" in message
    assert "checksum" in message


@pytest.mark.parametrize("value", [1e30, -1e38, 3e38])
@pytest.mark.parametrize("name", ["segmenter.first.0.weight", "segmenter.last.3.weight", "colorizer.final.weight"])
def test_weights_that_leave_no_number_are_named(saved, name, value, change):
    def spoil(tensors):
        tensors[name].fill_(value)
        if name.startswith("segmenter"):
            following = name.replace(".0.", ".1.").replace(".3.", ".4.").replace("weight", "running_var")
            tensors[following].fill_(1e-38)

    change(saved, tensors=spoil)
    message = refusal(saved)
    assert "cannot be used" in message
    assert name.partition(".")[0] in message


def test_a_vector_of_a_single_class_that_leaves_no_number_is_named(saved, change):
    change(saved, tensors=lambda tensors: tensors["colorizer.class_vectors.weight"][-1].fill_(1e37))
    assert "in the tensor colorizer.class_vectors.weight" in refusal(saved)


def test_to_load_a_model_draws_no_random_number(saved):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    read_model(saved)
    load_model()
    assert torch.equal(torch.rand(3), wanted)


def test_a_file_that_vanishes_while_it_is_read_is_named(saved, monkeypatch):
    from napari_colorizer.models import file

    whole = file.check_shapes

    def remove(*arguments):
        saved.unlink()
        return whole(*arguments)

    monkeypatch.setattr(file, "check_shapes", remove)
    assert "there is no file" in refusal(saved)


def test_a_good_model_still_colors(saved):
    gray = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    assert read_model(saved).colorize(gray).std() > 0
