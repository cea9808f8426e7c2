#!/usr/bin/env python3
"""One trial of a sweep: trains a small network on scikit-learn's digits with the parameters that the sweep gives it."""

from train_digits import load_data, make_model, train_epoch  # type: ignore[import-not-found]

import runwell

EPOCHS = 4


def main() -> None:
    """Logs every epoch; the sweep looks at val_loss."""
    data = load_data()
    with runwell.init() as run:
        config = {"model": "mlp", **run.config}
        model = make_model(config)
        for epoch in range(EPOCHS):
            run.log(train_epoch(model, config, epoch, data))


if __name__ == "__main__":
    main()
