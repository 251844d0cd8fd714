"""Scripts that end while the dock works in the background."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.viewer  # of a process of its own
SCRIPT = """
import sys
import napari, numpy as np
viewer = napari.Viewer()
viewer.add_image(np.random.default_rng(0).integers(0, 255, (600, 800), np.uint8), name="photo")
_, dock = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
dock.controller.colorize()
assert not dock.controller.tasks.idle
{end}
"""
ENDS = {"of the script": ("", 0), "by an error": ("raise ValueError('mine')", 1), "closed": ("viewer.close()", 0)}


@pytest.mark.parametrize("end", ENDS)
def test_a_script_that_ends_while_the_background_works_has_its_own_exit_code(library, end):
    line, code = ENDS[end]
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=line)], capture_output=True, text=True, timeout=300, env=os.environ
    )
    assert ended.returncode == code, ended.stderr
    assert "deleted" not in ended.stderr
    assert ("ValueError: mine" in ended.stderr) == bool(code)
