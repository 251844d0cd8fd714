import os
import stat
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_colorizer.errors import ModelError
from napari_colorizer.models.file import read_model
from napari_colorizer.models.header import FORMAT_VERSION, METADATA_KEY, read_header

GRAY = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)


def refusal(path):
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_a_saved_model_comes_back_exactly(tmp_path, make_model):
    facts = {
        "provenance": {"steps": 5, "data": ["a", "b"]},
        "metrics": {"miou": 0.25},
        "license": "CC0",
        "chroma_gain": 1.5,
        "chroma_gain_unlabeled": 0.5,
        "confidence": 0.75,
        "suggestions": {1: [(-3.5, -20.25, 0.75), (0.0, 4.0, 0.25)], 7: [(1.5, 2.0, 1.0)]},
    }
    model = make_model("Mine 2", working_size=96, **facts)
    model.save(tmp_path / "other.safetensors")
    again = read_model(tmp_path / "other.safetensors")
    assert (again.name, again.working_size, again.classes) == ("Mine 2", 96, model.classes)
    assert {name: getattr(again, name) for name in facts} == facts
    for part, network in model.networks.items():
        assert again.networks[part].config == network.config
        assert_same_tensors(again.networks[part].state_dict(), network.state_dict(), rtol=0, atol=0)
    np.testing.assert_array_equal(again.colorize(GRAY, again.segment(GRAY)), model.colorize(GRAY, model.segment(GRAY)))


def assert_same_tensors(found, wanted, **tolerance):
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, msg=name, **tolerance)


def test_a_file_from_before_color_suggestions_is_read(saved, change):
    change(saved, header=drop("suggestions"))
    assert read_model(saved).suggestions == {}


def test_half_precision_halves_the_file_and_stays_close(tmp_path, saved, tiny_model):
    small = tmp_path / "small.safetensors"
    tiny_model.save(small, half=True)
    tensor_bytes = [sum(t.numel() * t.element_size() for t in load_file(path).values()) for path in (small, saved)]
    assert tensor_bytes[0] < 0.55 * tensor_bytes[1]
    again = read_model(small)
    for part, network in tiny_model.networks.items():
        assert_same_tensors(again.networks[part].state_dict(), network.state_dict(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("half", [False, True])
def test_weights_in_another_memory_order_are_saved_too(tmp_path, tiny_model, half):
    wanted = {name: tensor.clone() for name, tensor in tiny_model.colorizer.state_dict().items()}
    tiny_model.colorizer.to(memory_format=torch.channels_last)
    tiny_model.save(tmp_path / "last.safetensors", half=half)
    again = read_model(tmp_path / "last.safetensors").colorizer.state_dict()
    assert_same_tensors(again, wanted, rtol=1e-3 if half else 0, atol=1e-6 if half else 0)


@pytest.mark.parametrize("part", ["segmenter", "colorizer"])
def test_a_model_of_one_network_comes_back_as_one(tmp_path, make_model, part):
    other = {"segmenter": "colorizer", "colorizer": "segmenter"}[part]
    make_model(**{other: False}).save(tmp_path / "one.safetensors")
    assert list(read_model(tmp_path / "one.safetensors").networks) == [part]


def test_the_header_is_read_without_the_tensors(saved, tiny_model):
    header = read_header(saved)
    assert header["name"] == "tiny"
    assert set(header["networks"]) == {"segmenter", "colorizer"}
    assert len(header["classes"]) == len(tiny_model.classes)


def test_saving_makes_the_folder(tmp_path, tiny_model):
    tiny_model.save(tmp_path / "new" / "folder" / "a.safetensors")
    assert read_model(tmp_path / "new" / "folder" / "a.safetensors").name == "tiny"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_saved_model_can_be_read_by_others(saved):
    assert saved.stat().st_mode & stat.S_IROTH


def fail_half_way(path, content):
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    raise OSError("the disk is full")


def fail(*arguments):
    raise OSError("the disk is full")


def be_stopped(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "failure", "error"),
    [
        ("pathlib.Path.write_bytes", fail_half_way, OSError),
        ("os.fsync", fail, OSError),
        ("os.replace", fail, OSError),
        ("os.replace", be_stopped, KeyboardInterrupt),
    ],
)
def test_a_failed_save_leaves_the_old_model_whole(saved, make_model, monkeypatch, step, failure, error):
    before = saved.read_bytes()
    monkeypatch.setattr(step, failure)
    with pytest.raises(error):
        make_model("new", seed=1).save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_facts_that_are_no_json_leave_the_old_model_whole(saved, make_model):
    with pytest.raises(TypeError):
        make_model(provenance={"data": object()}).save(saved)
    assert read_model(saved).provenance == {}
    assert os.listdir(saved.parent) == [saved.name]


def test_a_missing_file_is_named(tmp_path):
    assert "there is no file" in refusal(tmp_path / "nowhere.safetensors")


def test_a_folder_is_no_model(tmp_path):
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    assert "folder" in refusal(folder).replace(folder.name, "")


@pytest.mark.parametrize("kept", [0, 4, 8, 200, 0.5, 0.99, -1])
def test_a_file_cut_short_is_refused(saved, kept):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(kept * len(data)) if 0 < kept < 1 else kept])
    assert "damaged, truncated" in refusal(saved)


