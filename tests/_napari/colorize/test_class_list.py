"""The list of classes in the dock."""

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QColorDialog, QFileDialog, QInputDialog

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap

GRASS, SKY, DRAGON, STRAY = 36, 50, 100, 77


@pytest.fixture
def listed(bare, photo, wait):
    """A dock with a label map of grass, sky, an unknown class and a stray id."""
    viewer, widget = bare
    data = np.full(photo.shape, SKY, np.uint8)
    data[48:] = GRASS
    data[0, :50], data[1, :20], data[2, :3] = DRAGON, STRAY, 0
    labels = Labels(data, name="photo labels")
    on_layers.show_classes(labels, ClassMap.pascal_context().with_class(Class(DRAGON, "dragon", "#123456")))
    viewer.add_layer(labels)
    widget.controller.choose_labels(labels)
    return viewer, wait(widget), labels


@pytest.fixture
def answer(monkeypatch):
    """Answer the next dialogs."""

    def answered(text=None, color=None, path=None):
        monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (text or "", text is not None))
        monkeypatch.setattr(QColorDialog, "getColor", lambda *_, **__: QColor(color) if color else QColor())
        for name in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path or ""), ""))

    return answered


def row_of(widget, label):
    """The two cells of a class, and the number of its visible row."""
    shown = widget.class_list
    row = shown.visible_ids().index(label)
    return shown.filter.index(row, 0), shown.filter.index(row, 1), row


def click(widget, label, modifier=Qt.KeyboardModifier.NoModifier):
    table = widget.class_list.table
    index = row_of(widget, label)[0]
    table.scrollTo(index)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, table.visualRect(index).center())


def test_it_shows_names_colors_and_pixels(listed):
    _, widget, _ = listed
    shown = widget.class_list
    assert shown.visible_ids() == [0, *range(1, 60), DRAGON, STRAY]
    expected = {
        0: ("unlabeled (the model guesses, mostly gray)", "3", "#000000"),
        GRASS: ("grass", "6,144", ClassMap.pascal_context()[GRASS].color),
        SKY: ("sky", "6,071", ClassMap.pascal_context()[SKY].color),
        DRAGON: ("dragon (not known to the model)", "50", "#123456"),
        STRAY: ("77 (no class)", "20", "#ff00ff"),
        1: ("aeroplane", "", ClassMap.pascal_context()[1].color),
    }
    for label, (name, pixels, color) in expected.items():
        title, count, _ = row_of(widget, label)
        icon = title.data(Qt.ItemDataRole.DecorationRole).pixmap(14, 14).toImage()
        assert (title.data(), count.data()) == (name, pixels)
        assert icon.pixelColor(7, 7).name() == color


def test_pixels_are_counted_anew_after_an_edit_and_the_selection_stays(listed, wait):
    _, widget, labels = listed
    labels.selected_label = DRAGON
    labels.data_setitem(np.nonzero(labels.data == STRAY), SKY)
    wait(widget)
    assert widget.class_list.selected() == DRAGON
    assert row_of(widget, SKY)[1].data() == "6,091"
    assert STRAY not in widget.class_list.visible_ids()


@pytest.mark.parametrize(
    ("text", "found"), [("GRAS", [GRASS]), ("  sky ", [SKY]), ("77", [STRAY]), ("dragon", [DRAGON]), ("zebra", [])]
)
def test_search_finds_names_and_ids(listed, text, found):
    _, widget, _ = listed
    widget.class_list.search.setText(text)
    assert widget.class_list.visible_ids() == found
    widget.class_list.search.clear()
    assert len(widget.class_list.visible_ids()) == 62


def test_only_classes_in_this_image_are_shown_if_wanted(listed, wait):
    _, widget, labels = listed
    widget.class_list.only_present.setChecked(True)
    assert widget.class_list.visible_ids() == [0, GRASS, SKY, DRAGON, STRAY]
    labels.data_setitem(np.nonzero(labels.data == GRASS), 1)
    wait(widget)
    assert widget.class_list.visible_ids() == [0, 1, SKY, DRAGON, STRAY]


def test_a_click_makes_the_class_the_brush(listed):
    viewer, widget, labels = listed
    viewer.layers.selection.active = viewer.layers["photo"]
    for label in (GRASS, 0, STRAY):
        labels.mode = "pan_zoom"
        click(widget, label)
        assert (labels.selected_label, labels.mode) == (label, "paint")
        assert viewer.layers.selection.active is labels
    labels.mode = "fill"
    click(widget, SKY)
    assert (labels.selected_label, labels.mode) == (SKY, "fill")


