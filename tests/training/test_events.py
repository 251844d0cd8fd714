import math

import pytest

from napari_colorizer.training.events import Doing, EpochEnded, Failed, Finished, Note, Prepared, Progress, read_event

EVENTS = [
    Prepared("run", 3, 1, 2, ["sky"], ["moss"], [], ["a.png cannot be read"], 4),
    Note('"quoted"\nand broken'),
    Doing("Reading photographs", 0.5),
    Progress("colorizer", 1, 2, 30, 40, 0.25, 12.5),
    EpochEnded("segmenter", 1, 2, 0.5, {"mIoU": 0.25}, True, ["picture.png"]),
    Finished("Wälder", "path/Wälder.safetensors", False),
    Failed("it is full"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_its_line(event):
    line = event.to_line()
    assert "\n" not in line
    assert read_event(line + "\n") == event


def test_a_number_that_is_none_does_too():
    assert math.isnan(read_event(EpochEnded("colorizer", 0, 2, math.nan, {}, True).to_line()).loss)
    assert math.isnan(read_event(Doing("Validating").to_line()).share)


@pytest.mark.parametrize(
    "line", ["", "hello", "{}", "[]", "3", '{"event": "Other"}', '{"event": "Note"}', '{"event": "No']
)
def test_other_lines_are_no_events(line):
    assert read_event(line) is None
