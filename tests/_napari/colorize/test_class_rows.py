"""What the list of classes says of those that the model never predicts, or has no color for."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog

from napari_colorizer._napari.colorize.class_list import ID_ROLE, MARK
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.training.transfer import teach_classes, without_classes

SKY, GRASS, BOAT = 1, 2, 7
EVERY = {SKY, GRASS, BOAT}


@pytest.fixture
def choose_made(make_model, library):
    """Let a dock use a model whose networks know some of the classes; with none there is no such network."""

    def chosen(widget, predicted, colored):
        model = make_model("made", segmenter=bool(predicted), colorizer=bool(colored))
        if predicted:
            model.segmenter = without_classes(model.segmenter, EVERY - predicted)
        if colored:
            model.colorizer = teach_classes(model.colorizer, model.classes, {label: label for label in colored})
        model.save(library / "made.safetensors")
        widget.controller.choose_model("made")

    return chosen


def shown(widget):
    """Name, mark and tooltip of each class, by its id."""
    rows = widget.class_list.filter
    cells = [[rows.index(row, column) for column in (0, MARK)] for row in range(rows.rowCount())]
    return {
        title.data(ID_ROLE): (title.data(), mark.data(), mark.data(Qt.ItemDataRole.ToolTipRole))
        for title, mark in cells
    }


def test_a_class_that_is_colored_but_never_predicted_is_to_be_painted_by_hand(bare, choose_made):
    _, widget = bare
    choose_made(widget, predicted={SKY, GRASS}, colored=EVERY)
    rows = shown(widget)
    assert not widget.class_list.table.isColumnHidden(MARK)
    assert rows[BOAT][:2] == ("boat", "by hand")
    assert "never predicts this class, but can color it: paint it yourself" in rows[BOAT][2]
    assert rows[SKY] == ("sky", "", "")
    assert rows[0][1] == ""


def test_marks_follow_a_change_of_model(bare, choose_made):
    _, widget = bare
    choose_made(widget, predicted={SKY, GRASS}, colored=EVERY)
    choose_made(widget, predicted={GRASS, BOAT}, colored=EVERY)
    assert (shown(widget)[SKY][1], shown(widget)[BOAT][1]) == ("by hand", "")
    choose_made(widget, predicted=EVERY, colored=EVERY)
    assert {mark for _, mark, _ in shown(widget).values()} == {""}
    assert widget.class_list.table.isColumnHidden(MARK)


def test_a_class_that_is_predicted_but_has_no_color_says_so(bare, choose_made):
    _, widget = bare
    choose_made(widget, predicted={SKY, GRASS}, colored={GRASS})
    name, mark, tip = shown(widget)[SKY]
    assert (name, mark) == ("sky (no color)", "")
    assert "no color for this class" in tip
    assert shown(widget)[BOAT][0] == "boat (not known to the model)"


def test_where_nothing_is_predicted_no_class_is_marked_for_it(bare, choose_made):
    _, widget = bare
    choose_made(widget, predicted=set(), colored=EVERY)
    assert {mark for _, mark, _ in shown(widget).values()} == {""}


def test_marks_go_by_the_names_of_the_label_map(bare, choose_made):
    _, widget = bare
    choose_made(widget, predicted={GRASS, BOAT}, colored=EVERY)
    names = {SKY: "Boat", 50: "sky", 51: "dragon"}
    widget.controller.set_classes(ClassMap(Class(label, name, "#123456") for label, name in names.items()))
    rows = shown(widget)
    assert [rows[label][:2] for label in names] == [
        ("Boat", ""),
        ("sky", "by hand"),
        ("dragon (not known to the model)", ""),
    ]


def test_a_class_that_is_only_predicted_keeps_its_meaning_when_it_is_renamed(bare, choose_made, monkeypatch):
    _, widget = bare
    choose_made(widget, predicted={SKY, GRASS}, colored={GRASS})
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("heaven", True))
    widget.class_list.select(SKY)
    widget.class_list.rename()
    assert shown(widget)[SKY][0] == "heaven (no color)"


def test_predicted_labels_never_hold_a_class_that_is_marked(bare, choose_made, wait):
    _, widget = bare
    choose_made(widget, predicted=EVERY, colored=EVERY)
    widget.predict_button.click()
    wait(widget)
    likely = max(EVERY, key=lambda label: widget.controller.counts.get(label, 0))
    assert likely in widget.controller.counts
    choose_made(widget, predicted=EVERY - {likely}, colored=EVERY)
    widget.predict_button.click()
    wait(widget)
    assert [label for label, (_, mark, _) in shown(widget).items() if mark] == [likely]
    assert likely not in widget.controller.counts
