import errno
import json
import os
import re
import time
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_colorizer.class_entries import EXAMPLES, FORMS
from napari_colorizer.classes import LARGEST_ID, Class, ClassMap, distinct_color

SKY, GRASS = Class(1, "sky", "#87ceeb"), Class(7, "grass", "#4caf50")
SUFFIXES = [".json", ".csv", ".txt"]
PARSERS = {"json": ClassMap.from_json, "csv": ClassMap.from_csv, "text": ClassMap.from_text}

names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=12).filter(lambda name: name[0] != ":")
colors = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)
class_maps = st.lists(
    st.builds(Class, st.integers(1, LARGEST_ID), names, colors),
    max_size=8,
    unique_by=(lambda item: item.id, lambda item: item.name.casefold()),
).map(ClassMap)


@settings(max_examples=50, deadline=None)
@given(class_maps)
def test_json_and_csv_keep_everything(classes):
    assert ClassMap.from_json(classes.to_json()) == classes
    assert ClassMap.from_csv(classes.to_csv()) == classes


@settings(max_examples=50, deadline=None)
@given(class_maps)
def test_text_keeps_ids_and_names(classes):
    again = ClassMap.from_text(classes.to_text())
    assert [(item.id, item.name) for item in again] == [(item.id, item.name) for item in classes]


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".JSON"])
def test_a_file_keeps_ids_and_names_in_order(tmp_path, suffix):
    classes = ClassMap([GRASS, SKY, Class(3, 'wood, "oak"', "#000000"), Class(300, "père Noël", "#ffffff")])
    classes.write(tmp_path / f"classes{suffix}")
    again = ClassMap.read(tmp_path / f"classes{suffix}")
    assert [(item.id, item.name) for item in again] == [(item.id, item.name) for item in classes]
    assert (again == classes) is (suffix != ".txt")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_there_stays_whole_where_a_disk_is_full(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"classes{suffix}"
    ClassMap([SKY]).write(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        ClassMap([SKY, GRASS]).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, suffix):
    path = tmp_path / f"classes{suffix}"
    ClassMap([SKY, GRASS]).write(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ClassMap.read(path).ids == (1, 7)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read(end):
    assert ClassMap.from_csv(f"id,name{end}1,sky{end}{end}7,grass{end}").ids == (1, 7)
    assert ClassMap.from_text(f"1: sky{end}{end}7: grass").ids == (1, 7)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_class_map_is_a_class_map(tmp_path, suffix):
    ClassMap().write(tmp_path / f"classes{suffix}")
    assert len(ClassMap.read(tmp_path / f"classes{suffix}")) == 0


def test_an_empty_file_is_a_class_map_only_as_text(tmp_path):
    assert ClassMap.from_text(" \n\n") == ClassMap()
    for parse in (ClassMap.from_json, ClassMap.from_csv):
        with pytest.raises(ValueError, match="line 1"):
            parse("")


def test_the_authors_background_line_names_no_class():
    classes = ClassMap.from_text("0: background\n1: aeroplane\n2: bicycle\n")
    assert [(item.id, item.name) for item in classes] == [(1, "aeroplane"), (2, "bicycle")]


@pytest.mark.parametrize("name", ["background", "Unlabeled", "unlabelled", "VOID"])
def test_id_0_may_be_named_as_unlabeled(name):
    assert ClassMap.from_csv(f"id,name\n0,{name}\n1,sky\n").ids == (1,)
    assert ClassMap.from_json(json.dumps([{"id": 0, "name": name}])) == ClassMap()


@pytest.mark.parametrize("form", PARSERS)
def test_id_0_cannot_be_a_thing(form):
    texts = {"json": '[\n{"id": 0, "name": "sky"}]', "csv": "id,name\n0,sky", "text": "1: grass\n0: sky"}
    with pytest.raises(ValueError, match="line 2: id 0 means unlabeled"):
        PARSERS[form](texts[form])


@pytest.mark.parametrize(
    ("form", "text", "line"),
    [
        ("text", "1: sky\nsky\n", 2),
        ("text", "1: sky\n\n12\n", 3),
        ("text", "-1: sky\n", 1),
        ("text", "65536: sky\n", 1),
        ("text", "1: sky\n1: grass\n", 2),
        ("text", "1: sky\n2: Sky\n", 2),
        ("csv", "number,name\n1,sky\n", 1),
        ("csv", "id;name\n1;sky\n", 1),
        ("csv", "id,name\n1,sky\nx,grass\n", 3),
        ("csv", "id,name\n1,sky\n2\n", 3),
        ("csv", "id,name\n1,sky\n2,\n", 3),
        ("csv", "id,name\n1,sky\n1.5,grass\n", 3),
        ("csv", "id,name,color\n1,sky,blue\n", 2),
        ("csv", 'id,name\n1,sky\n2,"' + "grass" * 40000, 3),
        ("json", '{"id": 1, "name": "sky"}', 1),
        ("json", '[{"id": 1, "name": "sky"},\n7]', 2),
        ("json", '[{"id": 1, "name": "sky"},\n{"id": 2}]', 2),
        ("json", '[\n{"id": 1, "name": "sky", "color": 5}]', 2),
        ("json", '[\n\n{"id": true, "name": "sky"}]', 3),
        ("json", '[{"id": false, "name": "void"}]', 1),
        ("json", '[{"id": 1, "name": "sky"}\n{"id": 2, "name": "sea"}]', 1),
        ("json", '[{"id": 1, "name": "sky"},\n{"id": 1, "name": "sea"}]', 2),
        ("json", '[{"id": 1, "name": "sky"},\n]', 1),
        ("json", '[{"id": 1, "name": "sky"},\n{"id": 2, "na', 2),
        ("json", '[{"id": 1, "name": "sky"}]\n{}', 1),
    ],
)
def test_an_error_names_the_line(form, text, line):
    with pytest.raises(ValueError, match=f"^line {line}: "):
        PARSERS[form](text)


def test_an_error_in_a_file_names_the_file(tmp_path):
    (tmp_path / "my.csv").write_text("id,name\n1,sky\n1,sea\n")
    with pytest.raises(ValueError, match=r"my\.csv: line 3: class id 1 is given twice: sky and sea"):
        ClassMap.read(tmp_path / "my.csv")
    (tmp_path / "my.txt").write_bytes("1: père".encode("latin-1"))
    with pytest.raises(ValueError, match=r"my\.txt: this is not a text file in UTF-8"):
        ClassMap.read(tmp_path / "my.txt")
    with pytest.raises(ValueError, match=r"my\.yaml: a class map is a \.json"):
        ClassMap.read(tmp_path / "my.yaml")
    with pytest.raises(FileNotFoundError):
        ClassMap.read(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("suffix", "wrong", "example"),
    [
        (".json", '{"sky": 1}', r'\[{"id": 1, "name": "sky", "color": "#87ceeb"}'),
        (".json", "[" * 5000, r'\[{"id": 1, "name": "sky"'),
        (".csv", "1;sky\n", "'id,name,color', .* '1,sky,#87ceeb'"),
        (".txt", "sky\n" + "x" * 9999, "'1: sky'$"),
        (".txt", b"\xff", "'1: sky'$"),
        (".yaml", "1: sky", "'1: sky'$"),
    ],
)
def test_an_error_in_a_file_shows_how_a_right_one_looks(tmp_path, suffix, wrong, example):
    path = tmp_path / f"my{suffix}"
    path.write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
    with pytest.raises(ValueError, match=example) as caught:
        ClassMap.read(path)
    assert str(caught.value).isprintable()


def test_the_examples_of_right_files_are_right(tmp_path):
    sky, lines = Class(1, "sky", "#87ceeb"), dict.fromkeys(FORMS, "")
    lines[".json"] = EXAMPLES[".json"]
    for form in (".csv", ".txt"):
        lines[form] = "\n".join(re.findall("'(.*?)'", EXAMPLES[form]))
    for form, text in lines.items():
        (tmp_path / f"my{form}").write_text(text)
        found = ClassMap.read(tmp_path / f"my{form}")[1]
        assert (found.name, found.color) == ("sky", sky.color if form != ".txt" else distinct_color(1))


@pytest.mark.parametrize("color", ["blue", "#fff", "#12345g", "#1234567", "", None, 5])
def test_a_bad_color_is_refused(color):
    with pytest.raises(ValueError, match="color"):
        Class(1, "sky", color)


@pytest.mark.parametrize("label", [0, -1, 65536, 1.0, "1", True, None])
def test_a_bad_id_is_refused(label):
    with pytest.raises(ValueError, match="whole number"):
        Class(label, "sky", "#000000")


@pytest.mark.parametrize("name", ["", "  ", None])
def test_a_class_needs_a_name(name):
    with pytest.raises(ValueError, match="no name"):
        Class(1, name, "#000000")


def test_ids_and_names_occur_once():
    with pytest.raises(ValueError, match="given twice: sky and sea"):
        ClassMap([SKY, Class(1, "sea", "#000000")])
    with pytest.raises(ValueError, match="'SKY' is given twice: ids 1 and 2"):
        ClassMap([SKY, Class(2, "SKY", "#000000")])


def test_names_are_found_without_regard_to_case():
    classes = ClassMap([SKY, GRASS])
    assert classes.named("SKY") is SKY
    assert classes.has_name("Grass")
    assert not classes.has_name("sea")
    with pytest.raises(KeyError):
        classes.named("sea")


def test_a_changed_class_map_is_another_one():
    classes = ClassMap([SKY, GRASS])
    assert classes.unused_id() == 2
    assert classes.with_class(Class(2, "sea", "#0000ff")).ids == (1, 7, 2)
    assert classes.with_class(Class(1, "Sky", "#0000ff"))[1].color == "#0000ff"
    assert classes.without(1).ids == (7,)
    assert list(classes) == [SKY, GRASS]
    assert hash(classes) == hash(ClassMap([SKY, GRASS]))
    assert classes != ClassMap([GRASS, SKY])


def test_classes_without_a_color_get_different_ones():
    classes = ClassMap.from_text("".join(f"{label}: class {label}\n" for label in range(1, 60)))
    assert len({item.color for item in classes}) == 59
    assert classes[5].color == distinct_color(5)
    assert SKY.rgb == (0x87, 0xCE, 0xEB)


def test_pascal_context_has_its_59_classes():
    classes = ClassMap.pascal_context()
    assert classes.ids == tuple(range(1, 60))
    assert [classes[label].name for label in (1, 2, 7, 59)] == ["aeroplane", "bicycle", "car", "wood"]
    assert len({item.color for item in classes}) == 59


def test_classes_are_matched_by_name_and_never_by_number():
    model = ClassMap([Class(1, "sky", "#000000"), Class(2, "grass", "#000000")])
    ours = ClassMap([Class(1, "nucleus", "#000000"), Class(7, "SKY", "#000000"), Class(9, "Gras", "#000000", "grass")])
    assert ours.match(model) == {7: 1, 9: 2}


def test_the_name_that_models_know_is_kept_in_files():
    classes = ClassMap([Class(9, "Gras", "#00ff00", "grass"), Class(10, "sky", "#0000ff")])
    assert ClassMap.from_json(classes.to_json()) == classes
    assert ClassMap.from_csv(classes.to_csv()) == classes


def test_an_entry_that_is_nested_too_deeply_is_an_error_with_its_line():
    with pytest.raises(ValueError, match="line 1"):
        ClassMap.from_json("[" * 100_000)


def test_a_class_that_was_renamed_matches_itself():
    ours = ClassMap([Class(1, "meadow", "#4caf50", known_as="grass"), Class(2, "lawn", "#335522", known_as="grass")])
    assert ours.match(ours) == {1: 1, 2: 2}
    both = ClassMap([Class(5, "grass", "#4caf50"), Class(6, "Meadow", "#335522")])
    assert ours.match(both) == {1: 6, 2: 5}


def test_a_model_that_knows_a_class_by_another_name_matches_that_name():
    model = ClassMap([Class(4, "Gras", "#4caf50", known_as="grass"), Class(5, "Himmel", "#87ceeb", known_as="Sky")])
    ours = ClassMap([Class(1, "Grass", "#4caf50"), Class(2, "sky", "#87ceeb"), Class(3, "lawn", "#4caf50", "GRAS")])
    assert ours.match(model) == {1: 4, 2: 5, 3: 4}


def test_own_names_win_over_those_that_models_know():
    model = ClassMap([Class(4, "Gras", "#4caf50", known_as="grass"), Class(5, "grass", "#4caf50")])
    ours = ClassMap([Class(1, "grass", "#4caf50"), Class(2, "meadow", "#4caf50", "grass"), Class(3, "gras", "#4caf50")])
    assert ours.match(model) == {1: 5, 2: 5, 3: 4}
    assert model.match(ours) == {4: 3, 5: 1}


def test_classes_that_models_know_by_the_same_name_are_the_same():
    model = ClassMap([Class(4, "Gras", "#4caf50", known_as="grass")])
    assert ClassMap([Class(1, "herbe", "#4caf50", "Grass"), Class(2, "moss", "#4caf50")]).match(model) == {1: 4}


@pytest.mark.parametrize("form", ["json", "csv", "text"])
def test_many_classes_are_read_at_once(form):
    classes = ClassMap(Class(label, f"thing {label}", "#102030") for label in range(1, 16001))
    text = getattr(classes, f"to_{form}")()
    began = time.process_time()
    assert len(PARSERS[form](text)) == 16000
    assert time.process_time() - began < 2  # the lines of each were once counted from the first: that took 4 s


def test_many_classes_are_merged_at_once():
    ours = ClassMap(Class(label, f"thing {label}", "#102030") for label in range(1, 20001))
    theirs = ClassMap(Class(label, f"other {label}", "#102030") for label in range(1, 20001))
    began = time.process_time()
    merged = ours.merged(theirs)
    assert time.process_time() - began < 5
    assert (len(merged), merged.named("other 1").id, merged.ids[-1]) == (40000, 20001, 40000)


def test_no_more_classes_are_merged_than_there_are_ids():
    full = ClassMap(Class(label, f"thing {label}", "#102030") for label in range(1, LARGEST_ID + 1))
    with pytest.raises(ValueError, match="no id left"):
        full.merged(ClassMap([SKY]))


@pytest.mark.parametrize("gap", ["", "\n\n"])
def test_the_line_of_an_entry_in_json_is_told_after_many_others(gap):
    entries = [f'{{"id": {label}, "name": "thing {label}"}}' for label in range(1, 500)] + [
        '{"id": 7, "name": "again"}'
    ]
    with pytest.raises(ValueError, match=f"line {1 + 499 * (1 + len(gap))}: class id 7 is given twice"):
        ClassMap.from_json("[" + f",\n{gap}".join(entries) + "]")


@pytest.mark.parametrize("name", ["\ud800", "sky\udfff", "a\udc80b"])
def test_a_name_that_is_no_text_is_refused_in_a_message_that_can_be_shown(name):
    for field in ("name", "known_as"):
        with pytest.raises(ValueError, match="broken character") as caught:
            ClassMap.from_json(json.dumps([{"id": 1, "name": "sky", field: name}]))
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["sky\x1b[2J", "sky\r\ngrass", "x" * 10**6, "\x9b0m\u202e"])
def test_what_a_file_holds_is_escaped_and_cut_in_messages(name):
    with pytest.raises(ValueError, match="given twice") as caught:
        ClassMap.from_json(json.dumps([{"id": 1, "name": name}, {"id": 1, "name": "other"}]))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500
