"""The registered champion behind a real `mlflow models serve` on loopback, asked over HTTP."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
from clone import kill
from mlflow.tracking import MlflowClient
from servers import LOOPBACK, answers, free_port

from svhn_lab.data.batches import Statistics
from svhn_lab.nets import zoo
from svhn_lab.nets.classifier import Classifier
from svhn_lab.nets.network import parameter_counts
from svhn_lab.tracking import record, registry
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.record import Identity, Record

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
URI = "models:/svhn-small-rendered@champion"


@pytest.fixture
def classifier(project: Path) -> Classifier:
    """A network, registered as champion."""
    net = zoo.build("preact", num_classes=10, seed=0)
    classifier = Classifier(net, Statistics((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), 0.5)
    identity = Identity("train", "preact", 0)
    dataset = {"name": "rendered", "digest": "d" * 32, "splits": {"train": 10}}
    counts = parameter_counts(net)
    run = Record(identity, "k" * 32, {"net": "preact"}, dataset, counts)
    where = record.provenance(datetime.now(UTC), 1.0, [], (None, None))
    record.write(run, where)
    entry = registry.Entry(
        model="svhn-small-rendered",
        key=run.key,
        alias=registry.CHAMPION,
        tags={"gate": "passed", "dataset": "rendered", "temperature": 0.5},
        card="# A card",
        right=np.ones(5, dtype=np.bool_),
        image_size=32,
        classes=[str(label) for label in range(10)],
    )
    assert registry.put(classifier, entry, Mirror().add(run, where)) == 1
    return classifier


@pytest.fixture
def server(classifier: Classifier, project: Path) -> Iterator[str]:
    """The address of a server that serves it."""
    port, log = free_port(), project / "serve.log"
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "-m", URI, "--env-manager", "local"),
        *("--host", LOOPBACK, "--port", str(port)),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{project}/mlflow.db",
        "PATH": path,
    }
    with log.open("wb") as file:
        serving = subprocess.Popen(
            command, env=environment, stdout=file, stderr=file, start_new_session=True
        )
    try:
        answers(f"http://{LOOPBACK}:{port}/ping", log)
        yield f"http://{LOOPBACK}:{port}/invocations"
    finally:
        kill(serving)


def post(url: str, body: bytes, content_type: str = "application/json") -> tuple[int, str]:
    """Status and text of the answer."""
    request = urllib.request.Request(url, body, {"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as failure:
        return failure.code, failure.read().decode()


def body(images: Any) -> bytes:
    return json.dumps({"inputs": images}).encode()


def test_the_served_champion_answers_as_the_network_does(
    server: str, classifier: Classifier
) -> None:
    status, text = post(server, body(IMAGES.tolist()))
    assert status == 200
    served = np.array(json.loads(text)["predictions"], dtype=np.float32)
    with torch.inference_mode():
        here = classifier(torch.from_numpy(IMAGES)).numpy()
    np.testing.assert_allclose(served, here, atol=1e-6)
    np.testing.assert_array_equal(served, mlflow.pyfunc.load_model(URI).predict(IMAGES))
    for wrong, status, says in [
        (body(np.zeros((2, 28, 28, 3), dtype=int).tolist()), 400, "(-1, 32, 32, 3)"),
        (body(np.full((1, 32, 32, 3), 300).tolist()), 400, "300 out of bounds for uint8"),
        (body("a word"), 400, "Failed to convert data"),
        (json.dumps({"images": IMAGES.tolist()}).encode(), 400, "must be a JSON dictionary"),
        (b"no JSON", 400, "valid JSON"),
    ]:
        answered, text = post(server, wrong)
        assert answered == status and says in text, text
    answered, text = post(server, b"PNG", content_type="image/png")
    assert answered == 415 and "application/json" in text


def test_ui_is_mlflow_on_loopback_with_the_labs_own_store(classifier: Classifier) -> None:
    port = free_port()
    command = [sys.executable, "-m", "svhn_lab", "ui", "--port", str(port)]
    with Path("ui.log").open("wb") as file:
        pages = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        answers(f"http://{LOOPBACK}:{port}/health", Path("ui.log"))
        client = MlflowClient(f"http://{LOOPBACK}:{port}")
        [experiment] = client.search_experiments(filter_string="name = 'svhn-lab'")
        [run] = client.search_runs([experiment.experiment_id])
        assert run.info.run_name == "train/preact/seed-0"
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=30) as page:
            assert b"<title>MLflow</title>" in page.read()
    finally:
        kill(pages)
    said = Path("ui.log").read_text()
    assert f"http://{LOOPBACK}:{port}/#/experiments/{experiment.experiment_id}/runs?view" in said
