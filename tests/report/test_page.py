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


def point(sweep: str, number: int, mean: float, **more: Any) -> dict[str, Any]:
    return entry(
        mean,
        **{
            "sweep": sweep,
            "setting": f"depth-{number}",
            "number": number,
            "size": 50,
            "freezing": "front",
            "epochs": 20,
            **more,
        },
    )


POINTS = {
    "front/depth-0/size-50": point("front", 0, 0.95),
    "front/depth-7/size-50": point("front", 7, 0.9012, difference=-0.0488, p_holm=0.02),
    "back/depth-2/size-50": point("back", 2, 0.93, freezing="back"),
    "only/only-3/size-50": point("only", 3, 0.92, freezing="only", setting="only-3"),
    "scratch/depth-0/size-50": point("scratch", 0, 0.7, interval=None),
    "all-digits/depth-0/size-all": point("all-digits", 0, 0.99, size=None),
}
MODE = {
    "forward_ms_per_batch": [1.0, 1.5, 2.0],
    "backward_ms_per_batch": [2.0, 2.5, 3.0],
    "optimizer_ms_per_batch": [0.1, 0.2, 0.3],
    "seconds_per_epoch": [0.09, 0.1, 0.12],
    "seconds_to_finetune": 2.0,
    "forward_flops_per_image": 66.7e6,
    "backward_flops_per_image": 132e6,
    "peak_memory_bytes": 14_300_000,
}
TEST = {
    "says": "Depth 7 is better",
    "unit": "points",
    "difference": -0.0123,
    "interval": [-0.02, 0.001],
    "p_holm": 0.0004,
    "verdict": "rejected",
}
EXPLANATION = {"says": "Because", "verdict": "does not hold", "tests": {"one": TEST}}
TIMING = {
    "num_units": 7,
    "num_digits": 100,
    "num_validation_digits": 320,
    "batch_size": 20,
    "epochs": 20,
    "repeats": 3,
    "speedup": {"head_only": 61.2, "head_only_training": 30.1, "sweep": 1.6},
    "explanation": EXPLANATION
    | {
        "correlation_with_flops": 0.99,
        "time_saved_at_deepest": 0.6,
        "flops_saved_at_deepest": 0.66,
    },
    "depths": {
        depth: {"trainable_parameters": 130, "as_is": MODE, "frozen_features": MODE}
        for depth in ("0", "7")
    },
}
PROBE = {
    "units": [1, 2],
    "draws": 2,
    "probe_accuracy": {"1": [0.6, 0.7], "2": [0.8, 0.9]},
    "cka": {"1": [1.0, 0.99], "2": [0.9, 0.8]},
}
STUDY = {
    "net": "preact",
    "draws": 2,
    "pretrained_networks": 2,
    "best": {
        "depth": 5,
        "mean": 0.9512,
        "interval": [0.94, 0.96],
        "rule": "the deepest",
        "margin": 0.01,
        "highest": {"depth": 3, "accuracy": 0.955},
    },
    "diversity": {"diversity/2-classes-10-percent": entry(0.85)},
}


def figures() -> dict[str, Any]:
    sizes = [point("front", d, 0.9 + d / 100, size=s) for d in (0, 7) for s in (10, 50)]
    return {
        "accuracy-by-depth": plots.accuracy_by_depth(list(POINTS.values()), 5, 7),
        "accuracy-by-depth-and-size": plots.accuracy_by_depth_and_size(sizes),
        "time-by-depth": plots.time_by_depth(TIMING),
        "features-by-unit": plots.features_by_unit(PROBE),
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
        "study": STUDY,
        "timing": TIMING,
        "explanations": [EXPLANATION, TIMING["explanation"]],
        "pretrain_classes": (1, 2),
        "finetune_classes": (0, 9),
        "sample_size": 50,
        "points": POINTS,
        "size_points": [point("front", 0, 0.8, size=10), POINTS["front/depth-0/size-50"]],
        "train_gaps": dict.fromkeys(POINTS, 0.05),
        "plots": {name: plots.svg(figure) for name, figure in figures().items()},
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
    for text in (rendered(), page.render_markdown("arms.md", context(**MARKDOWN))):
        assert "The best is better" in text and "−1 or more" in text
        assert "not decided" in text and "about 1,234" in text


MARKDOWN = {
    "extra": True,
    "processor": "Some CPU",
    "commits": ["`abc`, with changes"],
    "machines": ["Linux x86_64, 2 cores"],
}


def test_markdown_says_digits_commit_and_machine_and_its_tables_are_whole() -> None:
    text = page.render_markdown("arms.md", context(**MARKDOWN))
    assert "“rendered” (**not official SVHN**" in text
    assert "- **Commit:** `abc`, with changes." in text
    assert "- **Machine:** Linux x86_64, 2 cores; Some CPU." in text
    assert "seeds 0, 1 for each arm" in text and "(485 steps)" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert len(tables) == 2 and sum(map(len, tables)) == len(rows)
    for table in tables:
        assert len({row.count("|") for row in table}) == 1


def test_the_studys_page_has_every_point_cost_and_verdict() -> None:
    transfer = {
        "finetune": {"epochs": 20, "batch_size": 20, "optimizer": "adam", "learning_rate": 0.001},
        "diversity": {"depth": 5},
    }
    text = page.render_markdown("study.md", context(**MARKDOWN, transfer=transfer))
    assert "**Best depth: 5** of 7, with 95.12 % test accuracy" in text
    assert (
        "| `front` | depth-7 | 500 | 90.12 % | 90.12 % | 88.12 to 92.12 % | +5.00 | −4.88" in text
    )
    assert "| `only` | only-3 |" in text and "| `scratch` | depth-0 |" in text
    assert "| 10 | depth-0 | 20 | 80.00 % |" in text
    assert (
        "| 7 | 130 | frozen features | 1.5 | 2.5 | 0.2 | 66.7 | 132 | 14.3 | 100 | 90 to 120"
        in text
    )
    assert "**does not hold**" in text
    assert "| | Depth 7 is better | −1.23 points | −2.00 points to +0.10 points | < 0.001 |" in text
    assert "| 2-classes-10-percent | 85.00 % |" in text
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert len(tables) == 5
    for table in tables:
        assert len({row.count("|") for row in table}) == 1


def test_the_page_shows_the_study_with_its_rule_and_its_reasons() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", rendered()))
    assert "Best depth: 5 , with 95.12 % test accuracy (95 % t interval 94.00 to 96.00 %)" in text
    assert "an epoch of the head alone is 61.2 times faster" in text
    assert "Because does not hold" in text
    assert "head alone" not in rendered(
        timing=TIMING | {"speedup": {"head_only": None, "sweep": 1.2}}
    )


def test_quantities_of_explanations_have_their_unit() -> None:
    assert page.measured(TEST, 0.0123) == "+1.23 points"
    assert page.measured(TEST | {"unit": "ms"}, -12.345) == "−12.3 ms"


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


@pytest.mark.parametrize("name", figures())
def test_plots_are_the_same_bytes_each_time_and_take_the_pages_colour(name: str) -> None:
    svg = plots.svg(figures()[name])
    assert svg == plots.svg(figures()[name])
    assert svg.startswith("<svg") and "currentColor" in svg and plots.TEXT not in svg
    assert plots.png(figures()[name]).startswith(b"\x89PNG")


def test_an_accuracy_plot_needs_no_other_sweep_and_no_interval() -> None:
    alone = [point("front", depth, 0.9, interval=None) for depth in (0, 1)]
    assert plots.svg(plots.accuracy_by_depth(alone, 1, 7)).startswith("<svg")
