import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Image, Labels

from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.wished import Region
from napari_colorizer.engine.pins import Pin
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.store import KEY

SKY, GRASS = 50, 36  # of the bundled model
ZARR_WARNING = "zarr.errors.ZarrUserWarning" if hasattr(zarr.errors, "ZarrUserWarning") else "UserWarning"


@pytest.fixture
def wait_all(qtbot, wait):
    """Wait for the series too."""

    def until_idle(widget):
        qtbot.waitUntil(lambda: widget.series.tasks.idle, timeout=60_000)
        return wait(widget)

    return until_idle


@pytest.fixture
def slices():
    """A window of 48 x 64 that moves over a texture."""
    rng = np.random.default_rng(0)
    large = np.kron(rng.integers(40, 220, (20, 30), dtype=np.uint8), np.ones((4, 4), np.uint8))
    return np.stack([large[4 + step : 52 + step, 8 + step : 72 + step] for step in range(3)])


@pytest.fixture
def half():
    labels = np.full((48, 64), SKY, np.uint8)
    labels[24:] = GRASS
    return labels


@pytest.fixture
def labeled(bare_dock, slices, half, wait):
    """A series with labels on its first slice."""
    viewer, widget = bare_dock(Image(slices, name="film"))
    widget.controller.new_labels()
    labels = widget.controller.labels
    labels.data[0] = half
    labels.events.data()
    return viewer, wait(widget), labels


def colors_of(viewer):
    return viewer.layers["film colors (all)"]


def test_the_colors_of_all_slices_go_with_their_image(bare_dock, slices, wait_all):
    viewer, widget = bare_dock(Image(slices, name="film"))
    widget.series_bar.color_button.click()
    wait_all(widget)
    viewer.layers["film"].translate = 0, 5, 40
    viewer.layers["film"].scale = 3, 2, 2
    wait_all(widget)
    assert tuple(colors_of(viewer).translate) == (0, 5, 40)
    assert tuple(colors_of(viewer).scale) == (3, 2, 2)


def test_the_bar_is_there_for_series_alone(bare_dock, slices):
    viewer, widget = bare_dock(Image(slices[0], name="photo"), Image(slices, name="film"))
    for name, offered in (("photo", False), ("film", True)):
        widget.controller.choose_image(viewer.layers[name])
        assert widget.series_bar.isHidden() is not offered


@pytest.mark.parametrize("kind", ["memory", "dask", "zarr", "levels", "rgb", "deep"])
def test_every_kind_of_series_is_colored(bare_dock, slices, wait_all, kind):
    rgb, levels, given = kind == "rgb", kind == "levels", slices
    if kind == "dask":
        given = da.from_array(slices, chunks=(1, 48, 64))
    elif kind == "zarr":
        given = zarr.array(slices, chunks=(1, 48, 64))
    elif kind == "levels":
        given = [slices, slices[:, ::2, ::2]]
    elif rgb:
        given = np.stack([slices] * 3, -1)
    elif kind == "deep":
        given = slices[:, None]
    viewer, widget = bare_dock(Image(given, name="film", rgb=rgb, multiscale=levels, contrast_limits=(0, 255)))
    widget.series_bar.color_button.click()
    wait_all(widget)
    colors = colors_of(viewer)
    assert not isinstance(colors.data, np.ndarray)
    assert colors.data.shape == (*slices.shape[:1], *((1,) if kind == "deep" else ()), 48, 64, 3)
    model, found = load(widget.controller.model.name), np.asarray(colors.data).reshape(3, 48, 64, 3)
    one_by_one = SeriesColorizer(model, confidence=widget.prediction.threshold)
    for number in range(3):
        pixels = np.stack([slices[number]] * 3, -1) if rgb else slices[number]
        np.testing.assert_array_equal(found[number], one_by_one.color(pixels).rgb)


def test_slices_that_are_labeled_are_key_frames(labeled, half, wait_all):
    _, widget, labels = labeled
    before = labels.data.copy()
    widget.series.color_all()
    wait_all(widget)
    np.testing.assert_array_equal(widget.series.store.labels((0,)), half)
    np.testing.assert_array_equal(labels.data, before)
    assert (widget.series.store.labels((1,))[:20, :40] == SKY).mean() > 0.8


def test_after_a_correction_only_what_follows_is_colored(labeled, half, wait_all, messages):
    viewer, widget, labels = labeled
    said = messages(widget)
    widget.series.color_all()
    wait_all(widget)
    first = np.array(colors_of(viewer).data[0])
    labels.data_setitem(np.nonzero(np.broadcast_to(np.arange(3)[:, None, None] == 1, labels.data.shape)), GRASS)
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert "2 of them just now" in said[-1]
    np.testing.assert_array_equal(colors_of(viewer).data[0], first)
    assert (widget.series.store.labels((1,)) == GRASS).all()


