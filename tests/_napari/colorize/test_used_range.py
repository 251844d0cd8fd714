"""A word about images that use little of what their numbers can hold."""

import numpy as np
import pytest
from napari.layers import Image

RAMP = np.linspace(0, 1, 96 * 128).reshape(96, 128)


@pytest.fixture
def told(bare_dock, wait, messages):
    """What the dock says of an image that is opened, and what it offers."""

    def opened(pixels, **facts):
        viewer, widget = bare_dock()
        said, offered = messages(widget), []
        widget.controller.choices_offered.connect(lambda *offer: offered.append(offer))
        viewer.add_layer(Image(pixels, name="mine", **facts))
        wait(widget)
        return viewer.layers["mine"], [text for text in said if "range of its data type" in text], offered

    return opened


@pytest.mark.parametrize(
    ("pixels", "facts", "words"),
    [
        ((RAMP * 4095).astype(np.uint16), {}, ("6%", "0 to 4095 of 0 to 65535", "--limits 0,4095")),
        ((RAMP * 30000).astype(np.int16), {}, ("0 to 30000", "--limits 0,30000")),
        ((RAMP * 4095).astype(np.uint16), {"contrast_limits": (0, 9000)}, ("--limits 0,9000",)),
        ((RAMP[..., None] * [99, 99, 99]).astype(np.uint16), {"rgb": True}, ("no contrast limits",)),
    ],
    ids=["12 bits in 16", "no negative numbers", "limits of the user", "RGB"],
)
def test_what_the_shell_says_is_said_here_too(told, pixels, facts, words):
    _, said, offered = told(pixels, **facts)
    assert len(said) == 1
    assert all(word in said[0] for word in ("'mine' uses", *words))
    assert not offered


def test_what_looks_flat_is_offered_with_its_own_limits(told):
    layer, said, offered = told((100 + RAMP * 9).astype(np.uint8), contrast_limits=(0, 255))
    assert not said
    ((text, choices),) = offered
    assert "'mine' uses 4%" in text
    assert "little contrast" in text
    (choice,) = choices
    assert choice == "Show 100 to 109 as black to white"
    choices[choice]()
    assert list(layer.contrast_limits) == [100, 109]


@pytest.mark.parametrize(
    "pixels",
    [
        (RAMP * 200).astype(np.uint8),
        (RAMP * 40000).astype(np.uint16),
        RAMP,
        RAMP * 1000 - 3,
        np.full((96, 128), 7, "u2"),
    ],
    ids=["8 bits", "16 bits", "float", "any float", "blank"],
)
def test_nothing_is_said_of_other_images(told, pixels):
    _, said, offered = told(pixels)
    assert not said
    assert not offered
