"""The notebook of the tutorial does what it tells."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL.Image import Image
from skimage.color import rgb2lab

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tutorial.ipynb"
PLACES = {
    "suit": np.s_[400:430, 90:120],
    "stripe": np.s_[155:165, 57:67],
    "field": np.s_[90:100, 28:38],
    "wall": np.s_[20:60, 110:140],
}


@pytest.fixture(scope="module")
def cells():
    return [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def left(cells):
    """The names that the cells leave, run from top to bottom, and what the last line of each shows."""
    names, shown = {}, []
    for cell in cells:
        *lines, last = "".join(cell["source"]).splitlines()
        exec(compile("\n".join(lines), cell["id"], "exec"), names)
        shown.append(eval(last, names))
    return names, shown


def test_no_output_is_committed(cells):
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


def test_each_cell_shows_something_else(left):
    _, (model, *pictures) = left
    assert "default" in repr(model)
    assert all(isinstance(picture, Image) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_the_suit_is_orange_and_the_flag_red_and_blue(left):
    names, _ = left
    lab = rgb2lab(names["rgb"])
    a, b = ({name: lab[where][..., axis].mean() for name, where in PLACES.items()} for axis in (1, 2))
    assert a["suit"] > 15
    assert b["suit"] > 30
    assert a["stripe"] > 20
    assert b["field"] < -8
    assert abs(a["wall"]) < 8
