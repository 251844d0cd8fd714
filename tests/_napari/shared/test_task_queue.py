"""The one background thread of a dock."""

import sys
import threading
import time

import pytest

from napari_colorizer._napari.shared.progress import Cancelled, Progress
from napari_colorizer._napari.shared.task_queue import Request, TaskQueue


class Log:
    """A task queue, and all that it reports, in order."""

    def __init__(self, qtbot):
        self.qtbot, self.tasks = qtbot, TaskQueue()
        self.busy, self.failed, self.results, self.prepared = [], [], [], []
        self.tasks.busy.connect(self.busy.append)
        self.tasks.failed.connect(lambda doing, error: self.failed.append((doing, str(error))))

    def ask(self, kind, result=None, work=None, then=None, can_wait=False):
        def prepare():
            self.prepared.append(result)
            return work or (lambda: result)

        self.tasks.submit(Request(kind, prepare, then or self.results.append, f"doing {kind}", can_wait))

    def finish(self):
        self.qtbot.waitUntil(lambda: self.tasks.idle, timeout=30_000)


@pytest.fixture
def log(qtbot):
    made = Log(qtbot)
    yield made
    made.finish()


@pytest.fixture
def gate():
    """Work that waits in the thread until the event is set."""
    event = threading.Event()
    yield event
    event.set()


def fail():
    raise ValueError("no good")


def test_the_newest_request_of_a_kind_takes_the_place_of_one_that_waits(log, gate):
    log.ask("color", "first", work=lambda: gate.wait(30) and "first")
    for number in range(5):
        log.ask("color", number)
    gate.set()
    log.finish()
    assert log.results == ["first", 4]
    assert log.prepared == ["first", 4]


def test_different_kinds_are_done_in_the_order_in_which_they_were_asked_for(log, gate):
    log.ask("load", "load", work=lambda: gate.wait(30) and "load")
    log.ask("predict", "old")
    log.ask("color", "color")
    log.ask("predict", "predict")
    gate.set()
    log.finish()
    assert log.results == ["load", "predict", "color"]


def test_what_can_wait_is_done_when_nothing_else_waits(log, gate):
    log.ask("load", "load", work=lambda: gate.wait(30) and "load")
    log.ask("more", "more", can_wait=True)
    log.ask("color", "color")
    log.ask("predict", "predict")
    gate.set()
    log.finish()
    assert log.results == ["load", "color", "predict", "more"]


def test_it_tells_what_comes_next(log, gate):
    log.ask("load", work=lambda: gate.wait(30))
    assert not log.tasks.comes_next("load")
    log.ask("more", can_wait=True)
    assert log.tasks.comes_next("more")
    log.ask("color")
    log.ask("predict")
    assert [log.tasks.comes_next(kind) for kind in ("more", "color", "predict")] == [False, True, False]
    gate.set()
    log.finish()
    assert not log.tasks.comes_next("color")


def test_work_is_done_in_a_thread_and_all_else_on_the_main_thread(log):
    threads = []
    note = lambda *_: threads.append(threading.current_thread() is threading.main_thread())  # noqa: E731
    log.tasks.submit(Request("color", lambda: note() or note, note, "coloring"))
    log.finish()
    assert threads == [True, False, True]


def test_work_leaves_the_settings_of_the_process_alone(log):
    usual = sys.getswitchinterval()
    log.ask("a", work=lambda: log.results.append(sys.getswitchinterval()))
    log.finish()
    assert log.results[0] == usual


def test_failing_work_is_reported_and_the_next_request_still_runs(log, gate):
    log.ask("predict", work=lambda: gate.wait(30) and fail())
    log.ask("color", "color")
    gate.set()
    log.finish()
    assert log.failed == [("doing predict", "no good")]
    assert log.results == ["color"]


def test_a_failing_preparation_is_reported_and_the_next_request_still_runs(log):
    log.tasks.submit(Request("predict", fail, log.results.append, "doing predict"))
    log.ask("color", "color")
    log.finish()
    assert log.failed == [("doing predict", "no good")]
    assert log.results == ["color"]


def test_failing_use_of_a_result_is_reported_and_the_next_request_still_runs(log, gate):
    log.ask("predict", work=lambda: gate.wait(30), then=lambda _: fail())
    log.ask("color", "color")
    gate.set()
    log.finish()
    assert log.failed == [("doing predict", "no good")]
    assert log.results == ["color"]


