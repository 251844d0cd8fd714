"""The model as functions of napari's data types: for scripts without a viewer, and for forms that magicgui makes.

napari and magicgui need not be there: what the functions take and give is named, and magicgui looks the names up.
"""

from typing import TYPE_CHECKING, Annotated

from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.former_names import keep_former_arguments
from napari_colorizer.models.library import DEFAULT, installed_models, load_model
from napari_colorizer.option_limits import help_text, option_field

if TYPE_CHECKING:
    import napari.types

CONFIDENCE = help_text(SegmentOptions, "confidence")
GAINS = option_field(ColorizeOptions, "chroma_gain").metadata["limits"]
Confidence = Annotated[
    float | None, {"widget_type": "LiteralEvalLineEdit", "tooltip": f"{CONFIDENCE} None: the model's own."}
]
ChromaGain = Annotated[float, {"label": "saturation", "min": GAINS.least, "max": GAINS.most, "step": GAINS.step}]
ModelName = Annotated[str, {"choices": lambda _: list(installed_models())}]


def predict_labels(
    image: "napari.types.ImageData", confidence: Confidence = None, model: ModelName = DEFAULT
) -> "napari.types.LabelsData":
    """Predict a label map.

    Parameters
    ----------
    image : array, (H, W), (H, W, 3) or (H, W, 4)
        A gray image (bool, integers over their full range, floats in 0..1), or an RGB image, of which the lightness
        is taken.
    confidence : float, optional
        Pixels whose most probable class is less probable than this (0..1) stay unlabeled. None: the model's own.
    model : str
        An installed model by name, or a file.

    Returns
    -------
    array of uint8 or uint16, (H, W)
        Class ids; 0 is unlabeled.

    Raises
    ------
    ModelError
        If there is no such model, or it has no segmenter.
    ValueError, TypeError
        If `image` is not such an image, or `confidence` lies outside its range.
    """
    return load_model(model).segment(image, SegmentOptions(confidence=confidence))


@keep_former_arguments
def colorize(
    image: "napari.types.ImageData",
    labels: "napari.types.LabelsData | None" = None,
    chroma_gain: ChromaGain = 1.0,
    model: ModelName = DEFAULT,
) -> "napari.types.LayerDataTuple":
    """Color an image, by a label map or without one.

    Parameters
    ----------
    image : array, (H, W), (H, W, 3) or (H, W, 4)
        As in `predict_labels`.
    labels : array of integers, (H, W), optional
        Ids of the model's classes; 0 is unlabeled.
    chroma_gain : float
        How strong the colors are, 0..4: 1 as the model has them, 0 gray.
    model : str
        An installed model by name, or a file.

    Returns
    -------
    (array of uint8, (H, W, 3); dict; "image")
        The colors, and how napari shows them: ``viewer.add_layer(Layer.create(*colorize(image)))``. They have no
        name, by which napari would write them over a layer that has it.

    Raises
    ------
    ModelError
        If there is no such model, or it has no colorizer.
    ValueError, TypeError
        If `image` or `labels` are not such images, or `chroma_gain` lies outside its range.
    """
    rgb = load_model(model).colorize(image, labels, options=ColorizeOptions(chroma_gain=chroma_gain))
    return rgb, {"rgb": True}, "image"
