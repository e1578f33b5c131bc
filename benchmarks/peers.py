"""The training loops that people write without this lab, each as its users would write it: plain
torchvision with a DataLoader, Lightning, Keras 3 on JAX. Same network, batch, optimizer and digits;
float32 and all cores, as they come. `python -m benchmarks.peers NAME NET FOLDER EPOCHS` trains on
FOLDER's train_32x32.mat and prints images and seconds, the first epoch (warm-up) left out."""

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

BATCH = 128
MEAN, STD = (0.44, 0.44, 0.47), (0.2, 0.2, 0.2)


def loader(folder: Path, num_workers: int) -> Any:
    """torchvision's SVHN behind a DataLoader. The file is made up, so its md5 is not SVHN's."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import SVHN
    from torchvision.datasets.utils import calculate_md5

    file = "train_32x32.mat"

    class MadeUp(SVHN):
        split_list: ClassVar = {"train": ["", file, calculate_md5(folder / file)]}

    to_input = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return DataLoader(
        MadeUp(str(folder), split="train", transform=to_input),
        batch_size=BATCH,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
    )


def torch_net(name: str) -> Any:
    """The zoo's network with its memory as torch lays it out by itself."""
    import torch

    from svhn_lab.nets import zoo

    return zoo.build(name, num_classes=10, seed=0).to(memory_format=torch.contiguous_format)


def plain(net: str, folder: Path, epochs: int, num_workers: int) -> tuple[int, float]:
    """A loop over a DataLoader."""
    import torch

    model, batches = torch_net(net), loader(folder, num_workers)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss_of = torch.nn.CrossEntropyLoss()
    model.train()
    started = 0.0
    for epoch in range(epochs + 1):
        if epoch == 1:
            started = time.perf_counter()
        total_loss, correct = 0.0, 0
        for images, labels in batches:
            optimizer.zero_grad()
            logits = model(images)
            loss = loss_of(logits, labels)
            loss.backward()
            optimizer.step()
            total_loss += loss.item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
    return epochs * len(batches.dataset), time.perf_counter() - started


def lightning(net: str, folder: Path, epochs: int, num_workers: int) -> tuple[int, float]:
    """Lightning's Trainer, nothing logged."""
    import lightning
    import torch

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch_net(net)

        def training_step(self, batch: Any, _: int) -> Any:
            images, labels = batch
            return torch.nn.functional.cross_entropy(self.net(images), labels)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.001)

    class Clock(lightning.Callback):
        started = 0.0

        def on_train_epoch_start(self, trainer: Any, _: Any) -> None:
            if trainer.current_epoch == 1:
                self.started = time.perf_counter()

    clock, batches = Clock(), loader(folder, num_workers)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=epochs + 1,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), batches)
    return epochs * len(batches.dataset), time.perf_counter() - clock.started


def keras_on_jax(net: str, folder: Path, epochs: int, _: int) -> tuple[int, float]:
    """Keras 3 on JAX: `fit` on arrays, compiled as a whole."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    import numpy as np
    import scipy.io

    content = scipy.io.loadmat(str(folder / "train_32x32.mat"))
    images = content["X"].transpose(3, 0, 1, 2).astype(np.float32) / 255
    images = (images - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    labels = content["y"].ravel() % 10
    model = {"baseline": keras_baseline, "preact": keras_preact}[net](keras)
    model.compile(
        optimizer=keras.optimizers.Adam(0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=BATCH, epochs=1, verbose=0)
    started = time.perf_counter()
    model.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0)
    return epochs * len(images), time.perf_counter() - started


def keras_baseline(keras: Any) -> Any:
    """`baseline` of the zoo."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Conv2D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def keras_preact(keras: Any) -> Any:
    """`preact` of the zoo."""
    layers = keras.layers

    def activated(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(x))

    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(inputs)
    for width, before, last in ((32, 32, False), (48, 32, False), (64, 48, True)):
        out = x
        for _ in range(2):
            out = layers.Conv2D(width, 3, padding="same", use_bias=False)(activated(out))
        if width != before:
            x = layers.Conv2D(width, 1, use_bias=False)(x)
        x = activated(layers.Add()([out, x]))
        x = layers.GlobalMaxPooling2D()(x) if last else layers.MaxPooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


PEERS: dict[str, tuple[Callable[[str, Path, int, int], tuple[int, float]], int]] = {
    "torchvision, 0 workers": (plain, 0),
    "torchvision, 2 workers": (plain, 2),
    "Lightning, 2 workers": (lightning, 2),
    "Keras on JAX": (keras_on_jax, 0),
}


def main(name: str, net: str, folder: str, epochs: str) -> None:
    """Prints {"images": ..., "seconds": ...}."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    train, num_workers = PEERS[name]
    images, seconds = train(net, Path(folder), int(epochs), num_workers)
    print(json.dumps({"images": images, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
