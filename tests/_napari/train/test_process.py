"""The process that trains, against stand-ins that misbehave."""

import subprocess
import sys
import time

import psutil
import pytest
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.train import process as training_process
from napari_colorizer._napari.train.process import TrainingProcess
from napari_colorizer.training.events import Failed, Finished, Note, Stopped


@pytest.fixture
def started(stand_in, qtbot):
    """Start a stand-in; gives the process, what it said and how it ended."""
    processes = []

    def start(body, command=None):
        process = TrainingProcess(command or stand_in(body))
        said, ended = [], []
        process.event_received.connect(said.append)
        process.ended.connect(ended.append)
        process.start([])
        processes.append(process)
        return process, said, ended

    yield start
    for process in processes:
        process.kill()


def test_lines_that_are_no_events_are_passed_over(started, until):
    _, said, ended = started(
        """
print("loading", flush=True)
sys.stdout.buffer.write(b"\\xff\\xfe{\\n")
sys.stdout.buffer.flush()
print('{"event": "Sneezed"}')
say("Note", text="hear")
print('{"event": "Note", "volume": 11}')
finished()
"""
    )
    until(lambda: ended)
    assert said == [Note("hear"), Finished("mine", "", False)]
    assert ended == [""]


def test_lines_come_together_again(started, until):
    process, said, ended = started(
        """
line = json.dumps({"event": "Note", "text": "Gr\u00fc\u00dfe \u2713"}, ensure_ascii=False).encode()
for part in (line[:24], line[24:26], line[26:] + b"\\n" + line + b"\\n" + line):
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    time.sleep(0.05)
"""
    )
    until(lambda: ended)
    assert said == [Note("Gr\u00fc\u00dfe \u2713")] * 3  # the last line has no end
    assert not process.running


def test_a_crash_tells_the_last_lines_of_its_errors(started, until):
    _, _, ended = started(
        "for i in range(500): print('line', i, file=sys.stderr)\nraise RuntimeError('no such kernel')"
    )
    until(lambda: ended)
    assert "crashed (exit code 1)" in ended[0]
    assert "RuntimeError: no such kernel" in ended[0]
    assert "line 400" not in ended[0]


def test_an_end_without_a_last_word_is_a_crash_even_with_exit_code_0(started, until):
    _, _, ended = started("prepared()")
    until(lambda: ended)
    assert "crashed (exit code 0)" in ended[0]


def test_a_failure_is_no_crash(started, until):
    _, said, ended = started("say('Failed', text='too dark')\nsys.exit(1)")
    until(lambda: ended)
    assert said == [Failed("too dark")]
    assert ended == [""]


def test_a_stop_at_once_is_a_last_word(started, until):
    _, said, ended = started("stopped(run='')")
    until(lambda: ended)
    assert said == [Stopped("")]
    assert ended == [""]


def test_it_may_end_while_an_event_is_heard(started, until):
    process, said, ended = started("sys.stdin.readline()\nsay('Note', text='first')\nfinished()")

    def let_qt_work(event):  # as napari does whenever a bar changes
        while event == Note("first") and not ended:
            QApplication.processEvents()
        QApplication.processEvents()
        assert not destroyed  # Qt is still inside it

    destroyed = []
    process._process.destroyed.connect(lambda: destroyed.append(1))
    process.event_received.connect(let_qt_work)
    process.stop()
    until(lambda: ended)
    assert said == [Note("first"), Finished("mine", "", False)]


def test_a_kill_from_outside_is_told(started, until):
    process, said, ended = started("say('Note', text='here')\ntime.sleep(60)")
    until(lambda: said)
    psutil.Process(int(process._process.processId())).kill()
    until(lambda: ended)
    assert "killed from outside" in ended[0] or "crashed" in ended[0]  # Windows does not say how it ended


def test_a_program_that_is_not_there_is_told_by_name(started, until, tmp_path):
    process, _, ended = started("", command=(str(tmp_path / "no python"),))
    until(lambda: ended)
    assert "no python" in ended[0]
    assert "could not be started" in ended[0]
    assert not process.running


def test_stop_is_a_line_and_the_end_of_input_ends_it_too(started, until):
    process, said, ended = started("say('Note', text=sys.stdin.readline())\nfinished(stopped=True)")
    process.stop()
    until(lambda: ended)
    assert said == [Note("stop\n"), Finished("mine", "", True)]


def test_end_waits_for_a_polite_process(started):
    process, said, ended = started("sys.stdin.readline()\ntime.sleep(0.3)\nfinished(stopped=True)")
    process.end()
    assert said == [Finished("mine", "", True)]
    assert ended == [""]
    assert not process.running


CHILD = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
say("Note", text=str(child.pid))
time.sleep(60)
"""


def test_end_kills_one_that_hangs_and_its_children(started, until, monkeypatch):
    monkeypatch.setattr(training_process, "PATIENCE_MS", 200)
    process, said, ended = started(CHILD)
    until(lambda: said)
    pids = [int(process._process.processId()), int(said[0].text)]
    began = time.monotonic()
    process.end()
    assert time.monotonic() - began < 5
    assert "ended immediately" in ended[0]
    until(lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_one_that_hangs_after_its_last_word_is_ended(started, until, monkeypatch):
    monkeypatch.setattr(training_process, "PATIENCE_MS", 100)
    _, _, ended = started("finished()\ntime.sleep(60)")
    until(lambda: ended)
    assert ended == [""]


def test_the_models_folder_is_the_same_over_there(started, until, library):
    _, said, ended = started("import os\nsay('Note', text=os.environ['NAPARI_COLORIZER_MODELS'])")
    until(lambda: ended)
    assert said == [Note(str(library))]


def test_it_can_be_started_again(started, until):
    process, said, ended = started("finished()")
    until(lambda: ended)
    process.start([])
    until(lambda: len(ended) == 2)
    assert len(said) == 2


def test_the_end_of_the_interpreter_leaves_no_orphan(stand_in, until, tmp_path):
    command = stand_in(
        "pathlib.Path(__file__).with_name('pid').write_text(str(__import__('os').getpid()))\n"
        "sys.stdin.read()\ntime.sleep(60)"
    )
    code = f"""
import time
from qtpy.QtWidgets import QApplication
from napari_colorizer._napari.train import process as training_process
from napari_colorizer._napari.train.process import TrainingProcess
app = QApplication([])
process = TrainingProcess({command!r})
training_process.PATIENCE_MS = 200
process.start([])
end = time.monotonic() + 30
import pathlib
while not pathlib.Path({str(tmp_path / "pid")!r}).exists() and time.monotonic() < end:
    app.processEvents()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not is_alive(pid))