def test_a_runtime_error_such_as_a_full_gpu_is_reported_too(log):
    def work():
        raise RuntimeError("out of memory")

    log.ask("color", work=work)
    log.finish()
    assert log.failed == [("doing color", "out of memory")]


def test_nothing_to_do_is_no_failure(log):
    log.tasks.submit(Request("color", lambda: None, log.results.append, "coloring"))
    log.ask("predict", "predict")
    log.finish()
    assert log.results == ["predict"]
    assert not log.failed


def test_a_request_may_follow_from_a_result(log):
    log.ask("predict", "labels", then=lambda result: log.ask("color", f"colors of {result}"))
    log.finish()
    assert log.results == ["colors of labels"]


def test_what_is_asked_for_while_another_request_is_prepared_waits_its_turn(log, gate):
    running, most = [], []

    def work():
        running.append(1)
        most.append(len(running))
        gate.wait(0.2)
        running.pop()

    def prepare():
        log.ask("color", work=work)
        return work

    log.tasks.submit(Request("folder", prepare, log.results.append, "saving"))
    log.finish()
    assert most == [1, 1]
    assert len(log.results) == 2


def test_it_says_what_it_does_and_in_the_end_that_it_does_nothing(log):
    log.ask("predict", "labels")
    log.ask("color", work=fail)
    log.finish()
    assert [text for text in log.busy if text] == ["doing predict", "doing color"]
    assert log.busy[-1] == ""
    assert log.tasks.idle


def test_closing_drops_what_waits_and_the_result_of_what_runs(log, gate, qtbot):
    ended = threading.Event()

    def work():
        gate.wait(30)
        ended.set()

    log.ask("color", work=work)
    log.ask("predict", "labels")
    log.tasks.close()
    log.ask("predict", "too late")
    reports = len(log.busy)
    gate.set()
    log.finish()
    assert ended.is_set()
    assert not log.results
    assert not log.failed
    assert len(log.busy) == reports


# -- what follows on


@pytest.fixture
def follow(log, gate):
    """Requests of which each may follow on the one before; what the thread begins, in order."""
    begun = []

    def ask(result, prepare=None, kind="color"):
        def work():
            begun.append(result)
            gate.wait(30)
            return result

        def prepared():
            log.prepared.append(result)
            return work

        then = log.results.append
        log.tasks.submit(Request(kind, prepare or prepared, then, f"doing {kind}", follows_on=True))

    ask.begun = begun
    return ask


def until(reached):
    """Wait without any work of the main thread."""
    deadline = time.monotonic() + 30
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.001)


def test_what_follows_on_is_begun_before_the_result_before_it_is_used(log, gate, follow):
    follow("first")
    follow("dropped")
    follow("second")
    assert log.tasks.comes_next("color")
    gate.set()
    until(lambda: "second" in follow.begun)
    assert not log.results
    log.finish()
    assert log.results == follow.begun == ["first", "second"]
    assert log.prepared == ["first", "dropped", "second"]
    assert log.tasks.progress is None


def test_nothing_follows_on_what_has_failed_or_is_of_another_kind(log, gate, follow):
    log.ask("color", work=lambda: gate.wait(30) and fail())
    follow("after a failure")
    gate.set()
    log.finish()
    assert log.failed == [("doing color", "no good")]
    gate.clear()
    log.ask("predict", "labels", work=lambda: gate.wait(30) and "labels")
    follow("after labels")
    assert log.prepared == [None, "after a failure", "after a failure", "labels"]
    gate.set()
    log.finish()
    assert log.results == ["after a failure", "labels", "after labels"]


def test_what_follows_on_waits_for_what_came_before_it(log, gate, follow):
    follow("first")
    log.ask("predict", "labels")
    follow("second")
    gate.set()
    log.finish()
    assert log.results == ["first", "labels", "second"]
    assert log.prepared == ["first", "labels", "second"]


def test_what_is_taken_is_not_gone_on_with(log, gate, follow):
    follow("first")
    follow("second")
    work = log.tasks.take("color")
    gate.set()
    log.finish()
    assert log.results == follow.begun == ["first"]
    assert work() == "second"


