"""timing.py: every depth is timed both ways, and less is trained the deeper one freezes."""

from typing import Any

import pytest
import torch
from recipes import recipe

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze
from svhn_lab.stages.timing import MODES, Workload, explanation, measure, metrics, speedup

DIGITS = Digits(torch.zeros(8, 32, 32, 3, dtype=torch.uint8), torch.arange(8) % 2)


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, Any]]:
    nets = {
        depth: freeze(zoo.build("baseline", num_classes=2, seed=0), range(depth))
        for depth in (0, 1, 2)
    }
    statistics = Statistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    work = Workload(recipe(batch_size=4, epochs=3), DIGITS, DIGITS, statistics)
    return measure(nets, work, repeats=4)


def test_each_depth_has_its_median_between_its_quartiles(table: dict[str, dict[str, Any]]) -> None:
    assert list(table) == ["0", "1", "2"]
    trainable = [row["trainable_parameters"] for row in table.values()]
    assert trainable == [1216 + 4640 + 4098, 4640 + 4098, 4098]
    for row in table.values():
        for mode in MODES:
            for name, value in row[mode].items():
                if isinstance(value, list) and name != "training_seconds":
                    low, median, high = value
                    assert 0 < low <= median <= high
            assert len(row[mode]["training_seconds"]) == 4


def test_operations_are_those_of_what_is_left_to_compute(table: dict[str, dict[str, Any]]) -> None:
    first, second, head = 2 * 32**2 * 16 * 75, 2 * 16**2 * 32 * 144, 2 * 8 * 8 * 32 * 2
    whole = first + second + head
    for depth, left in {"0": whole, "1": second + head, "2": head}.items():
        as_is, quick = (table[depth][mode] for mode in MODES)
        assert as_is["forward_flops_per_image"] == whole
        assert quick["forward_flops_per_image"] == left
        assert as_is["backward_flops_per_image"] == quick["backward_flops_per_image"]
    assert table["2"]["as_is"]["backward_flops_per_image"] == head


def test_what_is_computed_once_counts_once(table: dict[str, dict[str, Any]]) -> None:
    assert table["0"]["frozen_features"]["seconds_once"] == 0
    for row in table.values():
        quick, as_is = row["frozen_features"], row["as_is"]
        once = quick["seconds_once"]
        assert quick["seconds_to_finetune"] == pytest.approx(
            once + 3 * quick["seconds_per_epoch"][1]
        )
        assert as_is["seconds_once"] == 0
        assert as_is["seconds_to_finetune"] == pytest.approx(3 * as_is["seconds_per_epoch"][1])
    assert table["2"]["frozen_features"]["seconds_once"] > 0


def test_memory_is_what_lies_there_and_what_a_step_takes(table: dict[str, dict[str, Any]]) -> None:
    digits = 2 * (8 * 32 * 32 * 3 + 8 * 8)  # training and validation, with labels of 8 bytes
    whole, head = 1216 + 4640 + 4098, 4098
    as_is, quick = (table["2"][mode] for mode in MODES)
    # Adam has two values for each that trains, and counts steps for each of two tensors.
    assert as_is["resident_memory_bytes"] == digits + 4 * (whole + 2 * head + 2)
    features = 2 * 8 * (8 * 8 * 32 * 4 + 8)
    assert quick["resident_memory_bytes"] == features + 4 * (3 * head + 2)
    steps = [
        table[depth][mode]["peak_memory_bytes"] - table[depth][mode]["resident_memory_bytes"]
        for depth, mode in (("2", "frozen_features"), ("2", "as_is"), ("0", "as_is"))
    ]
    assert 0 < steps[0] < steps[1] < steps[2]


def made_up(as_is: float, quick: float) -> dict[str, Any]:
    flops = {"forward_flops_per_image": 10 * as_is, "backward_flops_per_image": 0.0}
    return {
        "trainable_parameters": 1,
        "as_is": {
            "seconds_per_epoch": [as_is] * 3,
            "training_seconds_per_epoch": [as_is / 2] * 3,
            "seconds_to_finetune": 10 * as_is,
            "training_seconds": [as_is / 2, as_is / 2 + 0.01, as_is / 2 - 0.02 * as_is],
            **flops,
        },
        "frozen_features": {
            "seconds_per_epoch": [quick] * 3,
            "training_seconds_per_epoch": [quick] * 3,
            "seconds_to_finetune": 10 * quick,
        },
    }


MADE_UP = {"0": made_up(6, 6), "1": made_up(4, 3), "2": made_up(2, 0.1)}


def test_speedups_are_ratios_of_medians_and_of_whole_sweeps() -> None:
    found = speedup(MADE_UP, 2)
    assert found["head_only"] == pytest.approx(20)
    assert found["head_only_training"] == pytest.approx(10)
    assert found["sweep"] == pytest.approx(12 / 9.1)
    assert speedup(MADE_UP, 3)["head_only"] is None, "no depth leaves the head alone"


def test_that_time_falls_is_tested_and_set_against_operations() -> None:
    found = explanation(MADE_UP)
    assert found["flops_saved_at_deepest"] == pytest.approx(4 / 6)
    assert found["time_saved_at_deepest"] == pytest.approx(4 / 6)
    assert found["verdict"] == "holds"
    assert found["tests"]["falls"]["difference"] == pytest.approx(1000, rel=0.05)
    assert found["correlation_with_flops"] == pytest.approx(1)
    assert found["time_saved_at_deepest"] == pytest.approx(2 / 3)
    rising = {depth: MADE_UP[str(2 - int(depth))] for depth in MADE_UP}
    assert explanation(rising)["verdict"] == "does not hold"


def test_mlflow_gets_a_figure_for_every_depth_and_way() -> None:
    found = metrics(MADE_UP)
    assert found["as_is/seconds_per_epoch/depth_01"] == 4
    assert found["frozen_features/seconds_per_epoch/depth_02"] == 0.1
