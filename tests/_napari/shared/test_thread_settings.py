import sys
import threading
from contextlib import suppress

import pytest
import torch

from napari_colorizer._napari.shared import thread_settings


@pytest.fixture
def threads():
    """PyTorch's threads in this thread, which a test may alter."""
    usual = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(usual)


def in_a_new_thread(ask):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join()
    return answers[0]


@pytest.mark.parametrize(
    ("processors", "usual", "spared"),
    [(8, 8, 7), (8, 4, 4), (2, 2, 1), (1, 1, 1)],
)
def test_one_processor_is_left_to_the_window(threads, monkeypatch, processors, usual, spared):
    monkeypatch.setattr(thread_settings, "processors", lambda: processors)
    threads(usual)
    with thread_settings.processor_spared():
        assert torch.get_num_threads() == spared
    assert torch.get_num_threads() == usual


def test_after_a_failure_all_processors_are_used_again(threads, monkeypatch):
    monkeypatch.setattr(thread_settings, "processors", lambda: 2)
    threads(2)
    with suppress(ZeroDivisionError), thread_settings.processor_spared():
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 2


def test_two_at_once_take_no_threads_from_each_other_for_good(threads, monkeypatch):
    monkeypatch.setattr(thread_settings, "processors", lambda: 2)
    threads(2)
    begun, go_on, after = threading.Event(), threading.Event(), []

    def other():
        with thread_settings.processor_spared():
            begun.set()
            go_on.wait(30)
        after.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with thread_settings.processor_spared():
        thread.start()
        assert begun.wait(30)
    go_on.set()
    thread.join()
    assert torch.get_num_threads() == 2
    assert [*after, in_a_new_thread(torch.get_num_threads)] == [2, 2]


def test_other_threads_that_begin_meanwhile_compute_as_usual(threads, monkeypatch):
    monkeypatch.setattr(thread_settings, "processors", lambda: 2)
    threads(2)
    with thread_settings.processor_spared():
        assert in_a_new_thread(torch.get_num_threads) == 2
        assert torch.get_num_threads() == 1


def test_threads_take_turns_promptly_as_long_as_anybody_needs_that():
    usual = sys.getswitchinterval()
    with thread_settings.promptly():
        with suppress(ZeroDivisionError), thread_settings.promptly():
            1 / 0  # noqa: B018
        assert sys.getswitchinterval() == pytest.approx(thread_settings.PROMPT)
    assert sys.getswitchinterval() == usual > thread_settings.PROMPT


def test_there_is_a_processor():
    assert thread_settings.processors() >= 1
