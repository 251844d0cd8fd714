"""Damaged files of every kind that is read: an error of ours or a result, soon, and without filling the memory.

`make test` goes 200 rounds, `make soak` as many as NAPARI_COLORIZER_FUZZ says. A round is told by its number, and is
the same each time.
"""

import json
import os
import random
import re
import time
import warnings
import zlib

import numpy as np
import psutil
import pytest
import tifffile
import torch
from PIL import Image
from scipy.io import savemat

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.masks import read_matlab
from napari_colorizer.datasets.read import read_set
from napari_colorizer.datasets.settings import read_settings
from napari_colorizer.datasets.splits import read_split
from napari_colorizer.errors import ColorizerError
from napari_colorizer.files import read_image, read_label_map, write_label_map
from napari_colorizer.models.authors import import_authors
from napari_colorizer.models.file import read_model
from napari_colorizer.models.header import read_header
from napari_colorizer.sittings.sitting import Sitting
from napari_colorizer.training.events import Progress, read_event
from napari_colorizer.training.options import TrainOptions

ROUNDS = int(os.environ.get("NAPARI_COLORIZER_FUZZ", "200"))
MOST_SECONDS, MOST_GROWTH = 10, 500e6
CLASSES = ClassMap(Class(label, f"thing {label}", "#102030") for label in (1, 2, 7, 300))
GRAY = np.add.outer(np.arange(40) * 3, np.arange(50) * 2).astype(np.uint8)
RGB = np.stack([GRAY, GRAY[::-1], 255 - GRAY], -1)
EVIL = [
    *(b"1e999", b"-1", b"NaN", b"null", b"[]", b"{}", b"true", b"1e30", b'""', b"0", b"nan", b"inf", b"99999999"),
    *(b"9" * 5000, b"[" * 50000, b'{"a":' * 20000, b"a." * 20000, b'"' * 999, b",,,,", b"=", b"\n\n", b"\r", b"\t"),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\\ud800", b"\x1b[2J", b"\xe2\x80\xae", b"../../..", b"x" * 70000),
]
EXTREMES = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def damage(data, chance):
    """Bytes with a few things wrong."""
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(len(data) + 1)
        length = chance.choice([1, 2, 4, chance.randrange(1, 200)])
        kind = chance.randrange(7)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + chance.randbytes(length) + data[at + length :]
        elif kind == 2:
            data = data[:at] + data[at + length :]
        elif kind == 3:
            data = data[:at] + data[at : at + length] * chance.choice([2, 3, 50]) + data[at + length :]
        elif kind == 4:
            number = chance.choice(EXTREMES).to_bytes(4, chance.choice(["little", "big"]))
            data = data[:at] + number[: chance.choice([2, 4])] + data[at + 4 :]
        elif kind == 5:
            data = data[:at] + chance.choice(EVIL) + data[at:]
        else:  # a value in a text
            values = list(re.finditer(rb'[-\d.]+|"[^"]{0,40}"', data[:20000]))
            value = chance.choice(values) if values else None
            data = data[: value.start()] + chance.choice(EVIL) + data[value.end() :] if value else data
    return data


def mended_png(data):
    """The same with checksums that fit, so that what is wrong with the content counts."""
    mended, at = data[:8], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            break
        content = data[at + 4 : at + 8 + length]
        mended += data[at : at + 4] + content + zlib.crc32(content).to_bytes(4, "big")
        at += 12 + length
    return mended + data[at:]


def damaged_safetensors(data, chance):
    """Either as above, or with a damaged header behind a length that fits."""
    if chance.random() < 0.3:
        return damage(data, chance)
    length = int.from_bytes(data[:8], "little")
    header, rest = data[8 : 8 + length], data[8 + length :]
    if chance.random() < 0.7:  # what we wrote into it
        facts = json.loads(header)
        text = facts["__metadata__"]["napari-colorizer"].encode()
        text = damage(text, chance).decode("utf-8", "replace")
        facts["__metadata__"]["napari-colorizer"] = text
        header = json.dumps(facts).encode()
    else:
        header = damage(header, chance)
    return len(header).to_bytes(8, "little") + header + rest


def a_model(folder, make_model):
    make_model().save(folder / "a.safetensors")
    return "a.safetensors"


def a_class_map(suffix):
    def write(folder, _):
        CLASSES.write(folder / f"classes{suffix}")
        return f"classes{suffix}"

    return write


def a_recipe(folder, _):
    (folder / "mine.toml").write_text(
        'network = "colorizer"\nepochs = 7\naging = 0.25\ngroups = ["a=b,c"]\nrate = 1e-3\n'
    )
    return "mine.toml"


def some_options(folder, _):
    TrainOptions(data="x", groups=("person=skin,hair",)).write(folder / "options.json")
    return "options.json"


def some_settings(folder, _):
    text = 'classes = "c.json"\nsource = "folder"\nleast_confidence = 0.5\n[groups]\na = ["b", "c"]\n'
    (folder / "dataset.toml").write_text(text)
    return "dataset.toml"


def a_list(folder, _):
    CLASSES.write(folder / "classes.json")
    Image.fromarray(RGB).save(folder / "a.png")
    write_label_map(folder / "m.png", GRAY % 3, CLASSES)
    lines = ["image,mask,split,source,pseudo,confidence", "a.png,m.png,train,x,0,", "b.png,,val,,1,c.png", "c.png,,,,,"]
    (folder / "list.csv").write_text("\n".join(lines))
    return "list.csv"


def a_split(folder, _):
    (folder / "split.csv").write_text("image,split\na.png,train\nb.png,val\n")
    return "split.csv"


def a_label_map(name):
    def write(folder, _):
        labels = GRAY % 3
        tifffile.imwrite(folder / name, labels) if name.endswith("tif") else write_label_map(
            folder / name, labels, CLASSES
        )
        return name

    return write


def an_image(name, pixels, **options):
    def write(folder, _):
        Image.fromarray(pixels).save(folder / name, **options)
        return name

    return write


def a_plain_tiff(name, pixels, **options):
    def write(folder, _):
        tifffile.imwrite(folder / name, pixels, **options)
        return name

    return write


def an_event(folder, _):
    (folder / "event.txt").write_text(Progress("segmenter", 1, 2, 3, 4, 0.5, 6.0).to_line())
    return "event.txt"


def a_matlab_file(folder, _):
    savemat(folder / "a.mat", {"LabelMap": GRAY.astype(np.uint16)})
    return "a.mat"


def a_checkpoint(folder, _):
    torch.save({"G": {"enc1.conv1.weight": torch.zeros(32, 1, 3, 3)}}, folder / "a.tar")
    return "a.tar"


def a_sitting(name):
    def write(folder, make_model):
        image = an_image("a.png", GRAY)(folder, make_model)
        model = a_model(folder, make_model)
        said = {
            "labels": GRAY % 3,
            "classes": CLASSES,
            "hints": [(1, 2, 3, 4, 5)],
            "pins": {1: "#ff8800", "thing 2": 0.5},
        }
        Sitting.of(folder / image, folder / model, **said).save(folder / name)
        return f"{name}/sitting.json" if name == "folder" else name

    return write


READERS = {
    "sitting": (a_sitting("s.zip"), Sitting.load, damage),
    "sitting's text": (a_sitting("folder"), lambda path: Sitting.load(path.parent), damage),
    "model": (a_model, read_model, damaged_safetensors),
    "header": (a_model, read_header, damaged_safetensors),
    "checkpoint": (a_checkpoint, lambda path: import_authors("x", ClassMap.pascal_context(), colorizer=path), damage),
    **{f"classes{suffix}": (a_class_map(suffix), ClassMap.read, damage) for suffix in (".json", ".csv", ".txt")},
    "recipe": (a_recipe, lambda path: TrainOptions.of_recipe(str(path)), damage),
    "options": (some_options, TrainOptions.read, damage),
    "settings": (some_settings, lambda path: read_settings(path.parent), damage),
    "list": (a_list, read_set, damage),
    "split": (a_split, lambda path: read_split(path.parent), damage),
    "event": (an_event, lambda path: read_event(path.read_text("utf-8", "replace")), damage),
    "matlab": (a_matlab_file, read_matlab, damage),
    "labels.png": (a_label_map("l.png"), read_label_map, damage),
    "labels.tif": (a_label_map("l.tif"), read_label_map, damage),
    "gray.png": (an_image("a.png", GRAY), read_image, damage),
    "16 bits.png": (an_image("a.png", GRAY.astype(np.uint16) * 257), read_image, damage),
    "color.jpg": (an_image("a.jpg", RGB), read_image, damage),
    "color.bmp": (an_image("a.bmp", RGB), read_image, damage),
    "color.webp": (an_image("a.webp", RGB, lossless=True), read_image, damage),
    "plain.tif": (a_plain_tiff("a.tif", GRAY.astype(np.uint16)), read_image, damage),
    "zipped.tif": (a_plain_tiff("a.tif", RGB, compression="zlib", predictor=True), read_image, damage),
    "planes.tif": (
        a_plain_tiff("a.tif", np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate"), read_image, damage
    ),
    "lzw.tif": (an_image("a.tif", RGB, compression="tiff_lzw"), read_image, damage),
    "16 bits lzw.tif": (
        an_image("a.tif", GRAY.astype(np.uint16) * 257, compression="tiff_lzw", tiffinfo={317: 2}), read_image, damage
    ),
    "palette.tif": (
        a_plain_tiff("a.tif", GRAY, photometric="palette", colormap=np.zeros((3, 256), np.uint16)), read_image, damage
    ),
    "jpeg.tif": (an_image("a.tif", RGB, compression="jpeg"), read_image, damage),
    "fax.tif": (an_image("a.tif", GRAY > 100, compression="group4"), read_image, damage),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_an_error_of_ours_or_is_read(tmp_path, make_model, name):
    write, read, spoil = READERS[name]
    path = tmp_path / write(tmp_path, make_model)
    whole = path.read_bytes()
    read(path) if name != "checkpoint" else None
    process = psutil.Process()
    before = process.memory_info().rss
    for number in range(max(1, ROUNDS // len(READERS))):
        chance = random.Random(f"{name} {number}")
        data = spoil(whole, chance)
        path.write_bytes(mended_png(data) if path.suffix == ".png" and chance.random() < 0.7 else data)
        try:
            check(read, path, f"round {number} of {name}")
        except BaseException as error:
            error.add_note(f"in round {number} of {name}")
            raise
        assert process.memory_info().rss - before < MOST_GROWTH, f"round {number} of {name}"


def check(read, path, what):
    began = time.process_time()
    text = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except ColorizerError as error:
        text = str(error)
    except ValueError as error:
        if read != ClassMap.read:  # which says so
            raise
        text = str(error)
    assert text == "" or text.isprintable(), what
    assert len(text) < 2500, what
    assert time.process_time() - began < MOST_SECONDS, what
