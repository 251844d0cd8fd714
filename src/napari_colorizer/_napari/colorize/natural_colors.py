"""Display colors that look like what they stand for, so that the overlay of a label map does not fight the result."""

from __future__ import annotations

from dataclasses import replace

from napari_colorizer.classes import Class, ClassMap, distinct_color

# What often touches in photographs is at least 10 apart (CIEDE2000), for protanopes and deuteranopes too.
NATURAL = {
    **{"sky": "#87b5e8", "water": "#2f7d9c", "snow": "#eef3f8", "grass": "#61a724", "tree": "#2d642d"},
    **{"flower": "#db5288", "pottedplant": "#3f8f56", "mountain": "#74856b", "ground": "#a28360", "rock": "#8a8580"},
    **{"road": "#727b82", "sidewalk": "#b3b4b5", "platform": "#a39c94", "track": "#5b524c", "skin": "#fdcea1"},
    **{"hair": "#4b2f1b", "person": "#df9e72", "clothes": "#405191", "building": "#b39e8f", "wall": "#ccc2b1"},
    **{"window": "#a5cbdc", "door": "#754620", "fence": "#948267", "floor": "#aa835e", "ceiling": "#f0ebe5"},
    **{"wood": "#a06c38", "sign": "#e2c22e", "car": "#c32241", "bus": "#d8832b", "truck": "#7e3f3a"},
    **{"train": "#58707f", "motorbike": "#3c3f45", "bicycle": "#54616e", "boat": "#c8703c", "aeroplane": "#c4cdd7"},
    **{"cat": "#dda06b", "dog": "#8c6440", "horse": "#572c00", "cow": "#a28d89", "sheep": "#ece0d4"},
    **{"bird": "#7f97ad", "chair": "#96653a", "sofa": "#843a3d", "bed": "#bba9cc", "bedcloth": "#e0d2ea"},
    **{"diningtable": "#76492e", "cabinet": "#8a6644", "shelves": "#a5835c", "bench": "#7f623c", "bag": "#905429"},
    **{"book": "#c3b181", "bottle": "#3a8767", "cup": "#c5bfb3", "plate": "#efebe3", "food": "#f9b74f"},
    **{"curtain": "#a55a6c", "light": "#fff0b0", "tvmonitor": "#2c3036", "computer": "#3c444e"},
    **{"keyboard": "#5d6269", "mouse": "#7a7f87"},
}


def with_natural_colors(classes: ClassMap) -> ClassMap:
    """A class map with such colors where nobody has chosen others."""
    return ClassMap(_natural(item, ClassMap.pascal_context()) for item in classes)


def _natural(item: Class, usual: ClassMap) -> Class:
    """A class with such a color by its name, or by that under which the model knows it: "Himmel" is a sky too."""
    for name in (item.name, item.known_as):
        color = NATURAL.get(name.casefold())
        made_up = {distinct_color(item.id), usual.named(name).color if usual.has_name(name) else ""}
        if color and item.color in made_up:
            return replace(item, color=color)
    return item