def test_a_first_label_map_colors_only_what_follows(bare_dock, slices, half, wait_all, messages):
    viewer, widget = bare_dock(Image(slices, name="film"))
    said = messages(widget)
    widget.series.color_all()
    wait_all(widget)
    widget.controller.new_labels()
    widget.controller.labels.data_setitem((np.full(9, 2), np.arange(9), np.arange(9)), GRASS)
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert "1 of them just now" in said[-1]
    assert viewer.layers.index(colors_of(viewer)) > viewer.layers.index(viewer.layers["film"])


def test_a_folder_keeps_the_colors_and_is_resumed(labeled, wait_all, messages, tmp_path):
    _, widget, _ = labeled
    said = messages(widget)
    widget.series.folder = tmp_path / "kept"
    widget.series.color_all()
    wait_all(widget)
    assert f"3 of them just now. They are kept in {tmp_path / 'kept' / 'film.color.zarr'}" in said[-1]
    widget.series.color_all()
    wait_all(widget)
    assert "0 of them just now" in said[-1]


def test_the_colors_of_another_film_of_that_name_stay(labeled, wait_all, messages, tmp_path):
    viewer, widget, _ = labeled
    said = messages(widget)
    widget.series.folder = tmp_path
    widget.series.color_all()
    wait_all(widget)
    kept = np.asarray(colors_of(viewer).data)
    viewer.layers.clear()
    viewer.add_image(255 - np.asarray(widget.series.store.colors)[..., 0], name="film")
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert "another series: choose another folder" in said[-1]
    assert "film colors (all)" not in viewer.layers
    np.testing.assert_array_equal(np.asarray(widget.series.store.colors), kept)


def test_a_folder_of_something_else_is_refused(labeled, wait_all, messages, tmp_path):
    viewer, widget, _ = labeled
    said = messages(widget)
    (tmp_path / "film.color.zarr").mkdir()
    (tmp_path / "film.color.zarr" / "mine.txt").write_text("mine")
    widget.series.folder = tmp_path
    widget.series.color_all()
    wait_all(widget)
    assert "choose an empty folder" in said[-1]
    assert "film colors (all)" not in viewer.layers


def test_a_folder_that_a_former_version_has_filled_stays_as_it_is(labeled, wait_all, messages, tmp_path):
    _, widget, _ = labeled
    said = messages(widget)
    zarr.open_group(tmp_path / "kept", mode="a", zarr_format=3).attrs[KEY] = {"format": 1, "shape": [3, 48, 64]}
    widget.series.folder = tmp_path / "kept"
    widget.series.color_all()
    wait_all(widget)
    assert "another version of this program, and is not changed" in said[-1]
    assert [item.name for item in (tmp_path / "kept").iterdir()] == ["zarr.json"]


def test_what_is_cancelled_is_kept(labeled, wait_all, messages, monkeypatch):
    _, widget, _ = labeled
    said, color = messages(widget), SeriesColorizer.color

    def cancelling(self, *arguments):
        found = color(self, *arguments)
        widget.series.tasks.progress.cancelled = True
        return found

    monkeypatch.setattr(SeriesColorizer, "color", cancelling)
    widget.series.color_all()
    wait_all(widget)
    assert widget.series.store.done == 1
    monkeypatch.setattr(SeriesColorizer, "color", color)
    widget.series.color_all()
    wait_all(widget)
    assert "2 of them just now" in said[-1]


def test_labels_are_carried_to_the_next_slice_and_taken_back(labeled, half, wait_all):
    viewer, widget, labels = labeled
    viewer.dims.set_point(0, 0)
    wait_all(widget)
    widget.series_bar.carry_button.click()
    wait_all(widget)
    assert viewer.dims.current_step[0] == 1
    assert (labels.data[1][:20, :40] == SKY).mean() > 0.8
    np.testing.assert_array_equal(labels.data[0], half)
    labels.undo()
    assert not labels.data[1].any()


def test_carried_labels_are_carried_anew_but_corrected_ones_stay(labeled, half, wait_all, messages):
    viewer, widget, labels = labeled
    said = messages(widget)
    for again in range(3):
        viewer.dims.set_point(0, 0)
        wait_all(widget)
        if again == 2:
            labels.data_setitem((np.array([1]), np.array([5]), np.array([5])), GRASS)
            wait_all(widget)
        kept = labels.data[1].copy()
        widget.series.forward.carry()
        wait_all(widget)
        assert viewer.dims.current_step[0] == (0 if again == 2 else 1)
    np.testing.assert_array_equal(labels.data[1], kept)
    assert "Slice 1 has labels or dots of its own" in said[-1]


