"""A GPU gives what the CPU gives. With ``--gpu cpu`` these tests can be rehearsed where there is none."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_colorizer import load_model
from napari_colorizer.batches.recipe import Given, Recipe
from napari_colorizer.boxes import Box
from napari_colorizer.checksums import checksum
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.gpu_labels import GpuLabelChanges
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.models.library import find_model

ON_CPU = ColorizeOptions(device="cpu")
HINTS = [(60, 40, 30, 20, 6), (200, 100, 0, 0, 4)]
MEMORY = 64 << 20  # bytes: for the weights, and little else


@pytest.fixture(scope="module")
def bundled():
    return load_model()


@pytest.fixture(scope="module")
def gray():
    return data.camera()[::2, ::2].copy()


@pytest.fixture(scope="module")
def labels(bundled, gray):
    return bundled.segment(gray, SegmentOptions(device="cpu"))


def steps_between(rgb, other):
    """The largest difference, in 8-bit levels."""
    return np.abs(rgb.astype(int) - other).max()


def test_it_finds_the_labels_that_the_cpu_finds(gpu, bundled, gray, labels):
    found = bundled.segment(gray, SegmentOptions(device=str(gpu)))
    assert (found == labels).mean() > 0.995  # what is on the edge of two classes may fall to either


@pytest.mark.parametrize("hints", [None, HINTS], ids=["labels", "labels and hints"])
def test_its_colors_are_those_of_the_cpu(gpu, bundled, gray, labels, hints):
    on_gpu = bundled.session(gray, ColorizeOptions(device=str(gpu)))
    assert on_gpu.device.type == gpu.type
    on_cpu = bundled.session(gray, ON_CPU)
    assert steps_between(on_gpu.colorize(), on_cpu.colorize()) <= 1
    assert steps_between(on_gpu.colorize(labels, hints), on_cpu.colorize(labels, hints)) <= 1


def test_several_images_at_once_have_the_colors_that_the_cpu_gives_each(gpu, bundled, gray):
    images = [gray, gray[::-1].copy(), gray[:, :100].copy()]
    recipes = [
        Recipe("default", checksum(find_model("default")), SegmentOptions(device=name), ColorizeOptions(device=name))
        for name in (str(gpu), "cpu")
    ]
    maps = [bundled.segment(image, SegmentOptions(device="cpu")) for image in images]
    together = recipes[0].make_together([Given(*both) for both in zip(images, maps, strict=True)])
    for image, labels, (rgb, _) in zip(images, maps, together, strict=True):
        assert steps_between(rgb, recipes[1].make(image, labels)[0]) <= 1


def test_an_edit_gives_the_colors_of_a_new_session(gpu, bundled, gray, labels):
    options, edited = ColorizeOptions(device=str(gpu)), labels.copy()
    session = bundled.session(gray, options)
    session.colorize(labels)
    edited[150:180, 60:90] = bundled.classes.named("water").id
    rgb = session.colorize(edited)
    assert steps_between(rgb, bundled.colorize(gray, edited, options=options)) <= 1
    assert steps_between(rgb, bundled.colorize(gray, edited, options=ON_CPU)) <= 1


def test_half_precision_hardly_changes_a_color(gpu, bundled, gray, labels):
    expected = bundled.colorize(gray, labels, options=ON_CPU)
    with torch.autocast(gpu.type, torch.float16):
        rgb = bundled.colorize(gray, labels, options=ColorizeOptions(device=str(gpu)))
    assert 0 < deltaE_ciede2000(rgb2lab(rgb), rgb2lab(expected)).mean() <= 0.5


@pytest.fixture
def little_memory(gpu):
    """A GPU that gives no more than some memory to this process."""
    if gpu.type != "cuda":
        pytest.skip("the memory of a CPU is not limited")
    torch.cuda.empty_cache()
    wanted = torch.cuda.memory_allocated(gpu) + MEMORY
    torch.cuda.set_per_process_memory_fraction(wanted / torch.cuda.get_device_properties(gpu).total_memory, gpu)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, gpu)


def test_what_its_memory_does_not_hold_is_colored_on_the_cpu(gpu, bundled, little_memory):
    gray = np.tile(data.camera(), (8, 8))
    with pytest.warns(UserWarning, match="too little free memory"):
        rgb = bundled.colorize(gray, options=ColorizeOptions(device=str(gpu)))
    assert np.array_equal(rgb, bundled.colorize(gray, options=ON_CPU))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_whole_label_maps_are_followed_as_on_the_cpu(gpu, bundled, dtype):
    gray, rng = np.tile(data.camera(), (2, 3)), np.random.default_rng(0)
    on_gpu, on_cpu = (bundled.session(gray, ColorizeOptions(device=str(device))) for device in (gpu, "cpu"))
    ids = np.array([0, 1, 5, 9, 54, 200], dtype)
    for scale in (1, 3, 40):  # each pixel its own: most votes are tied
        blocks = ids[rng.integers(0, len(ids), (-(-1024 // scale), -(-1536 // scale)))]
        labels = np.kron(blocks, np.ones((scale, scale), dtype))[:1024, :1536]
        assert steps_between(on_gpu.colorize(labels), on_cpu.colorize(labels)) <= 1
        assert on_gpu.counts == on_cpu.counts
        labels[300:340, 500:900] = 9
        assert steps_between(on_gpu.colorize(labels), on_cpu.colorize(labels)) <= 1


@pytest.mark.parametrize("working_size", [40, 352])
def test_votes_are_those_of_the_cpu(gpu, working_size):
    frame = Frame.fit((700, 911), working_size, 16)
    labels = np.random.default_rng(0).choice(np.array([0, 3, 7, 300, 65_535], np.uint16), (700, 911))
    found, expected = GpuLabelChanges(gpu), LabelChanges()
    for changes in (found, expected):
        changes.update(labels)
    for known in (None, {3: 7, 7: 3, 300: 1}):
        for one, other in zip(*(c.read(frame, Box.of(frame.working), known) for c in (found, expected)), strict=True):
            assert torch.equal(one.cpu(), other)
