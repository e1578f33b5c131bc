"""Made-up entries of evaluation.json and curves, for tests of what shows them."""

from typing import Any

from svhn_lab.report.curves import seed_bands


def entry(mean: float, **more: Any) -> dict[str, Any]:
    return {
        "parameters": 26_346,
        "trainable_parameters": 500,
        "buffers": 170,
        "threads": [1],
        "seeds": [0, 1],
        "validation_accuracy": [mean, mean],
        "test_accuracy": [mean - 0.01, mean + 0.01],
        "test_digits": 200,
        "never_right": 3,
        "ensemble_accuracy": mean + 0.02,
        "mean": mean,
        "interval": [mean - 0.02, mean + 0.02],
        "draws": [0, 1],
        "flops_per_image": 12_345_678,
        "seconds_per_epoch": 1.25,
        "minutes": 2.5,
        "lab_accuracy": None,
        "reference": None,
        "difference": None,
        "difference_interval": None,
        "p_holm": None,
        "changes": "net baseline",
        "taught_by": None,
        "pretrained": None,
        "verdict": None,
        "confusion": [[9, 1], [0, 10]],
        "per_class_accuracy": [0.9, 1.0],
        "calibration_error": 0.0345,
        "temperatures": [0.9, 1.1],
        "scaled_calibration_errors": [0.01, 0.02],
        "reliability": {
            "counts": [0, 4, 16],
            "confidence": [None, 0.6, 0.95],
            "accuracy": [None, 0.5, 0.9],
        },
        **more,
    }


def curve(rise: float) -> list[dict[str, float]]:
    """Two epochs of one seed."""
    return [
        {
            "epoch": float(epoch),
            "train_loss": 2 - rise * epoch,
            "validation_loss": 2.1 - rise * epoch,
            "train_accuracy": rise * epoch,
            "validation_accuracy": rise * epoch,
        }
        for epoch in (1, 2)
    ]


CURVES = {"baseline": seed_bands([curve(0.3), curve(0.4)]), "<preact>": seed_bands([curve(0.45)])}
