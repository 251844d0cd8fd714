"""Class colors that a color-blind person tells apart, too."""

import re

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_colorizer._napari.colorize.natural_colors import NATURAL

LEAST = 10  # CIEDE2000
# Which touch in photographs: those with 0.1 % of all borders in 4,041 label maps or in 20 of them, and some more.
NEIGHBORS = """
grass: aeroplane bird building cat chair clothes cow dog fence flower ground horse mountain person road rock sheep
    sidewalk skin sky track tree wall water
road: bag bicycle building bus car cat chair clothes dog fence ground motorbike person platform sidewalk sign skin
    sky track tree truck wall water
wall: bed book bottle cabinet cat ceiling chair clothes curtain door floor flower food hair light person shelves
    skin sofa tree tvmonitor window
tree: bird building car cat clothes fence flower ground hair horse mountain person rock sidewalk sign skin sky water
    window
building: aeroplane bag bicycle bus car clothes door fence ground hair person sidewalk sign skin sky water window
person: bag car chair clothes diningtable fence floor food ground hair mountain sidewalk skin sky water
clothes: bag car chair curtain floor ground hair sidewalk skin sky sofa water window
sky: aeroplane bird boat ground hair horse mountain rock sign snow water
water: bird boat ground mountain rock sidewalk skin snow
floor: bed cabinet cat chair diningtable door sofa
diningtable: bottle chair computer cup food keyboard plate
skin: bag bed hair sidewalk sofa window
ground: cat cow dog horse sheep track
sidewalk: bag car door
car: door fence window
keyboard: computer mouse tvmonitor
hair: bag window
cabinet: book tvmonitor
track: platform train
bed: bedcloth
book: shelves
cat: sofa
plate: cup
window: curtain
sofa: dog
food: plate
"""
SEEN = {  # linear RGB as it is seen, at full severity (Machado, Oliveira, Fernandes 2009)
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def neighbors():
    for line in re.sub(r"\n +", " ", NEIGHBORS.strip()).splitlines():
        name, others = line.split(":")
        yield from ((name, other) for other in others.split())


def lab_of(color, vision):
    rgb = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(SEEN[vision] @ linear, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055))


def apart(one, other, vision):
    return float(deltaE_ciede2000(lab_of(one, vision), lab_of(other, vision)))


@pytest.mark.parametrize("vision", SEEN)
def test_classes_that_touch_are_told_apart(vision):
    near = {pair: apart(*(NATURAL[name] for name in pair), vision) for pair in neighbors()}
    assert len(near) >= 200
    assert {pair: round(value, 1) for pair, value in near.items() if value < LEAST} == {}


def test_red_and_green_of_one_lightness_would_not_be():
    assert apart("#b5322f", "#2a6128", "usual") > 50
    assert apart("#b5322f", "#2a6128", "protanopia") < LEAST
