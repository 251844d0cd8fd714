import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab

from napari_colorizer.boxes import Box
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.local_fit import RADIUS
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.engine.upsample import NEGLIGIBLE, GuidedUpsampling
from napari_colorizer.errors import ModelError
from napari_colorizer.files import read_label_map, write_label_map
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig

GRAY_BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16)
HINT = [(30, 40, 60, -60, 3)]


def lightness_of(image):
    return rgb2lab(np.stack([image] * 3, -1) if image.ndim == 2 else image)[..., 0]


@pytest.fixture(scope="module")
def pale(model):
    """A colorizer whose colors lie within the gamut, so that none is cut off."""
    torch.manual_seed(0)
    return Model("pale", model.classes, colorizer=TwoStreamUNet(model.colorizer.config), working_size=64)


@pytest.fixture(scope="module")
def paper():
    """A small network of the paper's form: without hints, the class as a gray level."""
    torch.manual_seed(0)
    config = TwoStreamUNetConfig(range(60), widths=(4, 8, 8), decoder_widths=(8, 4))
    return Model("paper", ClassMap.pascal_context(), colorizer=TwoStreamUNet(config), working_size=64)


@pytest.fixture(scope="module")
def all_ids():
    """Every one of the 59 ids, and unlabeled, in stripes of 2 pixels."""
    return np.repeat(np.arange(60, dtype=np.uint8), 2)[None].repeat(90, 0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (5000, 3), (10, 10), (130, 70), (40, 50, 3), (40, 50, 4)])
def test_any_image_is_colored_and_keeps_its_lightness(model, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rgb = model.colorize(gray, np.full(shape[:2], 7, np.uint8))
    assert rgb.shape == (*shape[:2], 3)
    assert rgb.dtype == np.uint8
    assert np.abs(lightness_of(rgb) - lightness_of(gray[..., :3] if len(shape) == 3 else gray)).max() < 0.5


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(1, 90), st.integers(1, 90))
def test_any_labels_of_any_type_are_taken(model, photo, data, height, width):
    dtype = data.draw(st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.int64, np.uint64, ">u2", ">i4"]))
    labels = data.draw(arrays(dtype, (height, width)))
    before = labels.tobytes()
    gray = photo(height, width)
    rgb = model.colorize(gray, labels)
    assert labels.tobytes() == before
    assert np.abs(lightness_of(rgb) - lightness_of(gray)).max() < 0.5


def test_a_session_gives_what_the_model_gives_after_any_edit(model, photo, all_ids):
    session = model.session(photo(90, 120))
    for labels in (None, all_ids, all_ids[::-1, ::-1], all_ids * 0 + 3, all_ids):
        assert np.array_equal(session.colorize(labels, HINT), model.colorize(photo(90, 120), labels, HINT))
        assert np.array_equal(session.colorize(labels), model.colorize(photo(90, 120), labels))


def edited(labels, edits):
    """Label maps after one edit more each."""
    for top, left, height, width, label in edits:
        labels = labels.copy()
        labels[top : top + height, left : left + width] = label
        yield labels


