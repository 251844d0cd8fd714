from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from napari_colorizer.networks.config_values import check_values


@dataclass(frozen=True)
class Config:
    size: int = 1
    factor: float = 1.0
    fast: bool = False
    name: str = ""
    step: Literal[1, 2, 4] = 1
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_values(self)


def test_values_become_plain_ones_of_their_kind():
    config = Config(np.int64(3), np.float32(0.5), True, "a", np.int8(2), [np.uint8(4), 5])
    assert config == Config(3, 0.5, True, "a", 2, (4, 5))
    assert [type(value) for value in vars(config).values()] == [int, float, bool, str, int, tuple]
    assert {type(label) for label in config.ids} == {int}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("size", [None, "3", 1.5, [1], float("nan")]),
        ("factor", [None, "1", [], float("nan"), float("inf"), 1j]),
        ("fast", [None, "yes", 2, []]),
        ("name", [None, 3, ["a"]]),
        ("step", [None, 0, 3, "1", [1]]),
        ("ids", [None, 3, "12", [1.5], [None]]),
    ],
)
def test_values_of_another_kind_are_refused(field, values):
    for value in values:
        with pytest.raises((ValueError, TypeError)):
            Config(**{field: value})
