import pytest

from napari_colorizer.errors import ColorizerError, FileError, ModelError, TrainingError, readable


@pytest.mark.parametrize("text", ["", "plain text", "père Noël, 写真, é", "a  b — c … 'd' \"e\" \\n"])
def test_ordinary_text_stays_as_it_is(text):
    assert readable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\ud800", r"\ud800"),
        ("\u202eabc", r"\u202eabc"),
        ("\0", r"\x00"),
    ],
)
def test_what_is_no_visible_character_is_escaped(text, shown):
    assert readable(text) == shown
    readable(text).encode()


def test_of_a_long_text_both_ends_stay():
    shown = readable("begin" + "x" * 10**6 + "end")
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert len(shown) < 1300


@pytest.mark.parametrize("kind", [ColorizerError, FileError, ModelError, TrainingError])
def test_every_error_of_ours_can_be_shown(kind):
    text = str(kind("the name \x1b[2J\ud800 " + "y" * 10**6 + ": choose another"))
    assert text.isprintable()
    assert text.endswith(": choose another")
    assert len(text) < 1300