EDITS = st.lists(
    st.tuples(*[st.integers(0, 89)] * 2, *[st.integers(1, 40)] * 2, st.sampled_from([0, 1, 7, 59, 200])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, deadline=None)
@given(EDITS, st.sampled_from(["pale", "paper"]), st.sampled_from([33, 64, 352]), st.booleans())
def test_after_any_edits_colors_are_those_of_a_whole_pass(request, edits, name, working_size, hinted):
    model, gray = request.getfixturevalue(name), request.getfixturevalue("photo")(90, 120)
    options, hints = ColorizeOptions(working_size=working_size), HINT if hinted else None
    session = model.session(gray, options)
    session.colorize(np.full((90, 120), 3, np.uint8))
    for labels in edited(np.full((90, 120), 3, np.uint8), edits):
        whole = model.session(gray, options)
        assert np.abs(session.colorize(labels, hints).astype(int) - whole.colorize(labels, hints)).max() <= 1
        np.testing.assert_allclose(session.chroma(labels, hints), whole.chroma(labels, hints), atol=10 * NEGLIGIBLE)


OTHER_CLASSES = ClassMap([Class(3, "sky", "#0000ff"), Class(7, "nonsense", "#00ff00"), Class(59, "Grass", "#ff0000")])
SIZES = st.sampled_from([(1, 1), (3, 3), (1, 150), (70, 2), (45, 61), (33, 130)])
STEPS = st.lists(
    st.tuples(EDITS, st.booleans(), st.booleans(), st.sampled_from([np.uint8, np.int64, ">u2"])), max_size=3
)


@settings(max_examples=25, deadline=None)
@given(SIZES, STEPS, st.sampled_from([40, 352]), st.floats(0, 3))
def test_a_session_that_is_used_on_colors_as_a_new_one_does(request, shape, steps, working_size, chroma_gain):
    model = replace(request.getfixturevalue("pale"), chroma_gain=1.3, chroma_gain_unlabeled=0.4)
    gray, options = request.getfixturevalue("photo")(*shape), ColorizeOptions(working_size, chroma_gain=chroma_gain)
    session = model.session(gray, options)
    for edits, hinted, renamed, dtype in steps:
        *_, labels = edited(np.full(shape, 3, dtype), edits)
        given = labels, HINT if hinted else None, OTHER_CLASSES if renamed else None
        found, whole = session.colorize(*given), model.session(gray, options).colorize(*given)
        assert np.abs(found.astype(int) - whole).max() <= 1


@settings(max_examples=20, deadline=None)
@given(EDITS, st.floats(0, 2))
def test_what_is_painted_with_a_tolerance_stays_within_it(request, edits, tolerance):
    model, gray = request.getfixturevalue("pale"), request.getfixturevalue("photo")(90, 120)
    session = model.session(gray)
    painted = session.chroma(np.zeros((90, 120), np.uint8))
    list(session.paint())
    for labels in edited(np.zeros((90, 120), np.uint8), edits):
        session.edit(labels)
        for box in session.paint(tolerance=tolerance):
            painted[box.slices] = model.session(gray).chroma(labels)[box.slices]
        assert np.abs(painted - model.session(gray).chroma(labels)).max() <= tolerance + 4 * NEGLIGIBLE
    list(session.paint())
    assert np.abs(session.rgb.astype(int) - model.colorize(gray, labels)).max() <= 1


def test_what_is_in_view_is_painted_alone_if_asked_for(pale, photo):
    session = pale.session(photo(600, 700))
    session.edit(np.full((600, 700), 7, np.uint8))
    boxes = list(session.paint(inside=Box(300, 310, 400, 420)))
    assert sum(box.height * box.width for box in boxes) < 600 * 700 / 4
    expected = pale.colorize(photo(600, 700), np.full((600, 700), 7, np.uint8))
    assert np.abs(session.rgb[300:310, 400:420].astype(int) - expected[300:310, 400:420]).max() <= 1
    assert not session.rgb[:50, :50].any()
    list(session.paint())
    assert np.abs(session.rgb.astype(int) - expected).max() <= 1


def test_an_edit_computes_no_more_than_it_reaches(pale, photo):
    session = pale.session(photo(800, 800), ColorizeOptions(working_size=800))
    labels = np.full((800, 800), 7, np.uint8)
    session.colorize(labels)
    labels[400:404, 400:404] = 3
    session.edit(labels)
    reach = pale.colorizer.config.reach + RADIUS + 1 + session._computed.tiles.side
    for box in session.paint():
        assert box == box.within((404 + reach, 404 + reach))
        assert min(box.top, box.left) >= 400 - reach


def test_nothing_is_painted_where_nothing_has_changed(pale, photo):
    session, labels = pale.session(photo(60, 60)), np.full((60, 60), 7, np.uint8)
    session.colorize(labels, HINT)
    session.edit(labels.copy(), HINT)
    assert list(session.paint()) == []


def test_hints_and_labels_that_are_altered_in_place_are_seen(pale, photo):
    session, labels, hints = pale.session(photo(60, 60)), np.full((60, 60), 7, np.uint8), np.array(HINT, float)
    session.colorize(labels, hints)
    labels[:30], hints[0, 2] = 3, -60
    whole = pale.session(photo(60, 60)).colorize(labels, hints)
    assert np.abs(session.colorize(labels, hints).astype(int) - whole).max() <= 1


def test_after_a_failed_edit_the_picture_stays_until_the_next(pale, photo, monkeypatch):
    session, labels = pale.session(photo(60, 60)), np.full((60, 60), 7, np.uint8)
    before = session.colorize(labels)
    with monkeypatch.context() as patch:
        patch.setattr(GuidedUpsampling, "fit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            session.edit(labels * 0)
    assert session.painted
    assert list(session.paint()) == []
    assert np.array_equal(session.rgb, before)


def test_an_edit_that_fails_is_forgotten(pale, photo, monkeypatch):
    session = pale.session(photo(60, 60))
    maps = [np.full((60, 60), label, np.uint8) for label in (1, 7)]
    session.colorize(maps[0])
    with monkeypatch.context() as patch:
        patch.setattr(GuidedUpsampling, "fit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            session.colorize(maps[1])
    assert np.array_equal(session.colorize(maps[1]), pale.colorize(photo(60, 60), maps[1]))
    assert np.array_equal(session.colorize(maps[0]), pale.colorize(photo(60, 60), maps[0]))


def test_a_session_encodes_the_gray_image_once(model, photo, monkeypatch):
    calls, encode = [], TwoStreamUNet.encode_gray
    monkeypatch.setattr(TwoStreamUNet, "encode_gray", lambda self, x: calls.append(x) or encode(self, x))
    session = model.session(photo(40, 40))
    for label in range(3):
        session.colorize(np.full((40, 40), label))
    assert len(calls) == 1


def test_labels_change_the_colors(pale, photo):
    session = pale.session(photo(60, 60))
    results = [session.colorize(np.full((60, 60), label, np.uint8)) for label in (0, 7, 6)]
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[1], results[2])


def test_no_labels_are_all_zeros(model, photo):
    session = model.session(photo(60, 60))
    for zeros in (np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.int64), np.zeros((60, 60), int).tolist()):
        assert np.array_equal(session.colorize(None), session.colorize(zeros))


@pytest.mark.parametrize("label", [60, 255, 65535, 65536 + 7, 2**32 + 7, 2**62, -1, -(2**62), 7 - 65536, 7 - 256])
def test_a_label_without_a_class_counts_as_unlabeled(model, photo, label):
    session = model.session(photo(120, 120))
    labels = np.full((120, 120), 7, np.int64)
    labels[20:80, 20:80] = 0
    known = labels.copy()
    speckle = np.random.default_rng(0).random(labels.shape) < 0.5  # among classes and among unlabeled pixels
    labels[speckle], known[speckle] = label, 0
    assert np.array_equal(session.colorize(labels), session.colorize(known))
    assert not np.array_equal(session.colorize(labels), session.colorize(np.full((120, 120), 7)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint64, ">u2"])
def test_read_only_arrays_are_taken_and_left_as_they_are(model, photo, all_ids, dtype):
    gray, labels = photo(90, 120), all_ids.astype(dtype)
    gray.flags.writeable = labels.flags.writeable = False
    before = gray.tobytes(), labels.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rgb = model.colorize(gray, labels)
    assert (gray.tobytes(), labels.tobytes()) == before
    assert np.array_equal(rgb, model.colorize(gray, all_ids))


@pytest.mark.parametrize("name", ["model", "paper"])
def test_a_car_never_becomes_a_bus(request, photo, all_ids, tmp_path, name):
    """Ids that are scaled to -1..1 and rounded on every pass drift; ten passes through memory and files keep them."""
    model, path, labels = request.getfixturevalue(name), tmp_path / "a.labels.png", all_ids.copy()
    session = model.session(photo(90, 120))
    first = session.colorize(labels)
    for _ in range(10):
        assert np.array_equal(session.colorize(labels), first)
        write_label_map(path, labels, model.classes)
        labels, classes = read_label_map(path)
        assert np.array_equal(labels, all_ids)
        assert classes == model.classes


@pytest.mark.parametrize("label", range(60))
def test_a_predicted_label_keeps_its_id_through_ten_passes(model, photo, label):
    segmenter = GridNet(GridNetConfig(range(60), widths=(2, 2), columns=2))
    with torch.no_grad():
        segmenter.last[-1].weight.zero_()
        segmenter.last[-1].bias[label] = 1
    sure = Model("sure", model.classes, segmenter, model.colorizer, working_size=32)
    gray = photo(16, 16)
    rgb = None
    for _ in range(10 if label in (6, 7) else 1):
        labels = sure.segment(gray if rgb is None else rgb)
        rgb = sure.colorize(gray, labels)
        assert np.unique(labels).tolist() == [label]


@pytest.mark.parametrize("shape", [(60, 61), (61, 60), (60,), (60, 60, 1)])
def test_labels_of_another_shape_are_refused(model, photo, shape):
    with pytest.raises(ValueError, match=r"the label map has the shape \(.*\), the image \(60, 60\)"):
        model.colorize(photo(60, 60), np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool])
