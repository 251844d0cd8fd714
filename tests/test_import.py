import inspect
import subprocess
import sys
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

import napari_colorizer
from napari_colorizer import TrainOptions

PACKAGE = Path(napari_colorizer.__file__).parent
WINDOWS_AND_WIDGETS = ("napari", "qtpy", "magicgui", "superqt", "vispy", "PyQt5", "PyQt6", "PySide2", "PySide6")
NO_IMPORT = {"_napari", "__main__"}


def loaded_after(imports, watched):
    """Which of the watched packages a fresh interpreter has loaded after some imports."""
    code = f"import sys\n{imports}\nprint(*(name for name in {watched!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def core_modules():
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py"))
    names = (path.parent if path.name == "__init__" else path for path in paths)
    return sorted(".".join(path.parts) for path in names if not NO_IMPORT & set(path.parts))


def test_the_watch_sees_what_is_loaded():
    assert loaded_after("import json", ("json", "torch")) == ["json"]


def test_importing_the_package_loads_nothing_heavy():
    heavy = (*WINDOWS_AND_WIDGETS, "torch", "skimage", "kornia")
    assert loaded_after("import napari_colorizer; dir(napari_colorizer)", heavy) == []


@pytest.mark.parametrize(
    "module", ["cli", "classes", "models.library", "training.options", "training.events", "datasets.check"]
)
def test_what_lists_models_does_not_load_torch(module):
    assert loaded_after(f"import napari_colorizer.{module}", ("torch",)) == []


@pytest.mark.slow
def test_loading_a_model_does_not_load_the_compiler_of_torch():
    compiler = ("torch._dynamo", "sympy")
    of_others = loaded_after("import kornia", compiler)  # with PyTorch 2.6, SymPy
    assert loaded_after("from napari_colorizer import load_model; load_model()", compiler) == of_others
    assert "torch._dynamo" not in of_others


@pytest.mark.slow
def test_predicting_and_coloring_do_not_load_the_compiler_of_kernels():
    code = "import napari_colorizer.bench.coloring\n"  # beside which windows are drawn, too
    code += "import numpy as np; from napari_colorizer import load_model; image = np.zeros((64, 64), np.uint8)\n"
    code += "model = load_model(); model.session(image).colorize(model.segment(image))"
    assert loaded_after(code, ("triton", "torch.utils.flop_counter")) == []  # its LLVM and that of Mesa do not mix


@pytest.mark.slow
def test_the_core_loads_neither_napari_nor_qt():
    modules = core_modules()
    assert {"napari_colorizer.cli", "napari_colorizer.engine.session", "napari_colorizer.models"} <= set(modules)
    assert loaded_after(f"import {', '.join(modules)}", WINDOWS_AND_WIDGETS) == []


@pytest.mark.parametrize("name", napari_colorizer.__all__)
def test_every_public_name_is_there(name):
    assert getattr(napari_colorizer, name).__name__ == name
    assert name in dir(napari_colorizer)


PROMISED = {  # scripts and other plugins hold on to these: whoever takes one away, deprecates it first
    "Adjustment": "saturation=1.0, warmth=0.0",
    "Class": "id, name, color, known_as=''",
    "ClassMap": "classes=()",
    "ClassMap.match": "self, other",
    "ClassMap.merged": "self, other",
    "ClassMap.named": "self, name",
    "ClassMap.pascal_context": "",
    "ClassMap.read": "path",
    "ClassMap.with_class": "self, item",
    "ClassMap.without": "self, label",
    "ClassMap.write": "self, path",
    "ColorizeOptions": "working_size=None, device='auto', chroma_gain=1.0",
    "Hints": "rows=()",
    "Model.colorize": "self, gray, labels=None, hints=None, options=None, limits=None, classes=None",
    "Model.save": "self, path, half=False, overwrite=True",
    "Model.segment": "self, gray, options=None, limits=None",
    "Model.session": "self, gray, options=None, limits=None",
    "SegmentOptions": "working_size=None, device='auto', confidence=None",
    "Session.chroma": "self, labels=None, hints=None, classes=None",
    "Session.colorize": "self, labels=None, hints=None, classes=None",
    "Session.edit": "self, labels=None, hints=None, classes=None",
    "Session.paint": "self, inside=None, tolerance=0.0, out=None",
    "Sitting.check": "self",
    "Sitting.colorize": "self, device='auto'",
    "Sitting.export": "self, path, bits=8, labels=False, dots=False, device='auto', overwrite=True",
    "Sitting.load": "path",
    "Sitting.of": "image, model='default', **said",
    "Sitting.save": "self, path, overwrite=True",
    "TrainOptions": "data='', start='default', network='both', name='', run='', epochs=30",
    "TrainOptions.of_recipe": "recipe='finetune', **changes",
    "Palette.harmonious": "count, seed=0",
    "Palette.pins": "self, classes=None, ids=(), strength=1.0",
    "Pin": "color=None, factor=1.0, strength=1.0",
    "Pins": "classes=None, regions=None",
    "Session.suggest": "self, thing, n=7",
    "Session.variants": "self, n=4, seed=0",
    "color_ids": "gray, labels, colors, limits=None",
    "fit": "options=None, *, resume=None",
    "load_model": "name='default'",
    "palette_of": "rgb, labels, classes, strength=1.0",
    "read_image": "path",
}


def parameters(signature):
    return [(item.name, item.kind, item.default) for item in signature.parameters.values()]


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_public_is_called_as_promised(name):
    found = parameters(inspect.signature(attrgetter(name)(napari_colorizer)))
    promised = parameters(inspect.signature(eval(f"lambda {PROMISED[name]}: None")))
    assert found[: len(promised)] == promised
    added = {default for _, kind, default in found[len(promised) :] if kind is not inspect.Parameter.VAR_KEYWORD}
    assert inspect.Parameter.empty not in added, "what is added is optional"


def test_a_model_and_a_session_have_what_is_promised(tiny_model):
    session = tiny_model.session(np.zeros((20, 30), np.uint8))
    for owner, names in (
        (tiny_model, ["name", "classes", "segmenter", "colorizer", "working_size", "predictable", "colorable"]),
        (session, ["rgb", "shape", "counts", "painted", "device"]),
        (TrainOptions(), ["batch", "crop", "seed", "device", "devices", "precision"]),
        (next(iter(tiny_model.classes)), ["id", "name", "color"]),
    ):
        assert [name for name in names if not hasattr(owner, name)] == []


def test_no_public_name_has_gone():
    promised = {name.partition(".")[0] for name in PROMISED}
    assert promised == {*napari_colorizer.__all__}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        napari_colorizer.no_such_thing  # noqa: B018


@pytest.mark.slow
def test_opening_the_dock_does_not_load_torch():
    code = "import sys, napari_colorizer._napari.colorize.widget; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_version_is_that_of_the_package_and_costs_no_torch():
    assert napari_colorizer.__version__ == version("napari-colorizer")
    assert loaded_after("import napari_colorizer; napari_colorizer.__version__", ("torch",)) == []
