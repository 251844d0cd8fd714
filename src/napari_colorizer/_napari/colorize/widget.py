"""The dock ``Colorize``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_colorizer._napari.colorize.autosave import Autosave, Offer
from napari_colorizer._napari.colorize.brush_color import BrushColor
from napari_colorizer._napari.colorize.class_list import ClassList
from napari_colorizer._napari.colorize.color_tools import ColorTools
from napari_colorizer._napari.colorize.compare_keys import CompareKeys
from napari_colorizer._napari.colorize.confidence_slider import ConfidenceSlider
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.device_box import DeviceBox
from napari_colorizer._napari.colorize.fill_tool import FillTool
from napari_colorizer._napari.colorize.folder_bar import FolderBar
from napari_colorizer._napari.colorize.folder_browser import FolderBrowser
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.instance_labels import InstanceLabels
from napari_colorizer._napari.colorize.keys_page import KeysPage
from napari_colorizer._napari.colorize.known_files import KnownFiles
from napari_colorizer._napari.colorize.map_tools import MapTools
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.reset_tool import ResetButton, ResetTool
from napari_colorizer._napari.colorize.save_button import SaveButton
from napari_colorizer._napari.colorize.saving import Saver
from napari_colorizer._napari.colorize.series import SeriesColoring
from napari_colorizer._napari.colorize.series_bar import SeriesBar
from napari_colorizer._napari.colorize.training_pairs import Collector
from napari_colorizer._napari.colorize.unusual_images import UnusualImages
from napari_colorizer._napari.colorize.welcome import ColorizeWelcome
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.dock import Dock, fill, form, options_part, row
from napari_colorizer._napari.shared.number_box import number_box, number_in, show_number
from napari_colorizer._napari.shared.offer_bar import OfferBar
from napari_colorizer._napari.shared.task_queue import Request
from napari_colorizer._napari.shared.text_box import TextBox
from napari_colorizer._napari.shared.work_bar import WorkBar
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.models.library import installed_models

LAYER_LIST_EVENTS = ("inserted", "removed", "reordered", "renamed")
OWN = "the model's own"
AUTOSAVE_MS = 60_000


class ColorizeWidget(Dock):
    """Shows a `ColorizeController` and passes on what the user wants.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel):
        super().__init__()
        self.viewer = napari_viewer
        self.controller = controller = ColorizeController(napari_viewer)
        self.prediction = Prediction(controller)
        self.series = SeriesColoring(self.prediction)
        files = KnownFiles()
        self.folder = FolderBrowser(self.prediction, files)
        self.saver = Saver(controller, files)
        self.collector = Collector(controller, self)
        self.autosave = Autosave(controller)
        self.unusual_images, self.instance_labels = UnusualImages(controller), InstanceLabels(controller, self)
        self.reset_tool, self.filling = ResetTool(self.prediction), FillTool(controller)
        self.compare_keys = CompareKeys(controller)
        self._told_of: Image | None = None  # what the message is about
        self._offered_of: Image | None = None  # and what the offer is about
        self.keeping = QTimer(self, interval=AUTOSAVE_MS)
        self._build()
        self._connect()
        self.reset_choices()
        self._choose_first_image()
        controller.tasks.submit(Request("warm up", lambda: self._warm_up, self.devices.offer, "Loading the model"))
        series = self.series
        self.destroyed.connect(lambda: controller.close())
        self.destroyed.connect(lambda: series.close())

    def stop(self) -> None:
        """Let go of the viewer."""
        for tool in (
            self.reset_tool,
            self.filling,
            self.map_tools,
            self.color_tools,
            self.brush_color,
            self.compare_keys,
            self.save_button,
            self.keys_page,
        ):
            tool.release()
        self.keeping.stop()
        self.autosave.close()
        self.series.close()
        self.controller.close()
        self.controller.message.disconnect(self._show_message)  # a question that is still open may be answered later
        for name in LAYER_LIST_EVENTS:
            getattr(self.viewer.layers.events, name).disconnect(self.reset_choices)

    # -- what it is made of

    def _build(self) -> None:
        self.images, self.label_maps, self.models = QComboBox(), QComboBox(), QComboBox()
        self.images.setToolTip("The image layer to color")
        self.label_maps.setToolTip("The Labels layer that says what is where; (new) makes one")
        self.predict_button = QPushButton("Predict labels")
        self.predict_button.setDefault(True)
        self.predict_button.setToolTip(
            "<p>Lets the model predict what is where, as a label map that you can correct; Ctrl+Z undoes it</p>"
        )
        self.follow_box = QCheckBox("Colors follow edits", checked=True)
        self.follow_box.setToolTip(
            "<p>Updates the colors after each edit. Hold R to see the result alone, U to see the image uncolored</p>"
        )
        self.colorize_button = QPushButton("Colorize")
        self.colorize_button.setToolTip("<p>Colors the image now, with or without a label map</p>")
        self.class_list = ClassList(self.controller)
        self.map_tools = MapTools(self.prediction, self.filling)
        self.color_tools = ColorTools(self.controller, self.class_list, self)
        self.reset_button = ResetButton(self.reset_tool)
        self.brush_color = BrushColor(self.controller, self)
        self.series_bar, self.folder_bar = SeriesBar(self.series), FolderBar(self.folder)
        self.save_button = SaveButton(self.saver, self)
        self.collect_button = QPushButton("Add to training set")
        self.collect_button.setToolTip("<p>Saves the image and its label map as a pair for the Train dock</p>")
        self.message = TextBox(most_lines=12)
        self.message.setAccessibleName("Message")
        self.work = WorkBar(self.controller.tasks)
        self.confidence = ConfidenceSlider(self.prediction)
        self.offer_bar = OfferBar()
        self.keys_page = KeysPage(self.viewer, self)
        self.welcome = ColorizeWelcome(self.controller)
        self._lay_out()

    def _lay_out(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addWidget(self.offer_bar)
        layout.addWidget(self.welcome)
        layout.addLayout(form({"Image": self.images, "Label map": self.label_maps, "Model": self.models}))
        layout.addLayout(row(self.predict_button, self.confidence.labeled))
        layout.addLayout(row(self.follow_box, self.colorize_button))
        layout.addWidget(self.class_list, stretch=1)
        layout.addWidget(self.map_tools)
        layout.addWidget(self.reset_button)
        layout.addWidget(self.color_tools.folded)
        layout.addWidget(self.series_bar)
        layout.addWidget(self.folder_bar)
        layout.addLayout(row(self.save_button, self.collect_button))
        layout.addWidget(self._make_options())
        layout.addWidget(self.keys_page)
        layout.addWidget(self.work)
        layout.addWidget(self.message)
        self.show_content(content)

    def _make_options(self) -> QCollapsible:
        self.devices = DeviceBox(self.controller)
        self.working_size = number_box(ColorizeOptions, "working_size", OWN)
        content = QWidget()
        content.setLayout(
            form(
                {
                    "Device": self.devices,
                    "Working size": self.working_size,
                    "Confidence": self.confidence,
                }
            )
        )
        options = options_part()
        options.addWidget(content)
        return options

    # -- what the user wants

    def _connect(self) -> None:
        controller = self.controller
        self.images.activated.connect(lambda: controller.choose_image(self.images.currentData()))
        self.label_maps.activated.connect(lambda: controller.choose_labels(self.label_maps.currentData()))
        self.models.activated.connect(lambda: controller.choose_model(self.models.currentData()))
        self.predict_button.clicked.connect(lambda: self.prediction.predict())
        self.colorize_button.clicked.connect(lambda: controller.colorize())
        self.follow_box.toggled.connect(controller.set_following)
        self.collect_button.clicked.connect(lambda: self.collector.add())
        self.working_size.valueChanged.connect(
            lambda: controller.set_options(working_size=number_in(self.working_size))
        )
        self.keeping.timeout.connect(self.autosave.keep)
        self.keeping.start()
        self.autosave.offer_changed.connect(self._show_offer)
        for source in (self.saver, self.folder):
            source.saved.connect(self.autosave.saved)
        self.save_button.sittings.connect(self.autosave, self._show_options)
        self.map_tools.doubt.changed.connect(self._show_choices)
        controller.choices_offered.connect(self._offer)
        controller.message.connect(self._show_message)
        controller.layers_changed.connect(self.reset_choices)
        for name in LAYER_LIST_EVENTS:
            getattr(self.viewer.layers.events, name).connect(self.reset_choices)

    def _choose_first_image(self) -> None:
        """Begin with the selected image layer, or the topmost one."""
        active = on_layers.active_layer(self.viewer)
        choices = self.image_choices()
        self.controller.choose_image(active if active in choices else choices[-1] if choices else None)

    # -- what is shown

    def image_choices(self) -> list[Image]:
        """Image layers that can be colored, from bottom to top."""
        return [layer for layer in self.viewer.layers if isinstance(layer, Image) and not layer_notes.is_colors(layer)]

    def reset_choices(self, _event: Any = None) -> None:
        """Offer the layers and models that there are now, and show which are chosen."""
        controller = self.controller
        if controller.image is not self._told_of:
            self._show_message("")  # it was about another image, or about there being none
        if controller.image is not self._offered_of:
            self.offer_bar.withdraw()
        self.welcome.setVisible(not self.image_choices())
        labels = [layer for layer in self.viewer.layers if isinstance(layer, Labels)]
        fill(self.images, [("", None), *((layer.name, layer) for layer in self.image_choices())], controller.image)
        fill(self.label_maps, [("(new)", None), *((layer.name, layer) for layer in labels)], controller.labels)
        fill(self.models, [(name, name) for name in installed_models()], controller.model.name)
        terms = f"License of the weights of {controller.model.name!r}: {controller.model.license or 'not stated'}"
        self.models.setToolTip(f"<p>{escape(terms)}</p>")
        self.predict_button.setEnabled(controller.model.has_segmenter)
        self.colorize_button.setEnabled(bool(controller.model.color_ids))

    def _show_message(self, text: str) -> None:
        self._told_of = self.controller.image
        self.message.setText(text)
        if text:
            self.reveal(self.message)

    def _show_offer(self, offer: Offer | None) -> None:
        if offer is None:
            self.offer_bar.withdraw()
            return
        choices = {"Restore": self.autosave.restore, "Discard": self.autosave.discard, "Later": lambda: None}
        self._offer(offer.text, choices)

    def _offer(self, text: str, choices: Mapping[str, Callable[[], object]]) -> None:
        self._offered_of = self.controller.image
        self.offer_bar.show_offer(text, choices)
        self.reveal(self.offer_bar)

    def _show_options(self) -> None:
        show_number(self.working_size, self.controller.options.working_size)

    def _show_choices(self) -> None:
        if self.map_tools.doubt.is_open:
            self.reveal(self.map_tools.choices)

    def _warm_up(self) -> dict[str, str]:
        """In the background: load torch and the model, so that the first click is quick."""
        load(self.controller.model.name)
        from napari_colorizer.engine.devices import available_devices  # brings torch

        return available_devices()
