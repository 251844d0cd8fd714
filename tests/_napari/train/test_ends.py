"""How a training ends in the dock Train, and how it goes on."""

import os

import pytest
from napari.utils import progress as activity
from qtpy.QtWidgets import QFileDialog

from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import runs_folder

ANOTHER = "Another folder…"
IDLE = ["Check data", "Start", "Resume"]
CRASH = "prepared()\nprogress(1)\ntime.sleep(0.1)\nraise SystemError('the GPU fell off the bus')"


def test_a_stop_before_it_began_is_no_failure(run_to_end, resume, enabled):
    _, widget = run_to_end("stopped(run='')")
    assert widget.message.text().startswith("Training was stopped before it began")
    assert resume.offered(widget) == [ANOTHER]
    assert enabled(widget) == IDLE


def test_a_stop_before_the_first_epoch_keeps_the_run(run_to_end, resume):
    _, widget = run_to_end("prepared()\nstopped()")
    assert "run of mine is unchanged: press Resume" in widget.message.text()
    assert "ended" not in widget.message.text()
    assert resume.offered(widget) == ["run of mine", ANOTHER]


def test_resume_is_not_recommended_where_it_cannot_help(run_to_end):
    _, widget = run_to_end("prepared()\nsay('Failed', text='the loss is no number', resumable=False)\nsys.exit(1)")
    assert "the loss is no number" in widget.message.text()
    assert "press Resume" not in widget.message.text()
    assert "change the options and press Start" in widget.message.text()


def test_the_curves_of_another_run_do_not_stay(run_to_end, stand_in, until):
    _, widget = run_to_end("prepared()\nprogress(1)\nfinished()")
    assert not widget.curves.isHidden()
    widget.controller.process.command = stand_in("say('Failed', text='too dark')\nsys.exit(1)")
    widget.start_button.click()
    until(lambda: "too dark" in widget.message.text())
    assert widget.curves.isHidden()


def test_a_crash_is_told_with_the_way_on(run_to_end, enabled):
    _, widget = run_to_end(CRASH)
    assert "the GPU fell off the bus" in widget.message.text()
    assert "run of mine" in widget.message.text()
    assert "Resume" in widget.message.text()
    assert enabled(widget) == IDLE
    assert not activity._all_instances


def test_a_crash_before_anything_was_trained_offers_no_resume(run_to_end, enabled):
    _, widget = run_to_end("raise SystemError('no')")
    assert "Nothing has been trained yet" in widget.message.text()
    assert enabled(widget) == IDLE


def test_a_failure_is_told_in_its_own_words(run_to_end, enabled):
    _, widget = run_to_end("prepared()\nsay('Failed', text='the disk is full')\nsys.exit(1)")
    assert "the disk is full" in widget.message.text()
    assert "crashed" not in widget.message.text()
    assert "press Resume" in widget.message.text()
    assert enabled(widget) == IDLE


def test_a_missing_interpreter_is_told(bare_train, sound_data, until, tmp_path, enabled):
    _, widget = bare_train((str(tmp_path / "no python"),))
    widget.start_button.click()
    until(lambda: widget.message.text())
    assert "no python" in widget.message.text()
    assert enabled(widget) == IDLE


def test_one_that_does_not_stop_is_ended_at_the_second_click(bare_train, sound_data, stand_in, until, enabled):
    _, widget = bare_train(stand_in("prepared()\nprogress(1)\ntime.sleep(60)"))
    widget.start_button.click()
    until(lambda: widget.progress.value() == 1)
    widget.stop_button.click()
    assert enabled(widget) == ["End now"]
    widget.stop_button.click()
    until(lambda: widget.controller.phase == "idle")
    assert "ended immediately" in widget.message.text()
    assert enabled(widget) == IDLE
    assert widget.stop_button.text() == "Stop"


# -- resuming


def test_resume_goes_on_with_the_last_run_and_its_curves(run_to_end, stand_in, until, resume):
    _, widget = run_to_end("prepared()\nfor step in range(1, 9): progress(step, loss=step)\nsys.exit(3)")
    body = "assert sys.argv[1] == '--resume'\nprepared(run=sys.argv[2], resumed=2)\nprogress(5, loss=50)\nfinished()"
    widget.controller.process.command = stand_in(body)
    resume(widget, "run of mine")
    until(lambda: widget.controller.phase == "idle")
    assert "finished" in widget.message.text()
    assert [loss for _, loss in widget.controller.history.losses["segmenter"]] == [1, 2, 3, 4, 50]


def test_resume_asks_for_a_folder_and_shows_its_log(bare_train, stand_in, until, tmp_path, monkeypatch, resume):
    run = tmp_path / "older"
    (run / "colorizer").mkdir(parents=True)
    (run / "colorizer" / "log.csv").write_text("epoch,step,loss,psnr,best\n0,0,nan,20,True\n1,9,0.5,21,True\n")
    TrainOptions().write(run / "options.json")
    _, widget = bare_train(stand_in("prepared(run=sys.argv[2])\nsys.exit(3)"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(run))
    resume(widget, ANOTHER)
    until(lambda: widget.controller.phase == "idle")
    assert widget.controller.run == str(run)
    assert widget.controller.history.losses == {"colorizer": [(1, 0.5)]}
    assert widget.controller.history.metrics == {"colorizer": {"psnr": [(0, 20), (1, 21)]}}


def test_resume_without_a_folder_does_nothing(bare_train, monkeypatch, resume, enabled):
    _, widget = bare_train()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    resume(widget, ANOTHER)
    assert enabled(widget) == IDLE


@pytest.mark.parametrize(("options", "words"), [(None, "not the folder of a training run"), ("{", "is damaged")])
def test_resuming_a_folder_that_is_no_run_changes_nothing(run_to_end, tmp_path, monkeypatch, resume, options, words):
    _, widget = run_to_end("prepared()\nprogress(1)\nsys.exit(3)")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    if options:
        (foreign / "options.json").write_text(options)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(foreign))
    resume(widget, ANOTHER)
    assert words in widget.message.text()
    assert "Resume" not in widget.message.text()
    assert widget.controller.phase == "idle"
    assert widget.controller.history.losses
    assert resume.offered(widget) == ["run of mine", ANOTHER]


def test_resume_offers_the_runs_that_have_epochs_to_go(bare_train, resume, monkeypatch):
    _, widget = bare_train()
    asked = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: asked.append(given[2]) or "")
    resume(widget, ANOTHER)
    for age, (name, network, done) in enumerate(
        [("new", "segmenter", 1), ("done", "segmenter", 3), ("half", "both", 3), ("fresh & gray", "both", 0)]
    ):
        run = runs_folder() / name
        (run / "segmenter").mkdir(parents=True)
        TrainOptions(network=network, epochs=3).write(run / "options.json")
        os.utime(run / "options.json", (1e9 - age, 1e9 - age))
        rows = "".join(f"{epoch},0.5\n" for epoch in range(done + 1))
        (run / "segmenter" / "log.csv").write_text(f"epoch,loss\n{rows}")
    (runs_folder() / "nothing").mkdir()
    assert resume.offered(widget) == ["new", "half", "fresh && gray", ANOTHER]
    resume(widget, ANOTHER)
    assert asked == ["", str(runs_folder())]


# -- the data
