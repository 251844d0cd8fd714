"""Errors whose text is made for the user: it names what is wrong and says what would help."""


class ColorizerError(ValueError):
    """The base of these errors."""


class DeviceError(ColorizerError):
    """The chosen device is not there."""


class FileError(ColorizerError):
    """A file that cannot be read or written as what it should be."""


class ModelError(ColorizerError):
    """A model that is missing, broken or cannot do what is asked of it."""


class DataError(ColorizerError):
    """A labeled set that cannot be trained on as it is."""


class TrainingError(ColorizerError):
    """Training that cannot begin or go on as asked."""

    resumable = True  # whether to resume the run may help


class DivergedError(TrainingError):
    """Training whose loss is no number any more."""

    resumable = False
