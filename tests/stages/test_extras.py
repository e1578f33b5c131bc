"""extras.py: MLflow gets a tested run's figures by its key."""

from svhn_lab.stages.extras import figures_by_key


def test_figures_go_by_key_and_those_of_all_draws_to_the_run_that_stands_for_them() -> None:
    entry = {
        "keys": ["a", "b"],
        "test_accuracy": [0.9, 0.8],
        "test_interval": [[0.85, 0.95], [0.7, 0.9]],
        "mean": 0.85,
        "interval": [0.6, 1.0],
    }
    figures = figures_by_key([entry | {"whole_key": "all"}, entry | {"keys": ["c", "d"]}])
    assert set(figures) == {"a", "b", "c", "d", "all"}
    assert figures["b"] == {
        "test_accuracy": 0.8,
        "test_accuracy_low": 0.7,
        "test_accuracy_high": 0.9,
    }
    assert figures["all"] == {
        "test_accuracy_mean": 0.85,
        "test_accuracy_mean_low": 0.6,
        "test_accuracy_mean_high": 1.0,
    }
    alone = figures_by_key([entry | {"whole_key": "all", "interval": None}])
    assert alone["all"] == {"test_accuracy_mean": 0.85}
