"""The library of installed models: a plain folder, and the default model that comes with the package."""

from __future__ import annotations

import os
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_colorizer.errors import FileError, ModelError
from napari_colorizer.files import refuse_existing, replacing

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model

DEFAULT = "default"
FRESH = "fresh"  # what training calls random weights
SUFFIX = ".safetensors"
FOLDER_VARIABLE = "NAPARI_COLORIZER_MODELS"
VALID_NAME = re.compile(r"\w[\w .+-]*")


def library_folder() -> Path:
    """The user's folder of models: the user data folder of the platform, or ``$NAPARI_COLORIZER_MODELS``."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("napari-colorizer", appauthor=False) / "models"


def bundled_default() -> Path:
    """The file of the default model, inside the package."""
    return Path(str(resources.files("napari_colorizer.models") / f"{DEFAULT}{SUFFIX}"))


def installed_models() -> dict[str, Path]:
    """Names of the models that there are, and their files; the default comes first."""
    found = sorted(library_folder().glob(f"*{SUFFIX}"))
    return {DEFAULT: bundled_default(), **{path.stem: path for path in found if path.stem != DEFAULT}}


def find_model(name: str | Path = DEFAULT) -> Path:
    """The file of an installed model, or of a path.

    Raises
    ------
    ModelError
        If there is neither an installed model nor a file of that name; the message lists the installed ones.
    """
    models = installed_models()
    if str(name) in models:
        return models[str(name)]
    path = Path(os.path.expanduser(name))  # unlike Path.expanduser, it leaves "~nobody" as it is
    if path.is_file():
        return path
    raise ModelError(
        f"there is no model {str(name)!r}: it is neither a file nor one of the installed models ({', '.join(models)})"
    )


def load_model(name: str | Path = DEFAULT) -> Model:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        "default" for the bundled model, the name of an installed model, or the path of a model file.

    Returns
    -------
    Model
        On the CPU; where it runs is an option of each call.

    Raises
    ------
    ModelError
        If there is no such model, or its file is damaged; the message says what would help.

    Examples
    --------
    >>> model = load_model()
    >>> model.name
    'default'
    """
    from napari_colorizer.models.file import read_model  # torch is loaded with the first model, not before

    return read_model(find_model(name))


def place_for(name: str) -> Path:
    """The file that an installed model of that name has or would have.

    Raises
    ------
    ModelError
        If the name is the bundled model's, or cannot be a file name.
    """
    if name == DEFAULT:
        raise ModelError(f"the name {DEFAULT!r} is that of the bundled model; choose another")
    if name == FRESH:
        raise ModelError(f"the name {FRESH!r} means random weights to start training from; choose another")
    if not VALID_NAME.fullmatch(name):
        raise ModelError(f"{name!r} cannot be the name of a model: use letters, digits, spaces and . _ + -")
    return library_folder() / f"{name}{SUFFIX}"


def install_model(model: Model) -> Path:
    """Write a model into the library under its own name; returns its file.

    Raises
    ------
    ModelError
        If there is a model of that name already, also one that another process has installed this very moment.
    """
    path = place_for(model.name)
    try:
        model.save(path, overwrite=False)
    except FileError as error:
        raise ModelError(f"there is already a model {model.name!r}; choose another name, or remove it first") from error
    return path


def install_file(path: str | Path, name: str | None = None) -> Path:
    """Check a model file and take it into the library, under its own name or another; returns the new file.

    Raises
    ------
    ModelError
        If the file is no model or damaged, or there is a model of that name already.
    """
    model = load_model(Path(path).absolute())
    model.name = name or (Path(path).stem if model.name == DEFAULT else model.name)
    return install_model(model)


def export_model(name: str, target: str | Path, overwrite: bool = False) -> Path:
    """Copy an installed model's file to `target` (a file, or a folder); returns the copy.

    Raises
    ------
    ModelError
        If there is no such model, or its file is damaged: only whole models are handed on.
    FileError
        If there is such a file already, and `overwrite` is false.
    """
    from napari_colorizer.models.file import read_model

    source, target = find_model(name), Path(target)
    target = target / source.name if target.is_dir() else target
    if target.exists() and target.samefile(source):
        raise FileError(f"{source} and {target} are the same file")
    if not overwrite:
        refuse_existing(target)
    read_model(source)
    with replacing(target, overwrite) as temporary:
        try:
            shutil.copyfile(source, temporary)
        except FileNotFoundError:
            raise ModelError(f"the model {name!r} was removed in the meantime") from None
    return target


def remove_model(name: str) -> None:
    """Delete an installed model; `ModelError` if there is none of that name."""
    path = place_for(name)
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"there is no installed model {name!r}; there are {', '.join(installed_models())}") from None
    except OSError as error:  # Windows keeps a file that is in use
        raise ModelError(f"the model {name!r} cannot be removed: {error.strerror}. Is it in use?") from error