def test_labels_that_are_no_whole_numbers_are_refused(model, photo, dtype):
    with pytest.raises(TypeError, match="must hold whole numbers"):
        model.colorize(photo(60, 60), np.ones((60, 60), dtype))


def test_a_hint_changes_colors_around_it(pale, photo):
    gray = photo(60, 400)
    session = pale.session(gray, ColorizeOptions(working_size=400))
    before, after = session.colorize(None), session.colorize(None, HINT)
    changed = np.abs(before.astype(int) - after).max(-1)
    assert changed[25:36, 35:46].mean() > 2 * changed[:, 300:].mean()
    assert np.abs(lightness_of(after) - lightness_of(gray)).max() < 0.5


def test_hints_are_taken_as_rows_arrays_or_hints(model, photo):
    session = model.session(photo(60, 60))
    expected = session.colorize(None, HINT)
    for hints in (Hints(HINT), np.array(HINT), HINT[0:1]):
        assert np.array_equal(session.colorize(None, hints), expected)
    for nothing in ((), np.zeros((0, 5)), Hints(), [(-50, 5, 1, 1, 3)]):
        assert np.array_equal(session.colorize(None, nothing), session.colorize(None))


def test_hints_keep_to_labels_that_the_model_does_not_know(pale, photo):
    session = pale.session(photo(60, 60))
    labels = np.repeat(np.array([3001, 3002], np.uint16), 30)[:, None].repeat(60, 1)
    plain, hinted = session.chroma(labels), session.chroma(labels, [(15, 30, 60, -60, 6)])
    changed = np.abs(plain - hinted).max(-1)
    assert changed[15, 30] > 20
    assert changed[36:].max() < 0.1
    np.testing.assert_array_equal(plain, session.chroma())