def test_what_the_thread_does_may_be_done_again(log, gate):
    log.ask("color", "color", work=lambda: gate.wait(30) and "color")
    assert log.tasks.take("color") is None
    assert log.tasks.take("predict", again=True) is None
    again = log.tasks.take("color", again=True)
    gate.set()
    assert again() == "color"
    log.finish()
    assert log.results == ["color"]
    assert log.tasks.take("color", again=True) is None


def test_a_preparation_that_fails_ahead_is_told_when_its_turn_comes(log, gate, follow):
    follow("first")
    follow("second", prepare=fail)
    assert not log.failed
    gate.set()
    log.finish()
    assert log.results == ["first"]
    assert log.failed == [("doing color", "no good")]


def test_after_closing_nothing_is_gone_on_with(log, gate, follow):
    follow("first")
    follow("second")
    log.tasks.close()
    gate.set()
    log.finish()
    assert follow.begun == ["first"]
    assert not log.results


# -- how far it is, and cancelling


@pytest.fixture
def cancelled(log):
    said = []
    log.tasks.cancelled.connect(said.append)
    return said


def ask_told(log, progress, work, result="told", **kind):
    def then(_):
        log.results.append(result)

    log.tasks.submit(Request("told", lambda: work, then, "telling", progress=progress, **kind))


def test_work_that_tells_its_progress_ends_when_it_is_cancelled_and_the_next_is_done(log, qtbot, cancelled):
    progress = Progress()

    def work():
        progress.tell(0.0)
        until(lambda: progress.tell(0.5))

    ask_told(log, progress, work)
    ask_told(log, Progress(), lambda: None, "a later one of the kind")
    log.ask("color", "color")
    qtbot.waitUntil(lambda: log.tasks.progress.done == 0.5, timeout=30_000)
    for _ in range(2):  # twice is no harm
        log.tasks.cancel()
    log.finish()
    assert cancelled == ["telling"]
    assert log.results == ["color"]
    assert not log.failed
    assert log.busy[-1] == ""
    ask_told(log, Progress(), lambda: None, "again")
    log.finish()
    assert log.results == ["color", "again"]


def test_when_the_thread_goes_on_at_that_moment_what_it_goes_on_with_is_cancelled(log, gate, cancelled, monkeypatch):
    first, second, lock = Progress(), Progress(), log.tasks._lock

    def brief():
        first.tell(0.5)
        gate.wait(30)

    def long():
        until(lambda: second.tell(0.5))

    class LateLock:
        """A lock for which the main thread comes late, just when the thread has gone on."""

        def __enter__(self):
            if threading.current_thread() is threading.main_thread():
                gate.set()
                until(lambda: second.done is not None)
            return lock.__enter__()

        def __exit__(self, *error):
            return lock.__exit__(*error)

    ask_told(log, first, brief, "brief", follows_on=True)
    ask_told(log, second, long, "long", follows_on=True)
    until(lambda: first.done)
    with monkeypatch.context() as late:
        late.setattr(log.tasks, "_lock", LateLock())
        log.tasks.cancel()
    log.finish()
    assert (first.cancelled, second.cancelled) == (False, True)
    assert log.results == ["brief"]
    assert cancelled == ["telling"]


def test_what_tells_nothing_is_not_cancelled(log, gate, cancelled):
    log.tasks.cancel()
    log.ask("save", "saved", work=lambda: gate.wait(30) and "saved")
    assert log.tasks.progress.done is None
    log.tasks.cancel()
    gate.set()
    log.finish()
    assert log.results == ["saved"]
    assert not cancelled
    assert log.tasks.progress is None


def test_the_time_left_follows_from_what_is_done(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress()
    progress.begin()
    progress.tell(0.0)
    assert progress.seconds_left is None
    now[0] += 4
    progress.begin()  # the next part of the same work
    progress.tell(0.2)
    assert (progress.seconds, progress.seconds_left) == (4, pytest.approx(16))
    shares = []
    for left in (80, 60, 20, 0):
        progress.count_down(left)
        shares.append(progress.done)
    assert shares == pytest.approx([0.2, 0.4, 0.8, 1])
    assert progress.seconds_left == 0
    progress.cancelled = True
    with pytest.raises(Cancelled):
        progress.tell(0.9)
