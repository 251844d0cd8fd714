import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_colorizer.guidance.labels import ClassRanks

ids_in_any_order = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=8, unique=True)


@settings(max_examples=50, deadline=None)
@given(ids_in_any_order, st.lists(st.integers(-(2**62), 2**62), max_size=5))
def test_a_known_id_gets_its_rank_and_any_other_rank_0(ids, others):
    labels = [*ids, *others]
    ranks = ClassRanks(tuple(ids))(torch.tensor([labels]))
    assert ranks.tolist() == [[ids.index(label) if label in ids else 0 for label in labels]]


def test_ranks_are_found_for_any_integer_type():
    ranks = ClassRanks((0, 7, 3))
    for dtype in (torch.uint8, torch.int16, torch.int32, torch.int64):
        assert ranks(torch.tensor([[3, 7, 4, 0]], dtype=dtype)).tolist() == [[2, 1, 0, 0]]
        assert ranks(torch.tensor([[3]], dtype=dtype)).dtype == torch.int64


def test_ranks_are_no_part_of_the_weights():
    assert ClassRanks((0, 1)).state_dict() == {}