def test_a_session_may_be_asked_by_several_threads(pale, photo):
    session = pale.session(photo(40, 40))
    maps = [np.full((40, 40), label, np.uint8) for label in (1, 2, 3, 4)]
    expected = [session.colorize(labels) for labels in maps]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(session.colorize, maps * 15))
    for number, rgb in enumerate(found):
        np.testing.assert_array_equal(rgb, expected[number % 4])


@pytest.mark.parametrize("name", ["pale", "paper"])
def test_a_hint_is_obeyed_where_it_lies_and_leaves_other_labels_alone(request, name, photo):
    session = request.getfixturevalue(name).session(photo(60, 60))
    labels = np.repeat(np.array([3, 7], np.uint8), 30)[:, None].repeat(60, 1)
    plain = session.chroma(labels)
    wish = plain[7:14, 27:34].mean((0, 1)) + np.array((20, -30))
    hinted = session.chroma(labels, [(10, 30, *wish, 5)])
    np.testing.assert_allclose(hinted[7:14, 27:34].mean((0, 1)), wish, atol=4)
    np.testing.assert_allclose(hinted[34:], plain[34:], atol=1e-3)


@pytest.mark.parametrize("name", ["model", "paper"])
def test_without_chroma_gain_the_gray_bytes_come_back(request, name):
    model = request.getfixturevalue(name)
    rgb = model.colorize(GRAY_BYTES, GRAY_BYTES % 60, options=ColorizeOptions(chroma_gain=0))
    assert np.array_equal(rgb, np.stack([GRAY_BYTES] * 3, -1))


