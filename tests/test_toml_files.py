"""TOML files that people write."""

import pytest

from napari_colorizer.toml_files import read_toml


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 3000 + "]" * 3000,
        "x = " + "[" * 50 + "]" * 50,
        "x = " + "{a = " * 50 + "1" + "}" * 50,
        ".".join("a" * 3000) + " = 1",
        "[" + ".".join("a" * 3000) + "]\nb = 1",
        ".".join("a" * 50) + " = 1",
    ],
    ids=["lists", "some lists", "tables", "dots", "dots in a heading", "some dots"],
)
def test_what_is_nested_too_deeply_is_refused(tmp_path, text):
    (tmp_path / "a.toml").write_text(text, "utf-8")
    with pytest.raises(ValueError, match="nested too deeply"):
        read_toml(tmp_path / "a.toml")


def test_what_is_nested_as_people_nest_it_is_read(tmp_path):
    (tmp_path / "a.toml").write_text('[groups]\nperson = ["skin", "hair"]\na.b.c = 1\n', "utf-8")
    assert read_toml(tmp_path / "a.toml") == {"groups": {"person": ["skin", "hair"], "a": {"b": {"c": 1}}}}


@pytest.mark.parametrize("number", ["9" * 10_000, "-" + "9" * 100, "0x" + "f" * 10_000, "0b" + "1" * 65])
@pytest.mark.parametrize("place", ["{}", "[[1, {}]]", "{{b = {}}}"], ids=["alone", "in a list", "in a table"])
def test_a_number_that_is_too_large_to_be_one_is_refused(tmp_path, number, place):
    (tmp_path / "a.toml").write_text(f"a = {place.format(number)}\n", "utf-8")
    with pytest.raises(ValueError, match="more than 64 bits"):
        read_toml(tmp_path / "a.toml")