@pytest.mark.parametrize("content", [b"just some text\n" * 20, b"\x89PNG\r\n\x1a\n" + bytes(100), b"PK\x03\x04" * 30])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    assert "not a .safetensors file" in refusal(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_other_programs_are_refused(tmp_path, metadata):
    path = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata)
    assert "not a napari-colorizer model" in refusal(path)


def test_a_newer_format_asks_for_an_update(saved, change):
    change(saved, header=lambda header: header.update(format=FORMAT_VERSION + 1, networks="quite different"))
    message = refusal(saved)
    assert f"format {FORMAT_VERSION + 1}" in message
    assert "update" in message


def drop(*keys):
    def apply(header):
        for key in keys[:-1]:
            header = header[key]
        del header[keys[-1]]

    return apply


def put(value, *keys):
    def apply(header):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        *(drop(key) for key in ("format", "name", "classes", "networks", "working_size", "provenance", "license")),
        put("one", "format"),
        put("large", "working_size"),
        put(5, "networks"),
        put({}, "networks"),
        put({}, "networks", "painter"),
        put(None, "networks", "segmenter"),
        put([], "networks", "segmenter", "widths"),
        put(3, "networks", "segmenter", "columns"),
        put([], "networks", "colorizer", "ids"),
        put(["sky"], "networks", "colorizer", "ids"),
        put([8], "networks", "colorizer", "widths"),
        put(1, "networks", "colorizer", "unheard_of"),
        put(7, "classes"),
        put([{"id": 1}], "classes"),
        put(None, "suggestions"),
        put([[1, 2, 3]], "suggestions"),
        put({"sky": [[1, 2, 1]]}, "suggestions"),
        put({"1": [[1, 2]]}, "suggestions"),
        put({"1": [[1, 2, None]]}, "suggestions"),
        put({"1": [[1, float("nan"), 1]]}, "suggestions"),
        put({"1": 5}, "suggestions"),
        put([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "classes"),
    ],
)
def test_a_damaged_header_is_refused(saved, damage, change):
    change(saved, header=damage)
    message = refusal(saved)
    assert "header" in message
    assert "damaged" in message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "7"])
def test_a_header_that_is_no_object_is_refused(saved, text):
    save_file(load_file(saved), saved, {METADATA_KEY: text})
    assert "header" in refusal(saved)


def test_a_missing_tensor_is_named(saved, change):
    change(saved, tensors=lambda tensors: tensors.pop("segmenter.first.0.weight"))
    message = refusal(saved)
    assert "segmenter" in message
    assert "lacks the tensor first.0.weight" in message


@pytest.mark.parametrize("name", ["colorizer.extra.weight", "painter.weight"])
def test_a_surplus_tensor_is_named(saved, name, change):
    change(saved, tensors=lambda tensors: tensors.update({name: torch.zeros(1)}))
    message = refusal(saved)
    assert "tensor" in message
    assert name.removeprefix("colorizer.") in message


def test_a_tensor_of_another_shape_is_named(saved, change):
    change(saved, tensors=lambda tensors: tensors.update({"colorizer.final.weight": torch.zeros(2, 5, 3, 3)}))
    message = refusal(saved)
    assert "colorizer: the tensor final.weight has the shape (2, 5, 3, 3)" in message
    assert "(2, 8, 3, 3)" in message


def test_a_config_of_another_network_than_the_tensors_is_refused(saved, change):
    change(saved, header=put([4, 16], "networks", "segmenter", "widths"))
    assert "has the shape" in refusal(saved)


def test_a_file_without_a_chroma_gain_colors_as_its_network_does(saved, change):
    change(
        saved, header=lambda header: [header.pop(key) for key in ("chroma_gain", "chroma_gain_unlabeled", "confidence")]
    )
    assert read_model(saved).chroma_gain == read_model(saved).chroma_gain_unlabeled == 1.0
    assert read_model(saved).confidence == 0.0


def test_a_model_file_from_before_is_read_as_it_was_and_written_with_the_present_names(saved, change):
    before = {"vivid": 1.5, "vivid_unlabeled": 0.5}
    change(saved, header=lambda header: [header.pop("chroma_gain"), header.pop("chroma_gain_unlabeled")])
    change(saved, header=lambda header: header.update(before))
    with warnings.catch_warnings(action="error"):
        model = read_model(saved)
        model.save(saved)
        again = read_model(saved)
    for found in (model, again):
        assert (found.chroma_gain, found.chroma_gain_unlabeled) == (1.5, 0.5)
    assert not before.keys() & read_header(saved).keys()
    assert read_header(saved)["chroma_gain"] == 1.5


@pytest.mark.parametrize("key", ["chroma_gain", "chroma_gain_unlabeled", "confidence"])
@pytest.mark.parametrize("chroma_gain", [-1, 5, "much", None])
def test_a_damaged_chroma_gain_is_refused(saved, key, chroma_gain, change):
    change(saved, header=lambda header: header.update({key: chroma_gain}))
    assert "damaged" in refusal(saved)


def test_a_file_with_other_numbers_than_those_that_were_saved_is_refused(saved):
    data = bytearray(saved.read_bytes())
    data[-100] ^= 1
    saved.write_bytes(data)
    assert "its weights do not match their checksum" in refusal(saved)
