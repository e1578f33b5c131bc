"""MLflow's model registry: one version for one content, stored without pickle, with its card and
its answers to the test digits. The alias `champion` is on the one to use, `challenger` on one that
the gate did not let pass."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import mlflow.artifacts
import mlflow.pytorch
import numpy as np
import torch
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec
from numpy.typing import NDArray
from torch import nn

from svhn_lab.tracking.roles import KEY
from svhn_lab.tracking.store import connect, locked, tracking_uri

CHAMPION, CHALLENGER = "champion", "challenger"
# What MLflow says if there is no such model, or no such alias of it.
NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
ABOUT = (
    "The best network of svhn-lab within its limit of parameters, on the digits “{digits}”. Takes "
    "raw images, (N, H, W, 3) uint8, and gives class probabilities. `champion` is the version to "
    "use; `challenger` is one that the gate did not let pass, and its tag `gate_why` says why."
)
TEMPERATURE = "temperature"  # a tag: the same network with another one is another model
CARD, ANSWERS = "MODEL_CARD.md", "test_right.npy"


@dataclass(frozen=True)
class Entry:
    """A version of the registry, as it can be made again from what is on disk. `key` and the tag
    TEMPERATURE say which model it is; `right` (N,) which of the test digits it gets right."""

    model: str
    key: str
    alias: str
    tags: Mapping[str, Any]
    card: str  # Markdown
    right: NDArray[np.bool_]
    image_size: int
    classes: Sequence[str]


def model_name(dataset: str, official: bool) -> str:
    """What the registered model is called: other digits than official SVHN are in the name."""
    return "svhn-small" if official else f"svhn-small-{dataset}"


def client() -> MlflowClient:
    """A client of the lab's registry, which is in its store. Raises as `store.connect`."""
    mlflow.set_tracking_uri(tracking_uri())  # which loading and logging of models goes by
    return connect()


def version_of(model: str, key: str, temperature: object) -> ModelVersion | None:
    """The version that holds the network of the run with this key, at this temperature."""
    found = client().search_model_versions(f"name = '{model}' and tags.`{KEY}` = '{key}'")
    same = [each for each in found if each.tags.get(TEMPERATURE) == str(temperature)]
    return same[0] if same else None


def holder(model: str, alias: str) -> ModelVersion | None:
    """The version that the alias is on."""
    try:
        return client().get_model_version_by_alias(model, alias)
    except MlflowException as failure:
        if failure.error_code in NOT_THERE:
            return None
        raise


def right_answers(version: ModelVersion) -> NDArray[np.bool_]:
    """Which of its test digits a version gets right, as it was registered."""
    client()
    place = f"models:/{version.name}/{version.version}/extra_files/{ANSWERS}"
    with tempfile.TemporaryDirectory() as folder:
        file = mlflow.artifacts.download_artifacts(place, dst_path=folder)
        right: NDArray[np.bool_] = np.load(file)
    return right


def put(model: nn.Module, entry: Entry, run_id: str) -> int:
    """The version that holds the entry, made if it is not there, under its alias. `model` takes raw
    images and gives probabilities."""
    with locked():
        version = version_of(entry.model, entry.key, entry.tags[TEMPERATURE])
        version = version or _new_version(model, entry, run_id)
        describe(entry, version)
    return int(version.version)


def describe(entry: Entry, version: ModelVersion) -> None:
    """Puts tags, card and alias of the entry on the version, which is then either champion or
    challenger: one that does not pass the gate any more is no champion."""
    registry, name, number = client(), entry.model, version.version
    for tag, value in entry.tags.items():
        registry.set_model_version_tag(name, number, tag, str(value))
    registry.update_model_version(name, number, description=entry.card)
    registry.update_registered_model(name, ABOUT.format(digits=entry.tags["dataset"]))
    registry.set_registered_model_alias(name, entry.alias, number)
    other = CHALLENGER if entry.alias == CHAMPION else CHAMPION
    if (has := holder(name, other)) and has.version == number:
        registry.delete_registered_model_alias(name, other)


def signature(image_size: int, num_classes: int) -> ModelSignature:
    """Raw images in, probabilities out; any number of images."""
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, image_size, image_size, 3))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, num_classes))]),
    )


def _new_version(model: nn.Module, entry: Entry, run_id: str) -> ModelVersion:
    """Logs the model and registers it, with its key and temperature from the first moment
    on: whatever is killed in between leaves no version that cannot be found again."""
    registry = client()
    experiment = registry.get_run(run_id).info.experiment_id
    condition = f"source_run_id = '{run_id}'"
    versions = registry.search_model_versions(f"name = '{entry.model}'")
    registered = {version.source for version in versions}
    for found in registry.search_logged_models([experiment], condition):
        if found.model_uri not in registered:  # left behind
            registry.delete_logged_model(found.model_id)
    logged = registry.create_logged_model(experiment, name=entry.model, source_run_id=run_id)
    shape = (2, entry.image_size, entry.image_size, 3)
    with tempfile.TemporaryDirectory() as folder:
        card, answers = Path(folder, CARD), Path(folder, ANSWERS)
        card.write_text(entry.card, encoding="utf-8")
        np.save(answers, entry.right)
        info = mlflow.pytorch.log_model(
            # Packing the exported weights goes wrong on channels-last memory.
            model.to(memory_format=torch.contiguous_format),
            name=entry.model,
            model_id=logged.model_id,
            signature=signature(entry.image_size, len(entry.classes)),
            metadata={"classes": list(entry.classes)},
            # Two images: with one, the exported batch size would be fixed at one.
            input_example=np.zeros(shape, dtype=np.uint8),
            pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}", "numpy"],
            serialization_format="pt2",
            extra_files=[str(card), str(answers)],
        )
    what = {KEY: entry.key, TEMPERATURE: str(entry.tags[TEMPERATURE])}
    return mlflow.register_model(info.model_uri, entry.model, tags=what)
