import pytest

from napari_colorizer.bench import large as bench_large
from napari_colorizer.bench.large import measure_large
from napari_colorizer.engine import levels
from napari_colorizer.engine.session import Session
from napari_colorizer.engine.tiles import StaleTiles

SHAPES = ((60, 80), (300, 400))


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(levels, "LARGEST_SINGLE", 50_000)
    monkeypatch.setattr(levels, "SMALLEST_LEVEL", 100)
    monkeypatch.setattr(bench_large, "VIEW", (60, 80))


def test_photographs_of_every_size_are_timed(model):
    timings = measure_large(model, "cpu", steps=1, shapes=SHAPES)
    assert [(timing.height, timing.width) for timing in timings] == list(SHAPES)
    for timing in timings:
        assert min(timing.begin, timing.color, timing.view, timing.rest) > 0
    assert 0 < timings[0].peak_mb <= timings[1].peak_mb


def test_every_stroke_is_painted_in_view_first_and_then_everywhere(model, monkeypatch):
    painted, noted, paint, note = [], [], Session.paint, StaleTiles.note_chroma

    def listening(self, inside=None, tolerance=0.0, out=None):
        boxes = list(paint(self, inside, tolerance, out))
        painted.append((inside, tolerance, not self.left(out), bool(boxes)))
        return boxes

    def noting(self, box, change):
        noted.append(change.max())
        return note(self, box, change)

    monkeypatch.setattr(Session, "paint", listening)
    monkeypatch.setattr(StaleTiles, "note_chroma", noting)
    measure_large(model, "cpu", steps=2, shapes=SHAPES[1:])
    strokes = 1 + bench_large.WARM_UP + 2
    in_view = [call for call in painted if call[0] is not None]
    assert len(in_view) == strokes
    assert {call[0] for call in in_view} == {(120, 180, 160, 240)}
    assert {call[1] for call in in_view} == {bench_large.UNSEEN}
    assert all(call[3] for call in in_view)
    assert all(call[2] for call in painted if call[0] is None)
    assert len(noted) == strokes + 2  # every stroke changes the chroma, and so do the two beginnings
