import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter

# Before NumPy is loaded, in programs under test and in the workers of pytest-xdist, which inherit it: matrices are too
# small for threads to help, and threads of several processes wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.cli import app
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.compiled import load_compiled
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig

load_compiled().join()  # colors that are painted before and after it is there may differ by one level
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; programs under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = (  # files that `make test` begins with, so that no worker is left with one of them at the end
    "test_workers.py",
    "test_cli_train.py",
    "test_videos.py",
    "test_interrupted.py",
    "test_cli_evaluate.py",
    "test_end_to_end.py",
    "test_cli.py",
    "test_fit.py",
    "test_fill_tool.py",
    "test_autosave.py",
    "test_window.py",
    "test_cli_bench.py",
    "test_default.py",
    "test_demo.py",
    "test_interpreter_end.py",
)
TINY_IDS = (0, 1, 2, 7)
SKY, GRASS = 1, 2
SKY_COLOR, GRASS_COLOR = (120, 170, 230), (60, 130, 40)


def pytest_addoption(parser):
    parser.addoption("--gpu", default="cuda", help="What tests compare with the CPU; 'cpu' itself: a rehearsal.")


def pytest_itemcollected(item):
    if "gpu" in item.fixturenames:
        item.add_marker("gpu")


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # of one of several workers
        counts, last = Counter(item.path for item in items), len(LONG)
        places = {path: LONG.index(path.name) if path.name in LONG else last for path in counts}
        items.sort(key=lambda item: (places[item.path], -counts[item.path]))


def pytest_collection_finish():
    """Keep the garbage collector from walking, in each test, through all that was imported."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Let PyTorch compute with one thread: images are small. numba sets its number anew when napari draws labels."""
    torch.set_num_threads(1)


@pytest.fixture
def gpu(request):
    """The device that is compared with the CPU."""
    device = torch.device(request.config.getoption("--gpu"))
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return device


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "library"
    monkeypatch.setenv("NAPARI_COLORIZER_MODELS", str(folder))
    return folder


@pytest.fixture
def run(monkeypatch):
    """Run the command line; whatever happens, nobody is shown a traceback."""
    monkeypatch.setenv("COLUMNS", "400")  # so that no line is broken

    def call(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert "Traceback" not in result.output
        return result

    return call


# What a forked process does: it is the command line, in the test's environment and at the ends of the test's pipes.
COMMAND_LINE = """
import os, sys
os.environ.clear()
os.environ.update(environment)
for number, end in enumerate(ends):
    os.dup2(end.fileno(), number)
sys.argv, sys.stdin = ["napari-colorizer", *arguments], open(0)
from napari_colorizer.cli import main
main()
"""
LOADED = ("cli", "batches.run", "training.fit", "engine.fit_kernel", "engine.paint_kernel")  # before any is forked


class Forked:
    """The part of `subprocess.Popen` that tests use, of a process forked from one that has loaded all there is."""

    def __init__(self, context, arguments):
        (stdin, to), (out, stdout), (err, stderr) = (context.Pipe(duplex=False) for _ in range(3))
        given = {"arguments": arguments, "ends": (stdin, stdout, stderr), "environment": dict(os.environ)}
        self._process = context.Process(target=exec, args=(COMMAND_LINE, given))
        self._process.start()
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(os.dup(end.fileno()), mode) for end, mode in zip((to, out, err), "wrr", strict=True)
        )
        for end in (stdin, to, out, stdout, err, stderr):
            end.close()
        self.pid, self.kill = self._process.pid, self._process.kill

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        self._process.join(timeout)
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def communicate(self, timeout=None):
        told = self.stdout.read(), self.stderr.read()
        self.wait(timeout)
        return told


@pytest.fixture
def start():
    """Start the command line in a process of its own: a forked one, or (not quick) one that a shell would start."""
    processes = []
    context = None if sys.platform == "win32" else multiprocessing.get_context("forkserver")  # Windows cannot fork

    def started(*arguments, quick=True):
        arguments = [str(argument) for argument in arguments]
        if quick and context:
            context.set_forkserver_preload([f"napari_colorizer.{name}" for name in LOADED])
            processes.append(Forked(context, arguments))
        else:
            command = [sys.executable, "-m", "napari_colorizer", *arguments]
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            processes.append(subprocess.Popen(command, **pipes, text=True))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


@pytest.fixture
def model_file(tmp_path, tiny_model):
    """A small model, as a file outside of the library."""
    path = tmp_path / "tiny.safetensors"
    tiny_model.save(path)
    return path


@pytest.fixture
def make_model():
    return build_tiny_model


@pytest.fixture
def tiny_model():
    return build_tiny_model()


def build_tiny_model(name="tiny", segmenter=True, colorizer=True, seed=0, **facts):
    torch.manual_seed(seed)
    unet = TwoStreamUNetConfig(TINY_IDS, (4, 8), (8,), slope=0.1, embedding=4, stem=4, final_activation=False)
    classes = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50"), Class(7, "boat", "#b22222")])
    return Model(
        name,
        classes,
        segmenter=_with_statistics(GridNet(GridNetConfig(TINY_IDS, (4, 8), columns=2))) if segmenter else None,
        colorizer=TwoStreamUNet(unet) if colorizer else None,
        **facts,
    )