def test_a_click_on_a_photo_without_labels_begins_a_label_map(bare, wait):
    viewer, widget = bare
    click(widget, SKY)
    wait(widget)
    labels = viewer.layers["photo labels"]
    assert not labels.data.any()
    assert (labels.selected_label, labels.mode) == (SKY, "paint")


def test_the_picker_of_napari_moves_the_selection(listed):
    _, widget, labels = listed
    for label in (GRASS, SKY, STRAY):
        labels.selected_label = label
        assert widget.class_list.selected() == label
    widget.class_list.search.setText("grass")
    labels.selected_label = SKY
    assert widget.class_list.selected() is None


def test_an_unknown_class_is_marked_and_colored_like_unlabeled(listed, wait):
    viewer, widget, labels = listed
    for label, known in ((DRAGON, False), (STRAY, False), (GRASS, True), (0, True)):
        cell = row_of(widget, label)[0]
        font, tip = cell.data(Qt.ItemDataRole.FontRole), cell.data(Qt.ItemDataRole.ToolTipRole)
        assert (font is None or not font.italic()) == known
        assert ("not know" in (tip or "")) != known
    pictures = []
    for label in (DRAGON, STRAY, 0):
        labels.data = np.full(labels.data.shape, label, np.uint8)
        wait(widget)
        pictures.append(viewer.layers["photo colors"].data.copy())
    np.testing.assert_array_equal(pictures[0], pictures[2])
    np.testing.assert_array_equal(pictures[1], pictures[2])


def test_a_new_class_gets_an_id_that_no_class_and_no_pixel_has_and_becomes_the_brush(listed, answer, wait):
    _, widget, labels = listed
    widget.controller.set_classes(ClassMap([Class(1, "aeroplane", "#111111")]))
    answer(text=" unicorn ")
    widget.class_list.add()
    added = widget.controller.classes.named("unicorn").id
    assert added not in {0, 1, DRAGON, STRAY, *np.unique(labels.data)}
    assert "not known to the model" in row_of(widget, added)[0].data()
    assert (labels.selected_label, labels.mode) == (added, "paint")
    assert widget.class_list.selected() == added
    assert labels.features["class"].tolist()[-1] == "unicorn"


@pytest.mark.parametrize("name", ["Grass", "   "])
def test_a_name_that_cannot_be_adds_no_class_and_keeps_the_brush(listed, answer, messages, name):
    _, widget, labels = listed
    labels.selected_label = SKY
    said, before = messages(widget), widget.controller.classes
    answer(text=name)
    widget.class_list.add()
    assert "name" in said[-1]
    assert widget.controller.classes == before
    assert labels.selected_label == SKY


def test_a_canceled_dialog_changes_nothing(listed, answer, messages):
    _, widget, labels = listed
    labels.selected_label = GRASS
    said, before = messages(widget), widget.controller.classes
    answer()
    shown = widget.class_list
    for ask in (shown.add, shown.rename, shown.recolor, shown.load, shown.save):
        ask()
    assert widget.controller.classes == before
    assert not said


def test_a_renamed_class_keeps_its_colors(listed, answer, wait):
    viewer, widget, labels = listed
    before = viewer.layers["photo colors"].data.copy()
    labels.selected_label = GRASS
    answer(text="lawn")
    widget.class_list.rename()
    wait(widget)
    assert row_of(widget, GRASS)[0].data() == "lawn"
    assert "lawn" in labels.get_status((90, 5), world=True)["value"]
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)
    labels.paint((60, 60), SKY)
    wait(widget)
    assert not np.array_equal(viewer.layers["photo colors"].data, before)


def test_a_recolored_class_is_shown_so_and_its_pixels_keep_their_colors(listed, answer, wait):
    viewer, widget, labels = listed
    before = viewer.layers["photo colors"].data.copy()
    labels.selected_label = GRASS
    answer(color="#010203")
    widget.class_list.recolor()
    wait(widget)
    assert widget.controller.classes[GRASS] == Class(GRASS, "grass", "#010203")
    np.testing.assert_allclose(labels.colormap.map(np.array([GRASS]))[0] * 255, (1, 2, 3, 255), atol=0.1)
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)


