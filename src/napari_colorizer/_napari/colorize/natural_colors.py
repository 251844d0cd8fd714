"""Display colors that look like what they stand for, so that the overlay of a label map does not fight the result."""

from __future__ import annotations

from dataclasses import replace

from napari_colorizer.classes import Class, ClassMap, distinct_color

NATURAL = {
    **{"sky": "#87b5e8", "water": "#2f7d9c", "snow": "#eef3f8", "grass": "#6fb536", "tree": "#2a6128"},
    **{"flower": "#e0568c", "pottedplant": "#3f8f56", "mountain": "#74856b", "ground": "#9a7b56", "rock": "#8a8580"},
    **{"road": "#6d737b", "sidewalk": "#b8b4ab", "platform": "#a39c94", "track": "#5b524c", "skin": "#eebd9b"},
    **{"hair": "#4b2f1b", "person": "#d08d63", "clothes": "#3d4f8f", "building": "#b59c84", "wall": "#d9cdb8"},
    **{"window": "#a5cbdc", "door": "#84532f", "fence": "#94815f", "floor": "#b18a63", "ceiling": "#e8e4dc"},
    **{"wood": "#a06c38", "sign": "#e2c22e", "car": "#b5322f", "bus": "#d8832b", "truck": "#7e3f3a"},
    **{"train": "#58707f", "motorbike": "#3c3f45", "bicycle": "#5f6b78", "boat": "#c8703c", "aeroplane": "#c4cdd7"},
    **{"cat": "#c98d50", "dog": "#8c6440", "horse": "#70401f", "cow": "#a98c7a", "sheep": "#e7e1d3"},
    **{"bird": "#7f97ad", "chair": "#96653a", "sofa": "#95474a", "bed": "#c5b3d6", "bedcloth": "#dccee7"},
    **{"diningtable": "#7a4c2b", "cabinet": "#8e6a48", "shelves": "#a5835c", "bench": "#80613f", "bag": "#94552b"},
    **{"book": "#c3b181", "bottle": "#3a8767", "cup": "#dcd3c6", "plate": "#eee9df", "food": "#d89a3c"},
    **{"curtain": "#a55a6c", "light": "#fff0b0", "tvmonitor": "#2b3138", "computer": "#4d555f"},
    **{"keyboard": "#5d6269", "mouse": "#7a7f87"},
}


def with_natural_colors(classes: ClassMap) -> ClassMap:
    """A class map with such colors where nobody has chosen others."""
    return ClassMap(_natural(item, ClassMap.pascal_context()) for item in classes)


def _natural(item: Class, usual: ClassMap) -> Class:
    color = NATURAL.get(item.name.casefold())
    made_up = {distinct_color(item.id), usual.named(item.name).color if usual.has_name(item.name) else ""}
    return replace(item, color=color) if color and item.color in made_up else item
