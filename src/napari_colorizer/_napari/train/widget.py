"""The dock ``Train``."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import show_info
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_colorizer._napari.colorize.training_pairs import collected_folder, count_pairs
from napari_colorizer._napari.shared.dock import Dock, add_row, fill, form, options_part, row
from napari_colorizer._napari.shared.number_box import number_box, number_in
from napari_colorizer._napari.shared.text_box import TextBox
from napari_colorizer._napari.shared.welcome import Welcome
from napari_colorizer._napari.train.close_guard import ClosingGuard
from napari_colorizer._napari.train.controller import TrainController
from napari_colorizer._napari.train.curves import Curves
from napari_colorizer._napari.train.option_fields import OptionFields
from napari_colorizer.models.library import FRESH, installed_models
from napari_colorizer.training.options import RECIPES, TrainOptions
from napari_colorizer.training.run_folder import runs_folder

NETWORKS = (("both, one after the other", "both"), ("segmenter (labels)", "segmenter"), ("colorizer", "colorizer"))
MESSAGE_LINES, RECORD_LINES = 12, 20
WELCOME = (
    "Train teaches a model the classes and colors of your own images.",
    "It learns from a labeled set: color images, each with a label map that says what is where.",
    "Start with a folder of such pairs, or make some: correct label maps in the <i>Colorize</i> dock, and press "
    "<b>Add to training set</b> there.",
)
ELSEWHERE = ("data", "start", "network", "name", "run", "epochs", "nodes")  # options that have no generated field


class TrainWidget(Dock):
    """Shows a `TrainController` and passes on what the user wants.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel):
        super().__init__()
        self.viewer = napari_viewer
        self.controller = controller = TrainController(napari_viewer)
        self.guard = ClosingGuard(self, controller.process)
        self._build()
        self._connect()
        self.reset_choices()
        self.choose_recipe(RECIPES[0])
        self._show_phase()
        self._show_progress()
        self._show_welcome()
        self._follow_theme()
        self.destroyed.connect(lambda: controller.close())

    # -- what it is made of

    def _build(self) -> None:
        self.data = QLineEdit(placeholderText="folder of a labeled set, or a CSV list")
        self.browse_button, self.collected_button = QPushButton("Browse…"), QPushButton()
        self.starts, self.networks = QComboBox(), QComboBox()
        fill(self.networks, NETWORKS, "both")
        self.epochs = number_box(TrainOptions, "epochs")
        self.name = QLineEdit(placeholderText="the name of the data")
        self.check_button = QPushButton("Check data")
        self.start_button, self.stop_button = QPushButton("Start"), QPushButton("Stop")
        self.resume_button, self.resume_menu = QPushButton("Resume"), QMenu(self)
        self.resume_button.setMenu(self.resume_menu)
        self.resume_button.setToolTip("<p>Continues a training that was stopped or interrupted</p>")
        self.state = QLabel(wordWrap=True)
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar(textVisible=True)
        self.message, self.record = TextBox(MESSAGE_LINES), TextBox(RECORD_LINES, framed=True)
        self.curves = Curves()
        self.curves.hide()
        self.welcome = Welcome(WELCOME)
        self._explain()
        content = QWidget()
        layout = QVBoxLayout(content)
        fields = form({"Data": self.data, "Start from": self.starts, "Network": self.networks, "Epochs": self.epochs})
        fields.insertRow(1, row(self.browse_button, self.collected_button))
        add_row(fields, "New model", self.name)
        layout.addWidget(self.welcome)
        layout.addLayout(fields)
        layout.addWidget(self._make_options())
        layout.addLayout(row(self.check_button, self.start_button))
        layout.addLayout(row(self.stop_button, self.resume_button))
        for widget in (self.state, self.progress, self.message, self.curves, self.record):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.show_content(content)

    def _explain(self) -> None:
        for widget, tip in (
            (self.data, "The labeled set: a folder of images and label maps, or a CSV list of them"),
            (self.browse_button, "Choose the folder of the labeled set"),
            (self.starts, "The model to fine-tune; 'fresh' starts from random weights"),
            (self.networks, "Which network to train: the segmenter, which predicts labels, the colorizer, or both"),
            (self.name, "The name of the new model; it is installed beside the others"),
            (self.check_button, "Look for missing, damaged or contradictory data, without training"),
            (self.start_button, "Check the data, and train in the background; it can be stopped and resumed"),
        ):
            widget.setToolTip(f"<p>{tip}</p>")
        for widget, name in ((self.progress, "Progress"), (self.message, "Message"), (self.record, "Record")):
            widget.setAccessibleName(name)

    def _make_options(self) -> QCollapsible:
        self.recipes = QComboBox()
        self.recipes.addItems(RECIPES)
        self.recipes.setToolTip("<p>Sets all options: for minutes on your own images, or for hours or days</p>")
        self.fields = OptionFields(left_out=ELSEWHERE)
        options = options_part()
        recipe = QWidget()
        recipe.setLayout(form({"Recipe": self.recipes}))
        recipe.layout().setContentsMargins(0, 0, 0, 0)
        self.fields.layout().setContentsMargins(0, 0, 0, 0)
        options.addWidget(recipe)
        options.addWidget(self.fields)
        return options

    # -- what the user wants

    def _connect(self) -> None:
        controller = self.controller
        self.browse_button.clicked.connect(lambda: self._browse())
        self.collected_button.clicked.connect(lambda: self.data.setText(str(collected_folder())))
        self.recipes.textActivated.connect(self.choose_recipe)
        self.check_button.clicked.connect(lambda: self._check())
        self.start_button.clicked.connect(lambda: self._start())
        self.stop_button.clicked.connect(lambda: controller.stop())
        self.resume_menu.aboutToShow.connect(self._offer_runs)
        controller.message.connect(self._show_message)
        controller.record_added.connect(self._note)
        controller.changed.connect(self._show_phase)
        controller.progress_changed.connect(self._show_progress)
        controller.choices_changed.connect(self.reset_choices)
        self.data.textChanged.connect(self._show_welcome)
        for event in (self.viewer.layers.events.inserted, self.viewer.layers.events.removed):
            event.connect(self._show_welcome)
        self.viewer.events.theme.connect(self._follow_theme)

    def values(self) -> dict[str, Any]:
        """The options as they are shown, by name."""
        return {
            **self.fields.values(),
            "data": self.data.text().strip(),
            "start": self.starts.currentData(),
            "network": self.networks.currentData(),
            "epochs": number_in(self.epochs),
            "name": self.name.text().strip(),
        }

    def choose_recipe(self, recipe: str) -> None:
        """Fill the options; a model that was chosen to start from stays, unless the recipe starts from none."""
        options = TrainOptions.of_recipe(recipe)
        self.fields.show_options(options)
        self.epochs.setValue(options.epochs)
        if FRESH in (options.start, self.starts.currentData()):
            self.starts.setCurrentIndex(self.starts.findData(options.start))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose the folder of a labeled set", self.data.text())
        if folder:
            self.data.setText(folder)

    def _check(self) -> None:
        self.record.clear()
        self.controller.check(self.values())

    def _start(self) -> None:
        self.record.clear()
        self.controller.start(self.values())

    def _offer_runs(self) -> None:
        self.resume_menu.clear()
        for run in self.controller.runs():
            action = self.resume_menu.addAction(run.name.replace("&", "&&"))
            action.triggered.connect(lambda _=False, run=run: self.controller.resume(str(run)))
        self.resume_menu.addSeparator()
        self.resume_menu.addAction("Another folder…").triggered.connect(lambda: self._ask_run())

    def _ask_run(self) -> None:
        folder = str(runs_folder()) if runs_folder().is_dir() else ""
        run = QFileDialog.getExistingDirectory(self, "Choose the folder of a training run", folder)
        if run:
            self.controller.resume(run)

    # -- what is shown

    def reset_choices(self) -> None:
        """Offer the models that there are now to start from, and show how many pairs are collected."""
        models = [(name, name) for name in installed_models()]
        fill(self.starts, [*models, ("fresh (random weights)", FRESH)], self.starts.currentData())
        count = count_pairs(collected_folder())
        self.collected_button.setText(f"Collected pairs ({count})")
        self.collected_button.setEnabled(bool(count))
        self.collected_button.setToolTip(
            f"<p>The pairs that 'Add to training set' in the Colorize dock saved: {count}</p>"
        )

    def _show_message(self, text: str) -> None:
        self.message.setText(text)
        if text:
            self.reveal(self.message)

    def _note(self, text: str) -> None:
        first = not self.record.text()
        self.record.appendPlainText(text)
        bar = self.record.verticalScrollBar()
        bar.setValue(0 if first else bar.maximum())  # a long report is read from its beginning

    def _show_phase(self) -> None:
        phase = self.controller.phase
        if phase != "idle":
            self.guard.watch()
        for button in (self.check_button, self.start_button, self.resume_button):
            button.setEnabled(phase == "idle")
        self.stop_button.setEnabled(phase != "idle")
        self.stop_button.setText("End now" if phase == "stopping" else "Stop")
        self.stop_button.setToolTip(
            "<p>Ends the training immediately; it can be resumed</p>"
            if phase == "stopping"
            else "<p>Stops, and installs the best epoch so far as a model; the training can be resumed</p>"
        )

    def _show_progress(self) -> None:
        controller = self.controller
        done, total = controller.done
        self.state.setText(controller.state)
        self.state.setVisible(bool(controller.state))
        self.progress.setVisible(controller.phase != "idle")
        self.progress.setMaximum(total)
        self.progress.setValue(done)
        self.curves.setVisible(bool(controller.history.losses or controller.history.metrics))
        self.curves.show_history(controller.history)

    def _show_welcome(self, _event: Any = None) -> None:
        images = any(isinstance(layer, Image) for layer in self.viewer.layers)
        self.welcome.setVisible(not images and not self.data.text())

    def _follow_theme(self, _event: Any = None) -> None:
        self.curves.set_text_color(QColor(get_theme(self.viewer.theme).text.as_hex()))

    def stop(self) -> None:
        """Stop the training, and say so."""
        was_training = self.controller.process.running
        self.controller.close()
        self.viewer.events.theme.disconnect(self._follow_theme)
        for event in (self.viewer.layers.events.inserted, self.viewer.layers.events.removed):
            event.disconnect(self._show_welcome)
        if was_training:
            run = self.controller.run
            where = f"It can be resumed: its folder is {run}" if run else "It had not started yet"
            show_info(f"The Train dock was closed, and training stopped. {where}")
