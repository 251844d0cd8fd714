import os
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_colorizer.batches import video_parts
from napari_colorizer.batches.manifest import NAME
from napari_colorizer.batches.plan import make_plan
from napari_colorizer.batches.videos import can_read_videos, facts_of
from napari_colorizer.series.coloring import SeriesColorizer

pytestmark = pytest.mark.slow

FRAMES, RATE = 12, 12.5
needs_ffmpeg = pytest.mark.skipif(not can_read_videos(), reason="imageio-ffmpeg is not installed")


def write(path, frames, rate=RATE, **options):
    import imageio_ffmpeg

    size = frames.shape[2], frames.shape[1]
    lossless = {"codec": "libx264rgb", "pix_fmt_out": "rgb24", "output_params": ["-crf", "0"], "quality": None}
    options = {**lossless, **options}
    video = imageio_ffmpeg.write_frames(
        str(path), size, fps=rate, macro_block_size=1, ffmpeg_log_level="error", **options
    )
    video.send(None)
    for frame in frames:
        video.send(np.ascontiguousarray(frame))
    video.close()


def read(path):
    import imageio_ffmpeg

    parts = imageio_ffmpeg.read_frames(str(path))
    width, height = next(parts)["size"]
    return np.stack([np.frombuffer(part, np.uint8).reshape(height, width, 3) for part in parts])


@pytest.fixture
def frames(gray):
    """A window that moves over a picture."""
    large = gray(0, (100, 140))
    looks = [large[step : step + 48, 2 * step : 2 * step + 64] for step in range(FRAMES)]
    return np.stack([np.stack(looks)] * 3, -1)


@pytest.fixture
def film(tmp_path, frames):
    write(tmp_path / "film.mp4", frames)
    return tmp_path / "film.mp4"


def same(found, wanted):
    """Whether colors are the same but for the loss of a video, which has a quarter of their pixels."""
    return np.abs(rgb2lab(found) - rgb2lab(wanted)).mean() < 1.5


def stop_at(monkeypatch, number):
    """Let the disk be gone at that frame; gives what counts frames."""
    color, count = SeriesColorizer.color, []

    def failing(*given):
        count.append(1)
        if len(count) == number:
            raise OSError("the disk is gone")
        return color(*given)

    monkeypatch.setattr(SeriesColorizer, "color", failing)
    return count


@needs_ffmpeg
def test_a_video_becomes_one_of_steady_colors_with_its_frame_rate(colorize, film, frames, tiny_model):
    target = film.with_name("film.color.mp4")
    done = colorize(film, "--output", target)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.split() == [str(target)]
    found, colorizer = read(target), SeriesColorizer(tiny_model)
    wanted = np.stack([colorizer.color(frame).rgb for frame in frames])
    assert found.shape == frames.shape
    assert same(found, wanted)
    assert not same(found, frames)
    assert facts_of(target).rate == RATE


@needs_ffmpeg
def test_what_is_done_is_not_done_again_and_what_others_made_stays(colorize, film, monkeypatch):
    calls, color = [], SeriesColorizer.color
    monkeypatch.setattr(SeriesColorizer, "color", lambda *given: calls.append(1) or color(*given))
    target = film.parent / "out" / "film.color.mp4"
    for _ in range(2):
        assert colorize(film, "--output", target.parent).exit_code == 0
    assert len(calls) == FRAMES
    target.write_bytes(b"mine")
    refused = colorize(film, "--output", target.parent)
    assert refused.exit_code == 1
    assert "film.color.mp4 already exists" in refused.stderr
    assert target.read_bytes() == b"mine"
    assert colorize(film, "--output", target.parent, "--overwrite").exit_code == 0
    assert len(read(target)) == FRAMES


@needs_ffmpeg
def test_an_interrupted_video_leaves_nothing_half_written(colorize, film, monkeypatch):
    stop_at(monkeypatch, 5)
    before = {path.name for path in film.parent.iterdir()}
    stopped = colorize(film)
    assert stopped.exit_code == 1
    assert "film.mp4: the disk is gone" in stopped.stderr
    assert {path.name for path in film.parent.iterdir()} == before


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_is_continued_where_it_stopped_and_ends_with_the_same_bytes(
    colorize, film, tmp_path, monkeypatch, suffix
):
    (tmp_path / "dots.csv").write_text("20,30,#ff8800,8\n")
    wished = ("--hints", tmp_path / "dots.csv", "--limits", "auto")
    monkeypatch.setattr(video_parts, "PART_FRAMES", 4)
    whole, target = (tmp_path / name / f"film{suffix}" for name in ("whole", "out"))
    assert colorize(film, "-o", whole, *wished).exit_code == 0
    count = stop_at(monkeypatch, 11)
    assert colorize(film, "-o", target, *wished).exit_code == 1
    assert not target.exists()
    assert colorize(film, "-o", target, *wished).exit_code == 0
    assert len(count) == 11 + FRAMES - 2 * 4
    assert target.read_bytes() == whole.read_bytes()
    assert {path.name for path in target.parent.iterdir()} == {target.name, NAME}