def test_deleting_a_class_with_pixels_tells_how_many_and_keeps_them(listed, messages, wait):
    _, widget, labels = listed
    said, before = messages(widget), labels.data.copy()
    labels.selected_label = GRASS
    widget.class_list.delete()
    wait(widget)
    assert "6,144 pixels" in said[-1]
    assert "grass" in said[-1]
    np.testing.assert_array_equal(labels.data, before)
    assert row_of(widget, GRASS)[0].data() == "36 (no class)"
    labels.selected_label = 1
    said.clear()
    widget.class_list.delete()
    assert not said
    assert 1 not in widget.class_list.visible_ids()
    assert widget.class_list.selected() == labels.selected_label == 2  # the one below
    labels.selected_label = DRAGON - 1
    widget.class_list.delete()
    assert said == ["99 is the id of no class: there is nothing to delete"]


def test_a_stray_id_is_given_a_class_by_renaming_it(listed, answer, wait):
    _, widget, labels = listed
    labels.selected_label = STRAY
    answer(text="wagon")
    widget.class_list.rename()
    wait(widget)
    assert widget.controller.classes[STRAY].name == "wagon"


@pytest.mark.parametrize("suffix", ["json", "csv", "txt"])
def test_a_class_map_is_saved_and_loaded_again(listed, answer, messages, tmp_path, suffix):
    _, widget, _ = listed
    said, before = messages(widget), widget.controller.classes
    answer(path=tmp_path / f"classes.{suffix}")
    widget.class_list.save()
    assert f"classes.{suffix}" in said[-1]
    widget.controller.set_classes(ClassMap())
    widget.class_list.load()
    loaded = widget.controller.classes
    assert [(item.id, item.name) for item in loaded] == [(item.id, item.name) for item in before]
    assert (loaded == before) == (suffix != "txt")  # which keeps no colors


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad.json", b"{"),
        ("bad.csv", b"a,b\n1,2\n"),
        ("bad.txt", b"\xff\xfe\x00"),
        ("bad.exe", b""),
        ("gone.json", None),
    ],
)
def test_a_bad_class_map_is_named_and_nothing_is_lost(listed, answer, messages, tmp_path, name, content):
    _, widget, _ = listed
    said, before = messages(widget), widget.controller.classes
    if content is not None:
        (tmp_path / name).write_bytes(content)
    answer(path=tmp_path / name)
    widget.class_list.load()
    assert len(said) == 1
    assert name in said[0]
    assert widget.controller.classes == before


def test_a_class_map_that_cannot_be_written_is_told(listed, answer, messages, tmp_path):
    _, widget, _ = listed
    said = messages(widget)
    answer(path=tmp_path / "no folder" / "classes.json")
    widget.class_list.save()
    assert "classes.json" in said[-1]
    assert "written" not in said[-1]


def test_without_a_selection_editing_says_what_to_do(bare, messages):
    _, widget = bare
    said = messages(widget)
    widget.class_list.table.clearSelection()
    for ask in (widget.class_list.rename, widget.class_list.recolor, widget.class_list.delete):
        ask()
    assert said == ["Select a class in the list first"] * 3


def test_the_highlight_is_the_brush_whatever_is_searched_and_pressed(listed, qtbot):
    _, widget, labels = listed
    shown = widget.class_list
    click(widget, GRASS)
    for text in ("s", "sk", "sky", "zebra", "", "gr", ""):
        shown.search.setText(text)
        assert labels.selected_label == GRASS
        assert shown.selected() == (GRASS if GRASS in shown.visible_ids() else None)
    shown.only_present.setChecked(True)
    QTest.keyClick(shown.table, Qt.Key.Key_Down)
    assert shown.selected() == labels.selected_label == SKY
    shown.only_present.setChecked(False)
    assert shown.selected() == labels.selected_label == SKY
    shown.search.setText("grass")
    shown.delete()
    assert GRASS in widget.controller.classes
    assert SKY in widget.controller.classes


