"""page.py: what was measured stands on the page, and the page needs nothing else."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from entries import CURVES, entry
from matplotlib.figure import Figure

from svhn_lab.report import arm_plots, formats, graph, page, plots, study_plots


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


STAGES: dict[str, dict[str, Any]] = {
    "prepare": {"desc": "Cut", "outs": ["data/prepared"], "deps": ["params.yaml"]},
    "train": {
        "matrix": {"arm": ["a"]},
        "deps": ["data/prepared/train"],
        "outs": ["models/train/${item.arm}", {"results/train/${item.arm}": {"cache": False}}],
    },
    "evaluate": {
        "deps": ["models/train", "data/prepared/test"],
        "metrics": [{"results/evaluation.json": {"cache": True}}],
    },
}


COMPARED = {
    "reference": "baseline",
    "difference": 0.0821,
    "difference_interval": [-0.004, 0.1],
    "p_holm": 0.0004,
    "lab_accuracy": 0.938,
    "verdict": "not decided",
}
ARMS = {"baseline": entry(0.85), "<preact>": entry(0.9321, parameters=124_426, **COMPARED)}
COST = {"baseline": 26_346.0, "<preact>": 124_426.0}
SIZES = [point("front", d, 0.9 + d / 100, size=s) for d in (0, 7) for s in (10, 50)]
FIGURES: dict[str, Callable[[], Figure]] = {
    "accuracy-by-depth": lambda: study_plots.accuracy_by_depth(list(POINTS.values()), 5, 7),
    "accuracy-by-depth-and-size": lambda: study_plots.accuracy_by_depth_and_size(SIZES),
    "time-by-depth": lambda: study_plots.time_by_depth(TIMING),
    "flops-by-depth": lambda: study_plots.flops_by_depth(TIMING),
    "features-by-unit": lambda: study_plots.features_by_unit(PROBE),
    "class-shares": lambda: arm_plots.class_shares({"train": [3, 5], "test": [1, 1]}, ["0", "1"]),
    "accuracy-by-parameters": lambda: arm_plots.accuracy_over(ARMS, COST, list(COST), "parameters"),
    "accuracy-by-time": lambda: arm_plots.accuracy_over(ARMS, COST, ["baseline"], "seconds"),
    "differences": lambda: arm_plots.differences(ARMS),
    "learning-curves": lambda: arm_plots.learning_curves(CURVES, ["baseline", "<preact>"]),
    "confusion": lambda: arm_plots.confusion(ARMS["baseline"], ["0", "1"]),
    "calibration": lambda: arm_plots.calibration(ARMS["baseline"]),
    "stages": lambda: graph.figure(STAGES),
}


@cache
def drawn() -> dict[str, str]:
    return {name: plots.svg(figure()) for name, figure in FIGURES.items()}


def rendered(**changes: Any) -> str:
    return page.render(context(**changes))


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
            "classes": ["0", "1"],
            "splits": {"train": 12_345, "validation": 100, "test": 200},
        },
        "contests": {},
        "told_apart": dict.fromkeys(("better", "worse", "not told", "corrected"), ()),
        "search": None,
        "winner": None,
        "never_right": [],
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
        "test_digits": 188,
        "best_half_width": 0.0328,
        "plots": drawn(),
        "class_counts": {"train": [3, 5], "test": [1, 1]},
        "curves": CURVES,
        "chosen_curves": ["<preact>"],
        "mistakes": [{"image": "AAAA", "label": "3", "taken_for": "8", "confidence": 0.987}],
        "stages": [{"name": "train@ARM", "desc": "Train", "needs": ["prepare"]}],
        "origin": {"commits": ["abc123, with uncommitted changes"], "machines": ["Linux, 2 cores"]},
        "changed_recipes": set(),
        "changed_networks": {"<preact>"},
        "recipe_arms": {"baseline"},
        "network_arms": {"baseline", "<preact>"},
    } | changes


def test_the_page_shows_the_figures_with_their_n_and_band() -> None:
    text = re.sub(r"\s+", " ", rendered())
    assert "93.21 % test accuracy (95 % t interval 91.21 to 95.21 %, n = 2 seeds)" in text
    assert "12,345 training digits" in text
    assert "&lt;preact&gt;" in text and "<preact>" not in text


def test_the_labs_figure_stands_beside_ours_with_the_paired_difference() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", rendered()))
    assert (
        "&lt;preact&gt; 26,346 12.3 1.2 93.21 % 93.80 % 93.21 % 91.21 to 95.21 % baseline +8.21 "
        "−0.40 to +10.00 &lt; 0.001 not decided" in text
    )


def test_a_claim_that_is_not_decided_says_how_many_seeds_would_decide_it() -> None:
    for text in (rendered(), page.render_markdown("arms.md", context(**MARKDOWN))):
        assert "The best is better" in text and "−1 or more" in text
        assert "not decided" in text and "about 1,234" in text


MARKDOWN = {
    "extra": True,
    "commits": ["abc, with uncommitted changes"],
    "machines": ["Linux x86_64, 2 cores"],
    "published": [
        {
            "name": "other 1.0",
            "about": "with its authors' weights",
            **{"parameters": 815_018, "buffers": 902, "flops_per_image": 66.7e6},
            "test_accuracy": 0.938,
        }
    ],
    "told_apart": {
        "better": [],
        "worse": ["a", "b"],
        "not told": ["<preact>"],
        "corrected": ["b"],
    },
}


def test_markdown_says_digits_commit_and_machine_and_its_tables_are_whole() -> None:
    text = page.render_markdown("arms.md", context(**MARKDOWN))
    assert "“rendered” (**not official SVHN**" in text
    assert "- **Commit:** `abc`, with uncommitted changes." in text
    assert "- **Machine:** Linux x86_64, 2 cores." in text
    assert "seeds 0, 1 for each arm" in text and "(485 steps)" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert len(tables) == 2 and sum(map(len, tables)) == len(rows)
    for table in tables:
        assert len({row.count("|") for row in table}) == 1


def test_the_contests_page_has_who_competed_and_how() -> None:
    text = page.render_markdown("contests.md", context(**MARKDOWN))
    assert "# The best network of at most 150,000 parameters" in text
    assert "5 epochs of batches of\n128, adam at 0.001" in text
    row = "| `<preact>` | net baseline | 26,346 | 170 | 12.3 | 2.5 | 1 | 93.21 % | 93.21 % |"
    assert f"{row} 91.21 to 95.21 % | `baseline` | +8.21 | −0.40 to +10.00 | < 0.001 |" in text
    row = "| `other 1.0` | with its authors' weights | 815,018* | 902 | 66.7 | "
    assert row + "– | – | – | 93.80 % | – | – | – | – | – |\n" in text
    assert "no like-for-like comparison.\n\n| arm |" in text
    assert "- better than what it is compared with: none;" in text
    assert "- worse: `a`, `b`;\n- no significant difference: `<preact>`." in text
    assert "Significant after Holm's correction: `b`." in text
    assert "teachers" not in text
    students = {"student": entry(0.9, taught_by="teachers")}
    text = page.render_markdown("contests.md", context(**MARKDOWN, arms=students))
    assert "A distilled arm is trained on" in text
    assert "pretraining" not in text
    adapted = {"adapted": entry(0.9, pretrained="another")}
    text = page.render_markdown("contests.md", context(**MARKDOWN, arms=adapted))
    assert "An adapted arm starts from" in text and "minutes leave out the pretraining. Bu" in text
    assert "teachers" not in text


def test_what_no_network_of_the_contests_winner_gets_right_is_told_and_shown() -> None:
    won = {"winner": {"name": "<student>", "entry": entry(0.9)}}
    text = re.sub(r"\s+", " ", page.render_markdown("contests.md", context(**MARKDOWN) | won))
    assert "`<student>` is the best on validation digits." in text
    assert "has 92.00 % test accuracy; 3 of 200 digits are misclassified by every single" in text
    wrong = [{"image": "BBBB", "label": "1", "taken_for": "7", "confidence": 0.6}]
    shown = rendered(contests={"<student>": entry(0.9)}, never_right=wrong, **won)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", shown))
    assert "The ensemble of all its seeds (n = 2; mean of predicted probabilities)" in text
    assert "has 92.00 % test accuracy" in text
    assert "the same 3 of 200" in text and "1, taken for 7 (60.00 %)" in text
    assert 'src="data:image/png;base64,BBBB"' in shown


SEARCH = {
    "tried": 40,
    "trained": 31,
    "choices": ["stem", "squeeze", "both_polarities"],
    "best": [
        {
            "trial": 7,
            "network": {"stem": 16, "squeeze": None, "both_polarities": True},
            "parameters": 149_034,
            "validation_accuracy": 0.956,
        }
    ],
}


def test_what_the_search_found_is_shown_where_there_was_one() -> None:
    without = page.render_markdown("contests.md", context(**MARKDOWN))
    assert "## Search" not in without
    text = page.render_markdown("contests.md", context(**MARKDOWN, search=SEARCH))
    assert "under the same fixed settings: 40, of\nwhich 31 could be small enough" in text
    assert "| trial | parameters | validation | stem | squeeze | both polarities |\n| ---" in text
    assert "| 7 | 149,034 | 95.60 % | 16 | – | yes |\n" in text
    shown = rendered(search=SEARCH)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", shown))
    assert "The best of 31 networks that the search trained" in text
    assert "Validation Stem Squeeze Both polarities" in text
    assert "7 149,034 95.60 % 16 – yes" in text


def test_the_studys_page_has_every_point_cost_and_verdict() -> None:
    transfer = {
        "finetune": {"epochs": 20, "batch_size": 20, "optimizer": "adam", "learning_rate": 0.001},
        "diversity": {"depth": 5},
    }
    text = page.render_markdown("study.md", context(**MARKDOWN, transfer=transfer))
    for shown in (rendered(), text):
        said = re.sub(r"\s+", " ", shown)
        assert "tested on the same 188 digits" in said and "about ±3.3 points besides" in said
    assert "**Best depth: 5** of 7, with 95.12 % test accuracy" in text
    assert (
        "| `front` | depth-7 | 500 | 90.12 % | 90.12 % | 88.12 to 92.12 % | +5.00 | −4.88" in text
    )
    assert "| `only` | only-3 |" in text and "| `scratch` | depth-0 |" in text
    assert "| 10 | depth-0 | 20 | 80.00 % |" in text
    assert (
        "| 7 | 130 | cached features | 1.5 | 2.5 | 0.2 | 66.7 | 132 | 14.3 | 100 | 90 to 120"
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
    assert formats.measured(TEST, 0.0123) == "+1.23 points"
    assert formats.measured(TEST | {"unit": "ms"}, -12.345) == "−12.3 ms"


def test_contests_are_shown_where_there_were_any() -> None:
    assert "Contests" not in rendered()
    compared = COMPARED | {"reference": "free-b"}
    arms = {"free-<a>": entry(0.91, taught_by="free-b", **compared), "free-b": entry(0.9)}
    told = {"better": ["free-<a>"], "worse": [], "not told": [], "corrected": []}
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", rendered(contests=arms, told_apart=told)))
    assert "what it is compared with: free-&lt;a&gt;; worse: none; no significant" in text
    assert "At most 150,000 parameters" in text and "Contests" in text
    assert "free-&lt;a&gt; net baseline 2 26,346 170 12.3 2.5 1 91.00 %" in text
    assert "91.00 % 89.00 to 93.00 % free-b +8.21" in text and "A distilled arm is" in text
    assert "pretraining" not in text
    adapted = rendered(contests={"free-a": entry(0.91, pretrained="free-b")}, told_apart=told)
    assert "An adapted arm starts from" in adapted and "distilled" not in adapted


def test_no_claims_no_section_of_claims() -> None:
    assert "lab report claims" not in rendered(claims={})


def test_too_many_seeds_and_no_spread_are_told_apart() -> None:
    assert formats.seeds_to_decide(CLAIM | {"seeds_to_decide": None}) == "too many"
    assert (
        formats.seeds_to_decide(CLAIM | {"seeds_to_decide": None, "p_holm": None}) == formats.ABSENT
    )
    assert formats.seeds_to_decide(CLAIM | {"verdict": "upheld"}) == formats.ABSENT


def test_a_difference_that_rounds_to_nothing_has_no_sign_of_loss() -> None:
    assert formats.points(-0.00001) == "+0.00"
    assert formats.points(-0.0123) == "−1.23"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((0.0, None), "0 or more"), ((None, 0.0), "0 or less"), ((-3.0, 0.5), "−3 to +0.5")],
)
def test_a_claimed_range_reads_in_words(bounds: tuple[Any, Any], expected: str) -> None:
    low, high = bounds
    assert formats.claimed_range({"at_least": low, "at_most": high}) == expected


def test_digits_that_are_not_svhn_are_said_first_and_svhn_is_not() -> None:
    assert "Not official SVHN" in rendered()
    official = {
        "name": "svhn",
        "official": True,
        "digest": "d",
        "classes": ["0", "1"],
        "splits": {},
    }
    official["splits"] = {"train": 1, "validation": 1, "test": 1}
    assert "Not official SVHN" not in rendered(dataset=official)


def test_the_page_loads_nothing() -> None:
    text = rendered()
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", text)
    assert "@import" not in text and "fetch(" not in text
    assert not re.findall(r"url\((?!#)", text)


def test_data_in_the_page_cannot_end_its_script() -> None:
    evil = "</script><b>"
    text = rendered(curves=CURVES | {evil: CURVES["baseline"]})
    assert evil not in text


def test_a_cell_has_all_digits_for_csv_in_the_unit_that_is_shown() -> None:
    assert str(page.cell(0.93214567, "percent")) == '<td data-value="93.214567">93.21 %</td>'
    assert 'data-value="25 to 50"' in str(page.cell((0.25, 0.5), "percent_interval"))
    assert str(page.cell([0.5, 1.0], "mean_percent")) == '<td data-value="75">75.00 %</td>'
    assert str(page.cell(-0.0125, "points")) == '<td data-value="-1.25">−1.25</td>'
    assert str(page.cell(12_300_000, "millions")) == '<td data-value="12.3">12.3</td>'
    assert str(page.cell(7.5, "signed")) == '<td data-value="7.5">+7.5</td>'
    assert str(page.cell(None, "percent")) == "<td>–</td>"
    assert str(page.cell("<a>")) == "<td>&lt;a&gt;</td>"


def test_errors_are_shown_of_the_best_network() -> None:
    text = re.sub(r"\s+", " ", rendered())
    assert "Expected calibration error: 3.45 %" in text
    assert 'alt="A digit labelled 3, taken for 8"' in text and "(98.70 %)" in text


def test_the_page_says_where_it_comes_from() -> None:
    text = rendered()
    assert "<code>abc123, with uncommitted changes</code>" in text
    assert "Computed on: Linux, 2 cores." in text


def test_edges_of_the_graph_are_needs_and_none_follows_from_others() -> None:
    assert set(graph.stages(STAGES).edges) == {("prepare", "train"), ("train", "evaluate")}
    assert graph.full_name("train", STAGES) == "train@ARM"


def test_a_band_reaches_from_the_lowest_to_the_highest_seed() -> None:
    band = CURVES["baseline"]["validation_accuracy"]
    assert band == {
        "mean": pytest.approx([0.35, 0.7]),
        "low": pytest.approx([0.3, 0.6]),
        "high": pytest.approx([0.4, 0.8]),
    }
    assert CURVES["baseline"]["epochs"] == [1, 2] and CURVES["baseline"]["seeds"] == 2


@pytest.mark.parametrize(
    ("values", "blocks"), [([0.0, 0.5, 1.0], "▁▅█"), ([1.0], "▁"), ([2.0, 2.0], "▁▁")]
)
def test_a_sparkline_goes_from_the_lowest_to_the_highest(values: list[float], blocks: str) -> None:
    assert formats.sparkline(values) == blocks


def test_one_seed_has_no_interval() -> None:
    alone = entry(0.9, interval=None, seeds=[0])
    text = re.sub(r"\s+", " ", rendered(best={"name": "a", "entry": alone}, arms={"a": alone}))
    assert "90.00 % test accuracy (n = 1 seeds)" in text


def test_no_small_network_is_said() -> None:
    assert "No network of at most 150,000 parameters" in rendered(best=None)


@pytest.mark.parametrize("name", FIGURES)
def test_plots_are_the_same_bytes_each_time_and_take_the_pages_colour(name: str) -> None:
    svg = drawn()[name]
    assert svg == plots.svg(FIGURES[name]())
    assert svg.startswith("<svg") and "currentColor" in svg and plots.TEXT not in svg
    assert plots.png(FIGURES[name]()).startswith(b"\x89PNG")


def test_an_accuracy_plot_needs_no_other_sweep_and_no_interval() -> None:
    alone = [point("front", depth, 0.9, interval=None) for depth in (0, 1)]
    assert plots.svg(study_plots.accuracy_by_depth(alone, 1, 7)).startswith("<svg")
