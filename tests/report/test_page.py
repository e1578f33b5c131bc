"""page.py and plots.py: what was measured stands on the page, and the page needs nothing else."""

import re
from typing import Any

import pytest

from svhn_lab.report import page, plots


def entry(mean: float, **more: Any) -> dict[str, Any]:
    return {
        "parameters": 26_346,
        "trainable_parameters": 500,
        "seeds": [0, 1],
        "validation_accuracy": [mean, mean],
        "test_accuracy": [mean - 0.01, mean + 0.01],
        "mean": mean,
        "interval": [mean - 0.02, mean + 0.02],
        **more,
    }


TRANSFER = {
    "pretrained": {"0": entry(0.95), "1": entry(0.94)},
    "scratch": entry(0.7),
}
TIMING = {
    "num_digits": 100,
    "repeats": 3,
    "depths": {
        depth: {"seconds_per_epoch": 0.1, "seconds_per_epoch_quartiles": [0.09, 0.12]}
        for depth in ("0", "1")
    },
}


def rendered(**changes: Any) -> str:
    arms = {"baseline": entry(0.85), "<preact>": entry(0.9321)}
    return page.render(
        {
            "dataset": {
                "name": "rendered",
                "official": False,
                "digest": "d" * 32,
                "splits": {"train": 12_345, "validation": 100, "test": 200},
            },
            "max_parameters": 150_000,
            "best": {"name": "<preact>", "entry": arms["<preact>"]},
            "preview": "AAAA",
            "arms": arms,
            "transfer_net": "preact",
            "pretrain_classes": (1, 2),
            "finetune_classes": (0, 9),
            "samples_per_class": 50,
            "accuracy_plot": plots.svg(plots.accuracy_by_depth(TRANSFER, 7)),
            "time_plot": plots.svg(plots.time_by_depth(TIMING)),
            "transfer_rows": [{"depth": "0", **entry(0.95), "milliseconds": "100.0"}],
        }
        | changes
    )


def test_the_page_shows_the_figures_with_their_n_and_band() -> None:
    text = re.sub(r"\s+", " ", rendered())
    assert "93.21 % test accuracy (95 % t interval 91.21 to 95.21 %, n = 2 seeds)" in text
    assert "12,345 training digits" in text
    assert "&lt;preact&gt;" in text and "<preact>" not in text


def test_digits_that_are_not_svhn_are_said_first_and_svhn_is_not() -> None:
    assert "Not official SVHN" in rendered()
    official = {"name": "svhn", "official": True, "digest": "d", "splits": {}}
    official["splits"] = {"train": 1, "validation": 1, "test": 1}
    assert "Not official SVHN" not in rendered(dataset=official)


def test_the_page_loads_nothing() -> None:
    text = rendered()
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", text)
    assert "<script" not in text and "@import" not in text
    assert not re.findall(r"url\((?!#)", text)


def test_one_seed_has_no_interval() -> None:
    alone = entry(0.9, interval=None, seeds=[0])
    text = re.sub(r"\s+", " ", rendered(best={"name": "a", "entry": alone}, arms={"a": alone}))
    assert "90.00 % test accuracy (n = 1 seeds)" in text


def test_no_small_network_is_said() -> None:
    assert "No network of at most 150,000 parameters" in rendered(best=None)


def test_plots_are_the_same_bytes_each_time_and_take_the_pages_colour() -> None:
    svg = plots.svg(plots.accuracy_by_depth(TRANSFER, 7))
    assert svg == plots.svg(plots.accuracy_by_depth(TRANSFER, 7))
    assert svg.startswith("<svg") and "currentColor" in svg and plots.TEXT not in svg
    assert plots.png(plots.time_by_depth(TIMING)).startswith(b"\x89PNG")


@pytest.mark.parametrize("scratch", [None, entry(0.7, interval=None)])
def test_an_accuracy_plot_needs_no_control_and_no_interval(scratch: dict[str, Any] | None) -> None:
    transfer = {"pretrained": {"0": entry(0.9, interval=None)}, "scratch": scratch}
    assert plots.svg(plots.accuracy_by_depth(transfer, 7)).startswith("<svg")
