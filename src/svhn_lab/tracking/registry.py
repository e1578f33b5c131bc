"""MLflow's model registry: one version for one content, stored without pickle, found under the
alias `champion`."""

from typing import Any

import mlflow
import mlflow.pytorch
import numpy as np
import torch
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec
from torch import nn

from svhn_lab.tracking.mirror import KEY
from svhn_lab.tracking.store import tracking_uri

CHAMPION = "champion"


def model_name(dataset: str, official: bool) -> str:
    """What the registered model is called: other digits than official SVHN are in the name."""
    return "svhn-small" if official else f"svhn-small-{dataset}"


def signature(image_size: int, num_classes: int) -> ModelSignature:
    """Raw images in, probabilities out; any number of images."""
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, image_size, image_size, 3))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, num_classes))]),
    )


def register(
    model: nn.Module,
    name: str,
    *,
    run_id: str,
    key: str,
    image_size: int,
    num_classes: int,
    tags: dict[str, Any],
) -> int:
    """The version of `name` that holds this content (the run with this key), made if it is not
    there, and now the champion."""
    uri = tracking_uri()
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(tracking_uri=uri)
    same = client.search_model_versions(f"name = '{name}' and tags.`{KEY}` = '{key}'")
    version = (
        same[0].version
        if same
        else _new_version(client, model, name, run_id, image_size, num_classes)
    )
    for tag, value in {KEY: key, **tags}.items():
        client.set_model_version_tag(name, version, tag, str(value))
    client.set_registered_model_alias(name, CHAMPION, version)
    return int(version)


def _new_version(
    client: MlflowClient,
    model: nn.Module,
    name: str,
    run_id: str,
    image_size: int,
    num_classes: int,
) -> str:
    run = client.get_run(run_id)
    logged = client.create_logged_model(run.info.experiment_id, name=name, source_run_id=run_id)
    info = mlflow.pytorch.log_model(
        # Packing the exported weights goes wrong on channels-last memory.
        model.to(memory_format=torch.contiguous_format),
        name=name,
        model_id=logged.model_id,
        signature=signature(image_size, num_classes),
        # Two images: with one, the exported batch size would be fixed at one.
        input_example=np.zeros((2, image_size, image_size, 3), dtype=np.uint8),
        pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}", "numpy"],
        serialization_format="pt2",
    )
    registered = mlflow.register_model(info.model_uri, name)
    return str(registered.version)
