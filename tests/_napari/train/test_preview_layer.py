"""The validation pictures in the viewer."""

import numpy as np
from napari.layers import Image
from PIL import Image as Picture


def pictures_of(tmp_path, *values, width=40):
    paths = []
    for number, value in enumerate(values):
        paths.append(str(tmp_path / f"{number} {value}.png"))
        Picture.fromarray(np.full((10, width, 3), value, np.uint8)).save(paths[-1])
    return paths


def test_the_preview_is_one_layer_that_changes_in_place(run_to_end, until, tmp_path):
    first, second = pictures_of(tmp_path, 10, 20), pictures_of(tmp_path, 30, 40)
    body = f"prepared()\nended(0, pictures={first!r})\ntime.sleep(0.3)\n"
    viewer, widget = run_to_end(f"{body}finished()")
    (layer,) = viewer.layers
    assert layer.name == "training preview"
    assert layer.rgb
    assert [int(layer.data[row, 0, 0]) for row in (0, -1)] == [10, 20]
    data = layer.data
    widget.controller._request_preview(second)
    until(lambda: widget.controller.tasks.idle)
    assert viewer.layers[0].data is data
    assert [int(data[row, 0, 0]) for row in (0, -1)] == [30, 40]


def test_the_preview_lies_below_the_users_layers_and_leaves_the_selection(
    bare_train, sound_data, stand_in, until, tmp_path
):
    body = f"prepared()\nended(0, pictures={pictures_of(tmp_path, 10)!r})\nfinished()"
    viewer, widget = bare_train(stand_in(body))
    mine = viewer.add_layer(Image(np.zeros((60, 80)), name="mine", scale=(2, 2), translate=(5, 7), units="um"))
    widget.start_button.click()
    until(lambda: len(viewer.layers) == 2)
    preview = viewer.layers["training preview"]
    top, left = preview.extent.world[0]
    assert top > mine.extent.world[1, 0]
    assert abs(left - mine.extent.world[0, 1]) < 4
    np.testing.assert_allclose(np.ptp(preview.extent.world[:, 1]), np.ptp(mine.extent.world[:, 1]), rtol=0.1)
    assert viewer.layers.selection.active is mine
    assert preview.units == mine.units


def test_a_preview_that_the_user_deleted_stays_away_until_the_next_training(
    bare_train, sound_data, stand_in, until, tmp_path
):
    picture = pictures_of(tmp_path, 10)
    body = (
        f"prepared()\nended(0, pictures={picture!r})\nsys.stdin.readline()\nended(1, pictures={picture!r})\nfinished()"
    )
    viewer, widget = bare_train(stand_in(body))
    for _ in range(2):
        widget.start_button.click()
        until(lambda: viewer.layers)
        viewer.layers.clear()
        widget.stop_button.click()
        until(lambda: widget.controller.phase == "idle" and widget.controller.tasks.idle)
        assert not viewer.layers


def test_the_dock_colorize_does_not_offer_the_preview(bare_dock, bare_train, sound_data, stand_in, until, tmp_path):
    body = f"prepared()\nended(0, pictures={pictures_of(tmp_path, 10)!r})\nfinished()"
    viewer, widget = bare_train(stand_in(body))
    widget.start_button.click()
    until(lambda: viewer.layers)
    _, colorize = bare_dock(*viewer.layers)
    assert colorize.image_choices() == []


# -- what goes wrong