def test_what_cannot_be_carried_says_so(labeled, wait_all, messages):
    viewer, widget, labels = labeled
    said = messages(widget)
    for step, words in ((1, "neither labels nor dots"), (2, "last slice")):
        labels.data[2] = SKY
        viewer.dims.set_point(0, step)
        widget.series.forward.carry()
        wait_all(widget)
        assert words in said[-1]


@pytest.fixture
def dotted(labeled, wait_all):
    """The same with a dot and a pinned region on the first slice, which is shown."""
    viewer, widget, _ = labeled
    viewer.dims.set_point(0, 0)
    widget.color_tools.dots_button.click()
    viewer.layers["Dots"].add((0, 30, 40))
    widget.color_tools.pins.pin(Region((0,), (8, 30)), Pin((5.0, -30.0)))
    wait_all(widget)
    return viewer, widget, viewer.layers["Dots"]


def test_dots_and_pinned_regions_are_carried_to_the_next_slice_and_taken_back(dotted, wait_all):
    viewer, widget, dots = dotted
    widget.series_bar.carry_button.click()
    wait_all(widget)
    assert viewer.dims.current_step[0] == 1
    np.testing.assert_allclose(dots.data, [[0, 30, 40], [1, 29, 39]], atol=0.7)
    (_, pin), (region, carried) = widget.controller.wishes.now.regions
    assert (region.plane, carried) == ((1,), pin)
    assert np.abs(np.subtract(region.pixel, (7, 29))).max() <= 1
    widget.color_tools.undo_button.click()
    assert dots.data.tolist() == [[0, 30, 40]]
    assert len(widget.controller.wishes.now.regions) == 1
    wait_all(widget)


def test_carried_dots_are_carried_anew_but_those_of_the_user_stay(dotted, wait_all, messages):
    viewer, widget, dots = dotted
    said = messages(widget)
    for again in range(3):
        viewer.dims.set_point(0, 0)
        wait_all(widget)
        if again == 1:
            dots.data = np.array([[0, 20, 20], *dots.data[1:]])
        if again == 2:
            dots.data = np.array([[0, 20, 20], [1, 40, 40]])
            widget.controller.labels.data_setitem((np.array([1]), np.array([5]), np.array([5])), GRASS)
        wait_all(widget)
        widget.series.forward.carry()
        wait_all(widget)
        if again == 1:
            np.testing.assert_allclose(dots.data, [[0, 20, 20], [1, 19, 19]], atol=0.7)
    assert dots.data.tolist() == [[0, 20, 20], [1, 40, 40]]
    assert not [text for text in said if "dots of its own" in text]  # the region was carried anew
    assert viewer.dims.current_step[0] == 1


@pytest.fixture
def carried_on(dotted, wait_all):
    """The same carried to the second and to the third slice, which is shown."""
    for step in range(2):
        dotted[0].dims.set_point(0, step)
        wait_all(dotted[1])
        dotted[1].series.forward.carry()
        wait_all(dotted[1])
    return dotted


def dots_of_each(widget):
    """How many dots, and pinned regions, each slice of the store was colored by."""
    slices = [widget.series.store.read((number,)).wishes for number in range(3)]
    return [len(item.hints) for item in slices], [len(item.regions) for item in slices]


def test_a_carried_dot_that_is_deleted_is_gone_from_there_on(carried_on, wait_all):
    viewer, widget, dots = carried_on
    assert dots.data[:, 0].tolist() == [0, 1, 2]
    dots.remove([1])
    assert dots.data[:, 0].tolist() == [0]
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert dots_of_each(widget) == ([1, 0, 0], [1, 1, 1])
    viewer.dims.set_point(0, 0)
    wait_all(widget)
    widget.series.forward.carry()  # the regions go on, what was deleted stays so
    wait_all(widget)
    assert dots.data[:, 0].tolist() == [0]


def test_the_deletion_of_a_carried_dot_is_one_step_back(carried_on, messages, wait_all):
    _, widget, dots = carried_on
    said, before = messages(widget), dots.data.tolist()
    widget.series.color_all()
    wait_all(widget)
    dots.remove([1])
    widget.color_tools.undo_button.click()
    assert dots.data.tolist() == before
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert "0 of them just now" in said[-1]


def test_a_carry_that_was_taken_back_is_no_deletion(dotted, wait_all):
    _, widget, dots = dotted
    widget.series.forward.carry()
    wait_all(widget)
    widget.color_tools.undo_button.click()
    assert dots.data[:, 0].tolist() == [0]
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert dots_of_each(widget) == ([1, 1, 1], [1, 1, 1])


def test_a_new_dot_after_a_deleted_one_holds_on(carried_on, wait_all):
    _, widget, dots = carried_on
    dots.remove([1])
    dots.add((1, 20, 20))
    wait_all(widget)
    widget.series.color_all()
    wait_all(widget)
    assert dots_of_each(widget)[0] == [1, 1, 1]
    np.testing.assert_allclose(widget.series.store.read((2,)).wishes.hints.rows[0, :2], (19, 19), atol=1)


