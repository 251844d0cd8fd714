"""The stages of the training of the bundled model: how `train_default.py` trains each, from which, and for how long."""

from __future__ import annotations

from typing import Any

COMMON: dict[str, Any] = {"groups": ("person=skin,hair,clothes",), "seed": 0}
COLOR: dict[str, Any] = {"network": "colorizer", "side": 192, "crop": 128, "epoch_size": 6400}
GIVEN = {"relabel": 0.6, "drop_all": 0.25, "drop_classes": 0.1, "drop_outside": 0.1}
LARGE: dict[str, Any] = {"epoch_size": 4800, "batch": 48, "learning_rate": 1e-3, "unlabeled": False, "keep": "last"}
STAGES: dict[str, dict[str, Any]] = {
    # The encoder learns to see gray, which ImageNet did not teach it: the stages with large batches are for a GPU,
    # where they take a quarter of an hour together.
    "segmenter": {
        "network": "segmenter",
        "start": "fresh",
        "epochs": 9,
        "epoch_size": 24000,
        "batch": 96,
        "crop": 192,
        "encoder_factor": 0.2,
        "learning_rate": 2e-3,
        "rarity": 0.35,
        "keep": "last",
    },
    # at last what people labeled, so that the habits of the machines that labeled the others count less
    "people": {
        "network": "segmenter",
        "start": "segmenter",
        "epochs": 10,
        "epoch_size": 3200,
        "crop": 192,
        "views": 3,
        "learning_rate": 6e-4,
        "rarity": 0.25,
        "unlabeled": False,
        "keep": "last",
    },
    # the same with the encoder, which now learns from people, too
    "tuned": {
        **LARGE,
        "network": "segmenter",
        "start": "people",
        "epochs": 28,
        "crop": 192,
        "zoom": 0.7,
        "encoder_factor": 0.3,
        "rarity": 0.25,
    },
    "colorizer": {**COLOR, "start": "fresh", "epochs": 20, "views": 2, "relabel": 0.0},
    # A label that contradicts the picture is to be followed, too: learned last, by what knows the true ones. This takes
    # over at the learning rate that the stage before has come down to.
    "faithful": {
        **COLOR,
        "start": "colorizer",
        "epochs": 5,
        "learning_rate": 3e-4,
        "relabel": 0.7,
        "drop_all": 0.3,
        "unlabeled": False,
        "keep": "last",  # the score knows true labels only
    },
    "obedient": {
        **COLOR,
        **GIVEN,
        "start": "faithful",
        "epochs": 6,
        "learning_rate": 5e-4,
        "unlabeled": False,
        "keep": "last",
    },
    "seeing": {
        **GIVEN,
        "network": "colorizer",
        "start": "obedient",
        "epochs": 8,
        "epoch_size": 24000,
        "batch": 96,
        "crop": 160,
        "encoder_factor": 0.1,
        "learning_rate": 1e-3,
        "keep": "last",
    },
    "natural": {
        **GIVEN,
        "network": "colorizer",
        "start": "seeing",
        "epochs": 6,
        "epoch_size": 6400,
        "crop": 160,
        "views": 2,
        "learning_rate": 5e-4,
        "unlabeled": False,
        "keep": "last",
    },
    "heeding": {
        **GIVEN,
        **LARGE,
        "network": "colorizer",
        "start": "natural",
        "epochs": 30,
        "crop": 160,
        "encoder_factor": 0.1,
        "relabel": 0.85,
        "label_noise": 0.15,
        "drop_features": 0.35,
    },
    "contrary": {
        **GIVEN,
        **LARGE,
        "network": "colorizer",
        "start": "heeding",
        "epochs": 21,
        "crop": 160,
        "encoder_factor": 0.1,
        "relabel": 0.8,
        "label_noise": 0.15,
        "drop_features": 0.3,
        "seed": 5,
    },
}
# What learned from people's labels alone at last is better on photographs like theirs, and worse on others, old ones
# above all. The mean of its weights and those before keeps most of both (Wortsman et al., "Robust fine-tuning of
# zero-shot models", arXiv 2109.01903).
MEANS = {"segmenter": {"people": 0.3, "tuned": 0.7}, "colorizer": {"natural": 0.5, "contrary": 0.5}}
UNTIL = {"segmenter": 8, "colorizer": 14}  # stages that end after so many of their epochs
