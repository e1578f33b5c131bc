"""`predict` (no stage of the graph): which digit is on a picture, by a registered model."""

import json
from pathlib import Path
from typing import Any

import click
import mlflow
import numpy as np
from mlflow.pyfunc import PyFuncModel
from numpy.typing import NDArray

from svhn_lab.data.batches import Images
from svhn_lab.data.own import read_square
from svhn_lab.errors import UserError
from svhn_lab.stages.layout import REGISTRATION, read_json
from svhn_lab.tracking import registry
from svhn_lab.tracking.store import UNUSABLE, cannot_be_used, shown_uri


def default_model() -> str:
    """The champion of what was registered here last; without that, the one for official SVHN.
    Raises UserError if what was registered did not pass the gate, and no other one is champion."""
    official = registry.model_name("svhn", official=True)
    if not REGISTRATION.exists():
        return f"models:/{official}@{registry.CHAMPION}"
    registration = read_json(REGISTRATION, "register")
    model = registration["model"] or official
    alias = registration.get("alias", registry.CHAMPION)
    if alias == registry.CHAMPION or _has_champion(model):
        return f"models:/{model}@{registry.CHAMPION}"
    raise UserError(
        f"models:/{model}: has no {registry.CHAMPION}, as the gate let none pass "
        f"({registration['tags']['gate_why']}); `--model models:/{model}@{alias}` takes the one "
        "that was registered all the same"
    )


def _has_champion(model: str) -> bool:
    try:
        return registry.holder(model, registry.CHAMPION) is not None
    except (*UNUSABLE, OSError) as failure:
        raise cannot_be_used(failure, then="run this again") from None


def load_model(uri: str) -> PyFuncModel:
    """The model at the URI. Raises UserError if there is none, or it takes no images."""
    try:
        registry.client()
        model: PyFuncModel = mlflow.pyfunc.load_model(uri)
    except (*UNUSABLE, OSError) as failure:
        raise UserError(
            f"{uri}: cannot be loaded from {shown_uri()}: {failure}; register one with "
            "`dvc repro register`, or name another with --model"
        ) from None
    return model


def image_size(model: PyFuncModel, uri: str) -> int:
    """The side in pixels of the square images that the model takes. Raises UserError if it takes
    anything else."""
    schema = model.metadata.signature.inputs if model.metadata.signature else None
    shape = tuple(schema.inputs[0].shape) if schema and schema.is_tensor_spec() else ()
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
        raise UserError(f"{uri}: takes no square images (N, H, H, 3); name another with --model")
    return int(shape[1])


def read_all(files: list[Path], size: int) -> Images:
    """(N, size, size, 3). Raises UserError naming every file that cannot be read."""
    images, wrong = [], []
    for file in files:
        try:
            images.append(read_square(file, size))
        except UserError as failure:
            wrong.append(str(failure))
    if wrong:
        raise UserError("\n".join(wrong))
    return np.stack(images)


def class_names(model: PyFuncModel, num_classes: int) -> list[str]:
    """Those that the model was registered with, else the numbers."""
    known = (model.metadata.metadata or {}).get("classes")
    return list(known or map(str, range(num_classes)))


def answers(
    files: list[Path], names: list[str], probabilities: NDArray[np.float32]
) -> list[dict[str, Any]]:
    """For each file the class, how sure the model is, and every class's probability."""
    return [
        {
            "file": str(file),
            "class": names[int(row.argmax())],
            "probability": float(row.max()),
            "probabilities": {name: float(p) for name, p in zip(names, row, strict=True)},
        }
        for file, row in zip(files, probabilities, strict=True)
    ]


def main(files: list[Path], model_uri: str | None, as_json: bool) -> None:
    """Prints what is on the pictures. Raises UserError naming what cannot be read."""
    uri = model_uri or default_model()
    model = load_model(uri)
    size = image_size(model, uri)
    probabilities = np.asarray(model.predict(read_all(files, size)), dtype=np.float32)
    found = answers(files, class_names(model, probabilities.shape[1]), probabilities)
    if as_json:
        click.echo(json.dumps({"model": uri, "images": found}, indent=2))
        return
    width = max(len(str(file)) for file in files)
    click.echo(f"{'file':{width}}  class  probability   ({uri})")
    for answer in found:
        click.echo(f"{answer['file']:{width}}  {answer['class']:5}  {answer['probability']:.4f}")