def test_more_chroma_gain_gives_more_chroma(pale, photo):
    chroma = [
        np.hypot(
            *np.moveaxis(
                rgb2lab(pale.colorize(photo(40, 40), options=ColorizeOptions(chroma_gain=chroma_gain))), -1, 0
            )[1:]
        )
        for chroma_gain in (0.5, 1, 2)
    ]
    assert 0 < chroma[0].mean() < chroma[1].mean() < chroma[2].mean()


def test_a_model_s_own_chroma_gain_multiplies_that_of_the_options(pale, photo):
    twice = replace(pale, chroma_gain=2.0, chroma_gain_unlabeled=2.0)
    gray, half = photo(40, 40), ColorizeOptions(chroma_gain=0.5)
    np.testing.assert_array_equal(twice.colorize(gray), pale.colorize(gray, options=ColorizeOptions(chroma_gain=2)))
    np.testing.assert_array_equal(twice.colorize(gray, options=half), pale.colorize(gray))


def test_unlabeled_pixels_and_those_of_unknown_classes_have_a_chroma_gain_of_their_own(pale, photo):
    labels = np.repeat(np.array([7, 0, 200], np.uint8), 20)[:, None].repeat(60, 1)
    cautious = replace(pale, chroma_gain=1.5, chroma_gain_unlabeled=0.5)
    plain, found = (model.session(photo(60, 60)).chroma(labels) for model in (pale, cautious))
    np.testing.assert_allclose(found[:20], plain[:20] * 1.5, atol=4 * NEGLIGIBLE)
    np.testing.assert_allclose(found[20:], plain[20:] * 0.5, atol=4 * NEGLIGIBLE)


def test_chroma_is_what_the_colors_are_made_of(pale, photo):
    session = pale.session(photo(40, 60), ColorizeOptions(chroma_gain=0.1))  # within the gamut
    labels = np.full((40, 60), 7, np.uint8)
    chroma = session.chroma(labels)
    assert chroma.shape == (40, 60, 2)
    assert chroma.dtype == np.float32
    assert np.abs(rgb2lab(session.colorize(labels))[..., 1:] - chroma).mean() < 0.5
    assert np.abs(chroma).mean() > 1


@pytest.mark.parametrize("chroma_gain", [0, 0.5, 1.5])
def test_a_hint_comes_out_as_wished_however_vivid_the_colors_are(pale, photo, chroma_gain):
    session = pale.session(photo(40, 60), ColorizeOptions(chroma_gain=chroma_gain))
    found = session.chroma(None, [(20, 20, 40, -30, 6)])
    np.testing.assert_allclose(found[17:24, 17:24].mean((0, 1)), (40, -30), atol=4)


@pytest.mark.parametrize(("value", "byte"), [(0.0, 0), (1.0, 255), (np.nan, 0)])
def test_black_stays_black_and_white_stays_white(model, value, byte):
    rgb = model.colorize(np.full((40, 50), value), np.full((40, 50), 7))
    assert (rgb == byte).all()