@needs_ffmpeg
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a thing of POSIX")
def test_a_video_whose_job_is_killed_ends_with_the_same_bytes(start, colorize, tmp_path, frames, model_file):
    write(tmp_path / "film.mp4", np.tile(frames, (10, 1, 1, 1)))
    assert colorize(tmp_path / "film.mp4", "-o", tmp_path / "whole" / "film.mp4").exit_code == 0
    command = ("colorize", "-m", model_file, "--device", "cpu", tmp_path / "film.mp4", "-o", tmp_path / "out.mp4")
    for number in range(2):
        process = start(*command)
        while not list(tmp_path.glob(f".napari-colorizer/*/*/{number:06d}.mp4")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
    assert not (tmp_path / "out.mp4").exists()
    assert colorize(tmp_path / "film.mp4", "-o", tmp_path / "out.mp4").exit_code == 0
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole" / "film.mp4").read_bytes()


@needs_ffmpeg
def test_parts_of_other_colors_are_not_taken(colorize, film, tmp_path, monkeypatch):
    monkeypatch.setattr(video_parts, "PART_FRAMES", 4)
    whole, target = tmp_path / "whole" / "film.mp4", tmp_path / "out" / "film.mp4"
    assert colorize(film, "-o", whole, "--saturation", 0.5).exit_code == 0
    count = stop_at(monkeypatch, 11)
    assert colorize(film, "-o", target).exit_code == 1
    assert colorize(film, "-o", target, "--saturation", 0.5).exit_code == 0
    assert len(count) == 11 + FRAMES
    assert target.read_bytes() == whole.read_bytes()
    assert {path.name for path in target.parent.iterdir()} == {target.name, NAME}


@needs_ffmpeg
def test_every_frame_is_shown_for_the_same_time(colorize, tmp_path, frames, monkeypatch):
    import imageio_ffmpeg

    monkeypatch.setattr(video_parts, "PART_FRAMES", 3)
    write(tmp_path / "film.mp4", frames, rate=30000 / 1001)
    assert colorize(tmp_path / "film.mp4").exit_code == 0
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", tmp_path / "film.color.mp4", "-c", "copy", "-f", "framecrc", "-"]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    times = sorted(int(line.split(",")[2]) for line in told if not line.startswith("#"))
    assert len(times) == FRAMES
    assert len(set(np.diff(times))) == 1


@needs_ffmpeg
def test_pins_and_dots_hold_for_the_whole_video(colorize, film, tmp_path):
    (tmp_path / "dots.csv").write_text("20,30,#ff8800,8\n")
    plain, wished = tmp_path / "plain.mp4", tmp_path / "wished.mp4"
    assert colorize(film, "-o", plain).exit_code == 0
    assert colorize(film, "-o", wished, "--hints", tmp_path / "dots.csv", "--saturation", 0.5).exit_code == 0
    last = [rgb2lab(read(path)[5])[13:18, 18:23].reshape(-1, 3).mean(0) for path in (plain, wished)]
    assert last[1][2] > last[0][2] / 2 + 8  # more yellow where the dot has gone


@needs_ffmpeg
@pytest.mark.parametrize("shape", [(47, 65), (48, 65)])
def test_odd_sizes_stay_as_they_are(colorize, tmp_path, frames, shape):
    write(tmp_path / "odd.mkv", np.pad(frames[:3], ((0, 0), (0, 0), (0, 1), (0, 0)))[:, : shape[0]])
    assert colorize(tmp_path / "odd.mkv").exit_code == 0
    assert read(tmp_path / "odd.color.mp4").shape == (3, *shape, 3)


@needs_ffmpeg
def test_sound_is_kept(colorize, tmp_path, frames):
    import wave

    with wave.open(str(tmp_path / "tone.wav"), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes((8000 * np.sin(np.arange(8000 * FRAMES // RATE))).astype("<i2").tobytes())
    write(tmp_path / "film.mkv", frames, audio_path=str(tmp_path / "tone.wav"), audio_codec="pcm_s16le")
    assert facts_of(tmp_path / "film.mkv").sound == "pcm_s16le"
    assert colorize(tmp_path / "film.mkv").exit_code == 0
    assert facts_of(tmp_path / "film.color.mp4").sound == "aac"
    assert len(read(tmp_path / "film.color.mp4")) == FRAMES


@needs_ffmpeg
def test_pixels_that_are_no_squares_stay_so(colorize, tmp_path, frames):
    import imageio_ffmpeg

    wide = ["-vf", "setsar=4/3", "-crf", "0"]
    write(tmp_path / "wide.mkv", frames[:2], output_params=wide)
    assert colorize(tmp_path / "wide.mkv").exit_code == 0
    made = tmp_path / "wide.color.mp4"
    assert facts_of(made).size == (64, 48)
    shown = imageio_ffmpeg.read_frames(str(made), output_params=["-vf", "scale=iw*sar:ih"])
    assert next(shown)["size"] == (85, 48)
    shown.close()


@needs_ffmpeg
def test_a_video_that_breaks_off_is_told(colorize, tmp_path, frames):
    write(tmp_path / "film.mkv", np.concatenate([frames, frames]))
    whole = (tmp_path / "film.mkv").read_bytes()
    (tmp_path / "film.mkv").write_bytes(whole[: len(whole) // 2])
    done = colorize(tmp_path / "film.mkv")
    assert done.exit_code == 0, done.stderr
    left = len(read(tmp_path / "film.color.mp4"))
    assert left < 2 * FRAMES - 2
    assert f"warning: film.mkv has only {left} of the {2 * FRAMES} frames that fill its length" in done.stderr


@needs_ffmpeg
def test_a_colon_in_a_name_is_no_protocol_and_what_is_turned_upright_no_warning(
    colorize, film, tmp_path, monkeypatch, caplog
):
    import imageio_ffmpeg

    monkeypatch.chdir(tmp_path)
    turn = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-display_rotation", "90", "-i", film, "-c", "copy"]
    subprocess.run([*turn, tmp_path / "take 2.mp4"], check=True)
    name = "take 2.mp4" if os.name == "nt" else "take:2.mp4"
    (tmp_path / "take 2.mp4").rename(name)
    done = colorize(name)
    assert done.exit_code == 0, done.stderr
    assert read(tmp_path / f"{name[:-4]}.color.mp4").shape == (FRAMES, 64, 48, 3)
    assert caplog.records == []


@needs_ffmpeg
def test_videos_of_a_folder_are_taken_but_not_results(colorize, segment, film, scans):
    film.rename(scans / "film.mp4")
    for _ in range(2):
        assert colorize(scans).exit_code == 0
    assert segment(scans, "-o", scans / "maps").exit_code == 0
    made = {path.name for path in scans.iterdir() if ".color" in path.name}
    assert made == {"A.color.png", "B.color.png", "C.color.png", "film.color.mp4"}


@needs_ffmpeg
def test_frames_are_told_as_they_are_done(film, tiny_model, model_file):
    from napari_colorizer.batches.inputs import Input
    from napari_colorizer.batches.recipe import Recipe
    from napari_colorizer.batches.run import Here, run_job
    from napari_colorizer.checksums import checksum
    from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions

    class Told:
        def __init__(self):
            self.done, self.results = [], []

        def progress(self, done):
            self.done.append(done)

        def result(self, path, made):
            self.results.append((path.name, made))

    recipe = Recipe(str(model_file), checksum(model_file), SegmentOptions(), ColorizeOptions())
    (item,), _ = make_plan([Input(film, film.parent)], recipe)
    told = Told()
    assert (item.count, run_job([item], Here(), told)) == (FRAMES, 0)
    assert sorted(set(told.done)) == list(range(1, FRAMES + 1))
    assert told.results == [("film.color.mp4", True)]


@needs_ffmpeg
def test_no_more_than_a_few_frames_are_held(colorize, film, monkeypatch):
    held, most, color = weakref.WeakSet(), [], SeriesColorizer.color

    def counting(*given):
        found = color(*given)
        held.add(found)
        most.append(len(held))
        return found

    monkeypatch.setattr(SeriesColorizer, "color", counting)
    assert colorize(film).exit_code == 0
    assert len(most) == FRAMES
    assert max(most) <= 2


@needs_ffmpeg
@pytest.mark.parametrize(
    ("command", "options", "text"),
    [
        ("colorize", ["-o", "x.png"], "a video is written as .mp4, .m4v, .mkv, .mov, not as x.png"),
        ("colorize", ["--labels", "."], "film.mp4 is a video: it takes no label map"),
        ("segment", [], "film.mp4 is a video: to predict label maps, save its frames as a TIFF or zarr"),
    ],
)
def test_what_a_video_cannot_have_is_refused(request, film, command, options, text):
    refused = request.getfixturevalue(command)(film, *options)
    assert refused.exit_code == 1
    assert text in refused.stderr


@needs_ffmpeg
def test_what_is_no_video_is_told_in_one_line(colorize, tmp_path, scans):
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    for path, text in ((tmp_path / "bad.mp4", "bad.mp4 cannot be read as a video"), (tmp_path / "no.mp4", "no file")):
        refused = colorize(path)
        assert refused.exit_code == 1
        assert text in refused.stderr
        assert all(line.startswith("error: ") for line in refused.stderr.splitlines())
    refused = colorize(scans / "A.png", "-o", tmp_path / "A.mp4")
    assert "is a video, but" in refused.stderr


def test_without_ffmpeg_the_extra_is_named(colorize, tmp_path, scans, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    (scans / "film.mp4").write_bytes(b"\0" * 100)
    refused = colorize(scans / "film.mp4", "--output", tmp_path / "film.color.mp4")
    assert refused.exit_code == 1
    assert "film.mp4 is a video: pip install imageio-ffmpeg" in refused.stderr
    assert colorize(scans, "-o", tmp_path / "out").exit_code == 0  # its images are colored all the same
    assert len(list((tmp_path / "out").glob("*.color.png"))) == 3
