"""Arms that have been trained and tested, all of it made up but for the networks."""

import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from recipes import SHIPPED

from svhn_lab.evidence.statistics import wilson_interval
from svhn_lab.nets import zoo
from svhn_lab.nets.network import parameter_counts
from svhn_lab.stages.layout import ANSWERS, EVALUATION, MANIFEST
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_bytes, write_json
from svhn_lab.tracking.record import Identity, Record

TEST_DIGITS = 1000
DATASET = {
    "name": "rendered",
    "digest": "d" * 32,
    "splits": {"train": 20, "validation": 10, "test": TEST_DIGITS},
}


def leave_tested_arms(test_digest: str = "t" * 32, salt: str = "", **num_right: list[int]) -> None:
    """Makes arms that were trained once for each seed: by name, how many of the test digits the
    network of each seed gets right; the last seed is best on validation."""
    write_json(
        MANIFEST,
        DATASET
        | {
            "official": False,
            "image_size": 32,
            "classes": [str(label) for label in range(10)],
            "class_counts": {},
            "statistics": {"mean": [0.5] * 3, "std": [0.25] * 3},
        },
    )
    answers: dict[str, Any] = {"labels": np.zeros(TEST_DIGITS, dtype=np.uint16)}
    arms = {name: arm(name, hits, salt, answers) for name, hits in num_right.items()}
    dataset = DATASET | {"official": False, "test_digest": test_digest}
    write_json(EVALUATION, {"dataset": dataset, "arms": arms})
    np.savez(ANSWERS, **answers)


def arm(name: str, num_right: list[int], salt: str, answers: dict[str, Any]) -> dict[str, Any]:
    """The arm's entry in evaluation.json; its runs are left on disk, its answers added."""
    keys = []
    for seed, hits in enumerate(num_right):
        net = zoo.build(name, num_classes=10, seed=seed)
        identity, weights = Identity("train", name, seed), io.BytesIO()
        torch.save(net.state_dict(), weights)
        write_bytes(identity.weights, weights.getvalue())
        params = SHIPPED.model_dump() | {
            "stage": "train",
            "net": name,
            "rendered": 0,
            "epochs": 1,
            "computed_in": "bfloat16",
            "salt": salt,
        }
        key = record.content_key(identity, params, "", "")
        counts = parameter_counts(net)
        curves = [
            {
                "epoch": 1.0,
                "train_loss": 0.5,
                "train_accuracy": 0.6,
                "validation_loss": 0.75,
                "validation_accuracy": 0.5 + 0.1 * seed,
            }
        ]
        run = Record(identity, key, params, DATASET, counts, curves=curves)
        record.write(
            run, record.provenance(datetime.now(UTC), 1.0, [1.0], ("c" * 40, ["params.yaml"]))
        )
        answers[key] = (np.arange(TEST_DIGITS) >= hits).astype(np.uint16)
        keys.append(key)
    return {
        "parameters": counts["total"],
        "seeds": list(range(len(keys))),
        "keys": keys,
        "validation_accuracy": [0.5 + 0.1 * seed for seed in range(len(keys))],
        "test_accuracy": [hits / TEST_DIGITS for hits in num_right],
        "test_interval": [wilson_interval(hits, TEST_DIGITS) for hits in num_right],
        "calibration_errors": [0.1 * (1 + seed) for seed in range(len(num_right))],
        "temperatures": [0.3 * (1 + seed) for seed in range(len(num_right))],
        "scaled_calibration_errors": [0.01 * (1 + seed) for seed in range(len(num_right))],
        "tested_in": "float32",
    }