def test_single_values_that_are_no_numbers_are_black(model, photo):
    gray = photo(40, 50) / 255
    gray[5, 5] = np.nan
    rgb = model.colorize(gray)
    assert rgb[5, 5].tolist() == [0, 0, 0]
    assert np.abs(lightness_of(rgb) - lightness_of(np.nan_to_num(gray))).max() < 0.5


def test_limits_say_which_values_are_black_and_white(model, photo):
    gray = photo(40, 50)
    assert np.array_equal(model.colorize(gray * 10.0 - 7, limits=(-7, 2543)), model.colorize(gray))


def test_the_working_size_is_the_model_s_unless_chosen(model, photo):
    gray = photo(90, 120)
    chosen = [model.colorize(gray, options=ColorizeOptions(working_size=size)) for size in (64, 120)]
    assert np.array_equal(model.colorize(gray), chosen[0])
    assert not np.array_equal(chosen[0], chosen[1])


def test_coloring_needs_no_gradients(model, photo):
    network = model.colorizer.requires_grad_(True)
    try:
        model.colorize(photo(20, 20))
        assert all(weight.grad is None for weight in network.parameters())
    finally:
        network.requires_grad_(False)


def test_a_model_without_a_colorizer_says_so(model, photo):
    labeler = Model("labeler", model.classes, segmenter=model.segmenter)
    with pytest.raises(ModelError, match="'labeler' has no colorizer"):
        labeler.session(photo(8, 8))


def test_pixels_are_counted_by_the_ids_that_the_user_gave_them(pale, photo):
    session, labels = pale.session(photo(40, 50)), np.zeros((40, 50), np.int64)
    assert session.counts == {}
    labels[:3], labels[3, :2], labels[4, 0] = 7, -1, 2**40
    session.edit(labels)
    assert session.counts == {0: 2000 - 153, 7: 150, -1: 2, 2**40: 1}
    labels[:2] = 0
    session.edit(labels)
    assert session.counts == {0: 2000 - 53, 7: 50, -1: 2, 2**40: 1}


def test_colors_are_painted_into_another_array_if_asked_for(pale, photo):
    session, labels = pale.session(photo(90, 120)), np.full((90, 120), 7, np.uint8)
    out = np.zeros((90, 120, 3), np.uint8)
    session.edit(labels)
    list(session.paint(out=out))
    assert not session.left(out)
    assert not session.painted, "its own array is black"
    assert np.array_equal(session.colorize(labels), out)
    assert session.painted
    assert session.left(out), "what became of it meanwhile is not known"


def test_while_another_array_is_painted_no_tile_of_it_is_passed_over(pale, photo):
    session, labels = pale.session(photo(600, 700)), np.full((600, 700), 7, np.uint8)
    session.edit(labels)
    boxes, out = session.paint(), np.zeros((600, 700, 3), np.uint8)
    next(boxes)
    next(session.paint(out=out))
    list(boxes)  # the one that was begun goes on
    list(session.paint(out=out))
    assert np.array_equal(out, session.rgb)


@pytest.mark.parametrize("out", [np.zeros((90, 121, 3), np.uint8), np.zeros((90, 120, 3), np.float32)])
def test_an_array_that_cannot_take_the_colors_is_refused(pale, photo, out):
    session = pale.session(photo(90, 120))
    with pytest.raises(ValueError, match="out must be an array of uint8"):
        next(session.paint(out=out))


def test_colors_can_be_others_than_those_of_the_network(tiny_model, photo):
    session = tiny_model.session(photo(60, 80), ColorizeOptions(working_size=40))
    own = session.colorize()
    light, chroma = session.at_working_size()
    assert light.shape == (30, 40)
    assert chroma.shape == (2, 30, 40)
    session.recolor(np.zeros_like(chroma))
    list(session.paint())
    assert (session.rgb == session.rgb[..., :1]).all()
    session.recolor(chroma)
    list(session.paint())
    assert np.abs(session.rgb.astype(int) - own).max() <= 1
    with pytest.raises(ValueError, match=r"\(2, 30, 40\)"):
        session.recolor(chroma[:, 1:])
