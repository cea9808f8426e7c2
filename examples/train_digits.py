#!/usr/bin/env python3
"""Trains one small model on scikit-learn's digits and logs every epoch to Runwell.

    python examples/train_digits.py --model mlp --hidden 64 --learning-rate 0.003

With --checkpoint, the same command goes on where a killed one stopped: same run, next epoch.
"""

import argparse
import json
import os
import pickle
import signal
from pathlib import Path
from typing import Any

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import runwell

CLASSES = list(range(10))


def make_model(config: dict[str, Any]) -> Any:
    """A network with one hidden layer, or a linear classifier."""
    if config["model"] == "mlp":
        return MLPClassifier(
            (config["hidden"],),
            learning_rate_init=config["learning_rate"],
            alpha=config["alpha"],
            batch_size=64,
            random_state=0,
        )
    return SGDClassifier(
        "log_loss", alpha=config["alpha"], learning_rate="constant", eta0=config["learning_rate"], random_state=0
    )


def train_epoch(model: Any, config: dict[str, Any], epoch: int, data: tuple[Any, Any, Any, Any]) -> dict[str, float]:
    """One pass over the training images; returns what there is to know about it."""
    images, validation_images, digits, validation_digits = data
    learning_rate = config["learning_rate"]
    if config["model"] == "linear":
        learning_rate *= config["decay"] ** epoch
        model.set_params(eta0=learning_rate)
    model.partial_fit(images, digits, classes=CLASSES)
    return {
        "train_loss": float(log_loss(digits, model.predict_proba(images), labels=CLASSES)),
        "train_accuracy": float(model.score(images, digits)),
        "val_loss": float(log_loss(validation_digits, model.predict_proba(validation_images), labels=CLASSES)),
        "val_accuracy": float(model.score(validation_images, validation_digits)),
        "learning_rate": learning_rate,
    }


def load_data() -> tuple[Any, Any, Any, Any]:
    """1,797 images of 8 x 8 pixels, a quarter of them for validation."""
    images, digits = load_digits(return_X_y=True)
    return tuple(train_test_split(images / 16, digits, test_size=0.25, random_state=0))  # type: ignore[return-value]


def save(checkpoint: Path | None, epoch: int, model: Any) -> None:
    """Replaces the checkpoint in one step."""
    if checkpoint is not None:
        fresh = checkpoint.with_suffix(".new")
        fresh.write_bytes(pickle.dumps((epoch, model)))
        fresh.replace(checkpoint)


def write_down(ledger: Path | None, step: int, row: dict[str, float]) -> None:
    """Notes apart from Runwell what log() has returned for, so that somebody can compare."""
    if ledger is not None:
        with ledger.open("a") as lines:
            lines.write(json.dumps({"step": step, **row}) + "\n")


def train(options: argparse.Namespace) -> None:
    """Trains from the checkpoint, if there is one, to the last epoch."""
    shape = "hidden" if options.model == "mlp" else "decay"
    config = {name: getattr(options, name) for name in ("model", shape, "learning_rate", "alpha", "epochs")}
    resumed = options.checkpoint is not None and options.checkpoint.exists()
    first, model = pickle.loads(options.checkpoint.read_bytes()) if resumed else (0, make_model(config))
    data = load_data()
    with runwell.init(
        project="digits",
        id=options.id,
        name=options.name,
        group=options.model,
        tags=["demo"],
        config=config,
        mode=options.mode,
        resume="must" if resumed else None,
    ) as run:
        for epoch in range(first, options.epochs):
            row = train_epoch(model, config, epoch, data)
            save(options.checkpoint, epoch + 1, model)
            run.log(row, step=epoch)
            write_down(options.ledger, epoch, row)
            if epoch + 1 == options.die_after and not resumed:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Trains what the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("mlp", "linear"), default="mlp")
    parser.add_argument("--hidden", type=int, default=32, help="neurons of the mlp")
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--decay", type=float, default=0.97, help="of the learning rate for each epoch (linear)")
    parser.add_argument("--alpha", type=float, default=1e-4, help="weight of the L2 penalty")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--id", help="run id")
    parser.add_argument("--name", help="run name")
    parser.add_argument("--mode", choices=("online", "offline"), default="online")
    parser.add_argument("--checkpoint", type=Path, help="file to continue from")
    parser.add_argument("--ledger", type=Path, help="file for a copy of what was logged, as JSON lines")
    parser.add_argument(
        "--die-after", type=int, metavar="EPOCHS", help="SIGKILL to itself then, as an out-of-memory killer would"
    )
    train(parser.parse_args())


if __name__ == "__main__":
    main()
