"""Errors whose text is made for the user: it names what is wrong and says what would help."""

MEMORY_PHRASES = ("out of memory", "can't allocate memory", "not enough memory")


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


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory, of the machine or a GPU: libraries tell it in words."""
    return isinstance(error, MemoryError) or any(phrase in str(error).lower() for phrase in MEMORY_PHRASES)
