"""What the user is told when something went wrong."""

from __future__ import annotations

from napari.utils.notifications import notification_manager

from napari_colorizer._napari.colorize.inference import TorchError
from napari_colorizer.errors import ColorizerError, lacks_memory


def explain(doing: str, error: Exception, image: str) -> str:
    """Say what went wrong in words that help.

    Parameters
    ----------
    doing : str
        What was being done.
    error : Exception
        One that was not foreseen goes to napari's notifications, with its traceback.
    image : str
        Name of the image layer.
    """
    name = f"{image!r}: " if image else ""
    if lacks_memory(error):
        return f"{name}there is not enough memory: use a smaller working size, or a smaller image"
    if isinstance(error, ColorizerError | OSError | TorchError):
        return str(error)
    notification_manager.receive_error(type(error), error, error.__traceback__)
    return f"{name}{doing.lower()} failed unexpectedly. See napari's notifications for details"
