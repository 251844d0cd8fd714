"""Errors whose text is made for the user: it names what is wrong and says what would help."""

import os

LONGEST_MESSAGE, KEPT_AT_ITS_END = 1200, 400
MEMORY_PHRASES = ("out of memory", "can't allocate memory", "not enough memory")


def readable(text: str, most: int = LONGEST_MESSAGE) -> str:
    r"""A text as it can be shown in one line: names and values from files may hold anything, and any amount of it.

    Control characters and what is no character at all are escaped; of a long text the middle is left out.

    Examples
    --------
    >>> print(readable(f"a{chr(27)}[2Jb"))
    a\x1b[2Jb
    """
    if len(text) > most:
        end = min(KEPT_AT_ITS_END, most // 3)
        text = f"{text[: most - end]} … {text[len(text) - end :]}"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def reason(error: BaseException) -> str:
    """What went wrong, in words: an error of the system says which file, and not its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


class ColorizerError(ValueError):
    """The base of these errors."""

    def __str__(self) -> str:
        return readable(super().__str__())


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


class LostRunError(TrainingError):
    """Training whose folder was removed, moved or replaced meanwhile."""

    resumable = False


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory, of the machine or a GPU: libraries tell it in words."""
    return isinstance(error, MemoryError) or any(phrase in str(error).lower() for phrase in MEMORY_PHRASES)