def _with_statistics(network):
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.1)
            layer.running_var.uniform_(0.5, 2)
            layer.num_batches_tracked.fill_(3)
    return network


def make_photo(index=0, size=(96, 120), source="made", gray=False):
    """Green ground below, blue sky above; the label map says so."""
    rng = np.random.default_rng(index)
    labels = np.full(size, SKY, np.uint8)
    labels[size[0] // 2 - 8 + 4 * (index % 5) :] = GRASS
    rgb = np.where(labels[..., None] == GRASS, GRASS_COLOR, SKY_COLOR) + rng.integers(-10, 10, (*size, 3))
    rgb = rgb.astype(np.uint8)
    if gray:
        rgb = rgb[..., :1].repeat(3, -1)
    return Photo(f"{source}-{index}", rgb, labels, source, gray=gray)


@pytest.fixture
def photos():
    return [make_photo(index) for index in range(4)]


@pytest.fixture
def classes():
    return ClassMap([Class(SKY, "sky", "#87ceeb"), Class(GRASS, "grass", "#4caf50")])


def write_set(root, photos, classes, val=()):
    """Write photos as a labeled set; those in `val` have a split of their own."""
    for split, chosen in (("train", photos), ("val", val)):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True, exist_ok=True)
        for photo in chosen:
            Image.fromarray(photo.rgb).save(root / split / "images" / f"{photo.name}.png")
            Image.fromarray(photo.labels).save(root / split / "masks" / f"{photo.name}.png")
    classes.write(root / "classes.json")
    return root


@pytest.fixture
def labeled_set(tmp_path, classes):
    """Six photos to train with and two to validate, on the disk."""
    return write_set(tmp_path / "meadows", [make_photo(i) for i in range(6)], classes, [make_photo(i) for i in (7, 8)])


@pytest.fixture
def installed(library, tiny_model):
    """The name of a tiny model in the library."""
    library.mkdir(parents=True, exist_ok=True)
    tiny_model.save(library / "tiny.safetensors")
    return "tiny"


@pytest.fixture(scope="session")
def model():
    """Both default networks with random weights, and bold colors, for the 59 classes of PASCAL-Context."""
    torch.manual_seed(0)
    networks = GridNet.preset("default", range(60)), TwoStreamUNet.preset("default", range(1, 60))
    with torch.no_grad():
        networks[1].final.weight *= 10
    return Model("random", ClassMap.pascal_context(), *networks, working_size=64)


@pytest.fixture(scope="session")
def authors_shapes():
    """Names and shapes of the tensors in the published checkpoints of the paper's authors."""
    return {"colorizer": dict(_shapes_of_their_colorizer()), "segmenter": dict(_shapes_of_their_gridnet())}


def _shapes_of_their_colorizer():
    encoder, decoder = (1, 32, 64, 128, 256, 512, 512), (1024, 1024, 512, 256, 128, 64)
    for level in range(1, 7):
        yield f"enc{level}.conv1.weight", (encoder[level], encoder[level - 1], 3, 3)
        yield f"enc{level}.conv2.weight", (encoder[level], encoder[level], 3, 3)
    for level in range(1, 6):
        yield f"dec{level}.conv1.weight", (decoder[level - 1], decoder[level], 3, 3)  # transposed: inputs first
        yield f"dec{level}.conv2.weight", (decoder[level], decoder[level], 3, 3)
    yield "final_conv.weight", (2, 64, 3, 3)


def _shapes_of_their_gridnet():
    widths, rows = (16, 32, 64, 128, 256), range(5)
    yield from _norm("batchNormInitial", 1)
    for name, inputs, outputs in (("firstConv", 1, 16), ("lastConv", 16, 60)):
        yield f"{name}.conv1.weight", (outputs, inputs, 3, 3)
        yield from _norm(f"{name}.batch1", outputs)
        yield f"{name}.conv2.weight", (outputs, outputs, 3, 3)
        yield from _norm(f"{name}.batch2", outputs)
    for i, j in ((i, j) for i in rows for j in range(6)):
        if j < 5:
            yield from _edge(f"convSequence{i}_{j}to{i}_{j + 1}", "conv1", widths[i], widths[i])
        if j < 3 and i < 4:
            yield from _edge(f"subSamplingSequence{i}_{j}to{i + 1}_{j}", "conv1", widths[i], widths[i + 1])
        if j >= 3 and i:
            yield from _edge(f"upSamplingSequence{i}_{j}to{i - 1}_{j}", "convTranspose1", widths[i], widths[i - 1])


def _edge(name, first, inputs, outputs):
    yield from _norm(f"{name}.batch1", inputs)
    transposed = first == "convTranspose1"
    yield f"{name}.{first}.weight", (inputs, outputs, 3, 3) if transposed else (outputs, inputs, 3, 3)
    yield from _norm(f"{name}.batch2", outputs)
    yield f"{name}.conv2.weight", (outputs, outputs, 3, 3)


def _norm(name, channels):
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()
