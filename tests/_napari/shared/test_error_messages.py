import pytest
from napari.utils.notifications import notification_manager

from napari_colorizer._napari.colorize.inference import TorchError
from napari_colorizer._napari.shared import error_messages as explain_module
from napari_colorizer._napari.shared.error_messages import explain
from napari_colorizer._napari.shared.layers import LayerError
from napari_colorizer.errors import ModelError


@pytest.fixture
def reported(monkeypatch):
    """What goes to napari's notifications."""
    seen = []
    monkeypatch.setattr(explain_module.notification_manager, "receive_error", lambda *error: seen.append(error[1]))
    assert explain_module.notification_manager is notification_manager
    return seen


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
    ],
)
def test_too_little_memory_is_told_with_its_remedy(error, reported):
    text = explain("Coloring", error, "photo")
    assert "'photo'" in text
    assert "smaller working size" in text
    assert not reported


@pytest.mark.parametrize(
    "error", [LayerError("the layer"), ModelError("the model"), TorchError("torch"), OSError("disk")]
)
def test_texts_made_for_the_user_are_shown_as_they_are(error, reported):
    assert explain("Coloring", error, "photo") == str(error)
    assert not reported


def test_the_text_of_an_unforeseen_error_is_not_the_first_explanation(reported):
    error = ValueError("operands could not be broadcast together")
    text = explain("Coloring", error, "photo")
    assert "operands" not in text
    assert "'photo': coloring failed unexpectedly" in text
    assert reported == [error]
