import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.pins import Pin, Pins, parse_color

CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50")])


def test_a_wish_is_a_color_a_factor_or_a_pin():
    pins = Pins({1: "#ff0000", "grass": (10, -20), 5: 0, 6: Pin(factor=0.5, strength=0.3)})
    assert pins.classes[1].color == pytest.approx((80.1, 67.2), abs=0.1)
    assert pins.classes["grass"].color == (10, -20)
    assert pins.classes[5] == Pin(factor=0)
    assert pins.classes[6].strength == 0.3


@pytest.mark.parametrize("wish", ["red", "#12345", "#1234567", (1, np.nan), (200, 0), -1, 9, np.nan, (1,), None, "ab"])
def test_what_is_no_wish_is_refused(wish):
    with pytest.raises(ValueError, match="must"):
        Pins({1: wish})


def test_pins_are_changed_by_making_new_ones():
    pins = Pins({1: "#ff0000"}).with_region((3, 4), 0).with_class(2, (5, 5))
    assert len(pins) == 3
    assert pins.without(1, (3, 4)) == Pins({2: (5, 5)})
    assert (pins | Pins({1: 0})).classes[1] == Pin(factor=0)
    assert all(pin.strength == 0.5 for pin in pins.at_strength(0.5).classes.values())


def test_names_are_looked_up_and_unknown_ones_left_out():
    resolved = Pins({"Sky": 0, "unicorn": "#ff00ff", 77: 0.5}).resolve(CLASSES, (10, 10))
    assert resolved.classes == {1: Pin(factor=0), 77: Pin(factor=0.5)}


def test_the_later_of_name_and_id_counts():
    assert Pins({1: 0, "sky": 0.5}).resolve(CLASSES, (10, 10)).classes == {1: Pin(factor=0.5)}


def test_a_region_outside_of_the_image_is_refused():
    with pytest.raises(ValueError, match="outside of the image"):
        Pins(regions={(10, 3): 0}).resolve(CLASSES, (10, 10))
    with pytest.raises(ValueError, match="must lie in the image"):
        Pins(regions={(-1, 3): 0})


def test_a_color_may_lack_its_hash_sign():
    assert parse_color("ff8800") == parse_color("#FF8800")
