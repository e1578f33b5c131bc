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
        "draws": [0, 1],
        "flops_per_image": 12_345_678,
        "seconds_per_epoch": 1.25,
        "lab_accuracy": None,
        "reference": None,
        "difference": None,
        "difference_interval": None,
        "p_holm": None,
        "changes": "net baseline",
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
    return page.render(context(**changes))


COMPARED = {
    "reference": "baseline",
    "difference": 0.0821,
    "difference_interval": [-0.004, 0.1],
    "p_holm": 0.0004,
    "lab_accuracy": 0.938,
}
CLAIM = {
    "says": "The best is better",
    "arm": "<preact>",
    "reference": "baseline",
    "at_least": -1.0,
    "at_most": None,
    "reported": 7.5,
    "difference": 0.0821,
    "interval": [-0.004, 0.1],
    "p_holm": 0.07,
    "verdict": "not decided",
    "seeds": 2,
    "seeds_to_decide": 1234,
}


def context(**changes: Any) -> dict[str, Any]:
    arms = {"baseline": entry(0.85), "<preact>": entry(0.9321, **COMPARED)}
    return {
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
        "claims": {"one": CLAIM},
        "seeds": [0, 1],
        "training": {
            "epochs": 5,
            "batch_size": 128,
            "optimizer": "adam",
            "learning_rate": 0.001,
        },
        "steps": 485,
        "largest_half_width": 0.017,
        "seconds_by_depth": {"0": 0.1},
        "transfer_net": "preact",
        "pretrain_classes": (1, 2),
        "finetune_classes": (0, 9),
        "samples_per_class": 50,
        "accuracy_plot": plots.svg(plots.accuracy_by_depth(TRANSFER, 7)),
        "time_plot": plots.svg(plots.time_by_depth(TIMING)),
        "transfer_rows": [
            {"depth": "0", **entry(0.95)},
            {"depth": "from scratch", **entry(0.7)},
        ],
    } | changes


def test_the_page_shows_the_figures_with_their_n_and_band() -> None:
    text = re.sub(r"\s+", " ", rendered())
    assert "93.21 % test accuracy (95 % t interval 91.21 to 95.21 %, n = 2 seeds)" in text
    assert "12,345 training digits" in text
    assert "&lt;preact&gt;" in text and "<preact>" not in text


def test_the_labs_figure_stands_beside_ours_with_the_paired_difference() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", rendered()))
    assert (
        "&lt;preact&gt; 26,346 12.3 1.2 93.21 % 93.21 % 91.21 to 95.21 % 93.80 % baseline +8.21 "
        "−0.40 to +10.00 &lt; 0.001" in text
    )


def test_a_claim_that_is_not_decided_says_how_many_seeds_would_decide_it() -> None:
    for text in (rendered(), page.render_markdown(context(**MARKDOWN))):
        assert "The best is better" in text and "−1 or more" in text
        assert "not decided" in text and "about 1,234" in text


MARKDOWN = {
    "extra": True,
    "processor": "Some CPU",
    "commits": ["`abc`, with changes"],
    "machines": ["Linux x86_64, 2 cores"],
}


def test_markdown_says_digits_commit_and_machine_and_its_tables_are_whole() -> None:
    text = page.render_markdown(context(**MARKDOWN))
    assert "“rendered” (**not official SVHN**" in text
    assert "- **Commit:** `abc`, with changes." in text
    assert "- **Machine:** Linux x86_64, 2 cores; Some CPU." in text
    assert "seeds 0, 1 for each arm" in text and "(485 steps)" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert len(tables) == 3 and sum(map(len, tables)) == len(rows)
    for table in tables:
        assert len({row.count("|") for row in table}) == 1


def test_no_claims_no_section_of_claims() -> None:
    assert "lab report claims" not in rendered(claims={})


def test_too_many_seeds_and_no_spread_are_told_apart() -> None:
    assert page.seeds_to_decide(CLAIM | {"seeds_to_decide": None}) == "too many"
    assert page.seeds_to_decide(CLAIM | {"seeds_to_decide": None, "p_holm": None}) == page.ABSENT
    assert page.seeds_to_decide(CLAIM | {"verdict": "upheld"}) == page.ABSENT


def test_a_difference_that_rounds_to_nothing_has_no_sign_of_loss() -> None:
    assert page.points(-0.00001) == "+0.00"
    assert page.points(-0.0123) == "−1.23"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((0.0, None), "0 or more"), ((None, 0.0), "0 or less"), ((-3.0, 0.5), "−3 to +0.5")],
)
def test_a_claimed_range_reads_in_words(bounds: tuple[Any, Any], expected: str) -> None:
    low, high = bounds
    assert page.claimed_range({"at_least": low, "at_most": high}) == expected


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