def test_a_carried_region_that_is_unpinned_is_gone_from_there_on(carried_on, wait_all):
    _, widget, _ = carried_on
    region = widget.controller.wishes.now.regions[1][0]
    assert region.plane == (1,)
    widget.color_tools.pins.pin(region, None)
    wait_all(widget)
    assert [item.plane for item, _ in widget.controller.wishes.now.regions] == [(0,)]
    widget.series.color_all()
    wait_all(widget)
    assert dots_of_each(widget) == ([1, 1, 1], [1, 0, 0])


def test_dots_alone_are_carried_too(bare_dock, slices, wait_all):
    viewer, widget = bare_dock(Image(slices, name="film"))
    viewer.dims.set_point(0, 1)
    widget.color_tools.dots_button.click()
    viewer.layers["Dots"].add((1, 30, 40))
    wait_all(widget)
    widget.series.forward.carry()
    wait_all(widget)
    np.testing.assert_allclose(viewer.layers["Dots"].data, [[1, 30, 40], [2, 29, 39]], atol=0.7)
    assert widget.controller.labels is None


def test_all_slices_are_colored_by_dots_pins_and_adjustment(dotted, half, wait_all):
    viewer, widget, _ = dotted
    widget.color_tools.pins.pin(GRASS, Pin((40.0, 20.0)))
    widget.controller.set_adjustment(saturation=1.5)
    widget.series.color_all()
    wait_all(widget)
    asking = widget.controller.wishes.now.asking((0,), (48, 64), widget.controller.adjustment)
    model = load(widget.controller.model.name)
    wanted = model.session(viewer.layers["film"].data[0]).colorize(
        half, asking.hints, widget.controller.classes, pins=asking.pins, adjustment=asking.adjustment
    )
    np.testing.assert_array_equal(colors_of(viewer).data[0], wanted)
    np.testing.assert_array_equal(widget.controller.colors.data, wanted)  # the slice that is looked at
    np.testing.assert_allclose(widget.series.store.read((2,)).wishes.hints.rows[0, :2], (28, 38), atol=1)


def test_a_pin_is_seen_at_once_on_every_slice(labeled, wait_all):
    viewer, widget, _ = labeled
    widget.series.color_all()
    wait_all(widget)
    shown = []
    for pin in (None, Pin((40.0, 20.0)), None):
        widget.color_tools.pins.pin(GRASS, pin)
        for step in (0, 2):
            viewer.dims.set_point(0, step)
            wait_all(widget)
            shown.append(widget.controller.colors.visible)
    assert shown == [False, False, True, True, False, False]


@pytest.mark.filterwarnings(f"error::{ZARR_WARNING}")
@pytest.mark.parametrize("scale", [1, 12])  # 48 x 64, and 576 x 768, which has a pyramid
def test_the_store_is_opened_by_napari_as_colors(open_dock, slices, wait_all, tmp_path, scale):
    large = np.kron(slices, np.ones((1, scale, scale), np.uint8))
    viewer, widget = open_dock(Image(large, name="film", scale=(3, 2, 2)))
    widget.series.folder = tmp_path
    widget.series.color_all()
    wait_all(widget)
    path = tmp_path / "film.color.zarr"
    ome = zarr.open_group(path, mode="r").attrs["ome"]["multiscales"][0]
    assert ome["datasets"][0]["coordinateTransformations"][0]["scale"] == [3, 1, 2, 2]
    (opened,) = viewer.open(path, plugin="napari-colorizer")
    assert (opened.rgb, opened.ndim, opened.scale.tolist()) == (True, 3, [3, 2, 2])
    finest = opened.data[0] if opened.multiscale else opened.data
    np.testing.assert_array_equal(finest, colors_of(viewer).data)


def test_an_edit_is_seen_at_once_over_the_colors_of_all(labeled, wait_all):
    viewer, widget, labels = labeled
    viewer.dims.set_point(0, 0)
    widget.series.color_all()
    wait_all(widget)
    alone = widget.controller.colors
    assert not alone.visible
    labels.data_setitem((np.zeros(9, int), np.arange(9), np.arange(9)), GRASS)
    wait_all(widget)
    assert alone.visible
    viewer.dims.set_point(0, 1)
    wait_all(widget)
    assert not alone.visible


def test_all_is_colored_in_a_window(open_dock, slices, wait_all):
    viewer, widget = open_dock(Image(slices, name="film"), Labels(np.zeros(slices.shape, np.uint8), name="film labels"))
    widget.series_bar.color_button.click()
    wait_all(widget)
    viewer.dims.set_point(0, 2)
    wait_all(widget)
    widget.series.look()
    assert np.asarray(colors_of(viewer).data[2]).any()
    assert colors_of(viewer) not in widget.image_choices()