def test_no_click_key_or_number_parts_the_highlight_from_the_brush(listed):
    _, widget, labels = listed
    shown = widget.class_list
    every = shown.visible_ids()
    click(widget, GRASS, Qt.KeyboardModifier.ControlModifier)
    click(widget, GRASS, Qt.KeyboardModifier.ControlModifier)
    assert shown.selected() == labels.selected_label == GRASS
    QTest.keyClick(shown.table, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert shown.selected() == labels.selected_label == GRASS
    for number in (200, 201, STRAY, 0, SKY):  # as napari's key "m" and its number box choose them
        labels.selected_label = number
        assert shown.selected() == number
        assert shown.visible_ids() == sorted({*every, number}, key=lambda label: (label in (STRAY, 200, 201), label))


def test_when_the_last_class_is_deleted_the_one_above_is_painted_with(listed):
    _, widget, labels = listed
    shown = widget.class_list
    widget.controller.set_classes(ClassMap([Class(GRASS, "grass", "#111111"), Class(90, "thing", "#222222")]))
    labels.data = np.zeros_like(labels.data)
    widget.controller.counts.clear()
    shown.refresh()
    for last, above in ((90, GRASS), (GRASS, 0)):
        shown.search.clear()
        click(widget, last)
        labels.mode = "fill"
        shown.delete()
        assert shown.selected() == labels.selected_label == above
        assert labels.mode == "fill"


def test_enter_takes_the_first_hit_and_arrows_move(listed):
    _, widget, labels = listed
    shown = widget.class_list
    classes = ClassMap([Class(1, "chair", "#111111"), Class(2, "red hair", "#222222"), Class(3, "hair", "#333333")])
    widget.controller.set_classes(classes)
    shown.search.setText("hair")
    assert shown.visible_ids() == [3, 2, 1]
    QTest.keyClick(shown.search, Qt.Key.Key_Return)
    assert labels.selected_label == 3
    assert shown.search.text() == ""
    shown.search.setText("hair")
    for _ in range(5):
        QTest.keyClick(shown.search, Qt.Key.Key_Down)
    assert labels.selected_label == 1
    QTest.keyClick(shown.search, Qt.Key.Key_Up)
    QTest.keyClick(shown.search, Qt.Key.Key_Return)
    assert labels.selected_label == shown.selected() == 2


def test_without_a_search_enter_changes_no_brush_and_the_arrows_go_on_from_it(listed):
    _, widget, labels = listed
    shown = widget.class_list
    click(widget, GRASS)
    for text in ("", "  "):
        shown.search.setText(text)
        QTest.keyClick(shown.search, Qt.Key.Key_Return)
        assert labels.selected_label == shown.selected() == GRASS
    every = shown.visible_ids()
    QTest.keyClick(shown.search, Qt.Key.Key_Down)
    assert labels.selected_label == shown.selected() == every[every.index(GRASS) + 1]
    QTest.keyClick(shown.search, Qt.Key.Key_Up)
    assert labels.selected_label == GRASS


def test_what_was_used_last_and_what_is_in_the_image_comes_first(listed):
    _, widget, _ = listed
    shown = widget.class_list
    shown.search.setText("s")
    first = shown.visible_ids()
    assert first[0] == SKY  # the only one that is in the image and begins so
    shown.search.clear()
    used = first[5]
    widget.controller.choose_brush(used)
    shown.search.setText("s")
    assert shown.visible_ids()[:2] == [used, SKY]


def test_a_click_gives_the_keys_back_to_the_canvas_and_nine_rows_are_seen_on_a_laptop(open_dock, photo, wait, qtbot):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    window = viewer.window._qt_window
    window.resize(1366, 768)
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=10_000)
    click(widget, SKY)
    wait(widget)
    canvas = viewer.window._qt_viewer.canvas.native
    assert QApplication.focusWidget() is canvas
    QTest.keyClick(canvas, Qt.Key.Key_4)
    assert viewer.layers["photo labels"].mode == "fill"
    table = widget.class_list.table
    widget.class_list.search.setFocus()
    QTest.keyClicks(widget.class_list.search, "grass")
    QTest.keyClick(widget.class_list.search, Qt.Key.Key_Escape)
    assert (QApplication.focusWidget(), widget.class_list.search.text()) == (canvas, "")
    in_part = QPoint(5, table.viewport().height() - 2)  # of a row that is seen in part, and jumps when it is chosen
    places = (table.verticalScrollBar(), QPoint(5, 60)), (table.viewport(), in_part)
    boxes = [(box, box.rect().center()) for box in (widget.images, widget.label_maps, widget.models)]
    for place, where in (*places, *boxes):
        QTest.mouseClick(place, Qt.MouseButton.LeftButton, pos=where)
        if place in (widget.images, widget.label_maps, widget.models):
            place.hidePopup()
        viewer.layers["photo labels"].mode = "paint"
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_4)
        assert viewer.layers["photo labels"].mode == "fill"
    seen = [
        row
        for row in range(table.model().rowCount())
        if table.viewport().rect().contains(table.visualRect(table.model().index(row, 0)).center())
    ]
    assert len(seen) > 8
    bottom = table.mapTo(widget, table.rect().bottomLeft()).y()
    assert bottom < widget.height() or napari.__version__ == "0.9.0"  # which gives docks less height
    assert window.height() <= 768
