"""`report`: the page with what was found, and its plots as files."""

import base64
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import networkx as nx
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from ruamel.yaml import YAML

from svhn_lab.evidence.selection import best_small_arm, pareto_front
from svhn_lab.params import Params, load
from svhn_lab.report import arm_plots, graph, page, plots
from svhn_lab.report.curves import seed_bands, table
from svhn_lab.stages.competed import competed
from svhn_lab.stages.layout import (
    CONTESTS_MISTAKES,
    CONTESTS_STAGE,
    EVALUATION,
    GRAPH,
    MANIFEST,
    MISTAKES,
    PAGE,
    PLOTS,
    PLOTS_OF,
    PREVIEW,
    TIMING,
    TRANSFER,
    read_json,
    refuse_other_digits,
)
from svhn_lab.stages.mirroring import mirror_all
from svhn_lab.stages.origin import origin
from svhn_lab.stages.saved_mistakes import read_mistakes
from svhn_lab.stages.searched import searched
from svhn_lab.stages.shown import (
    best_small,
    contest_arms,
    refuse_outdated,
    study_figures,
    study_tables,
    tables,
    told_apart,
)
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_bytes, write_text
from svhn_lab.tracking.record import Identity

CURVES_SHOWN = 4  # arms that are switched on when the page opens


def split_arms(params: Params) -> dict[str, set[str]]:
    """The arms that change only the recipe of the one that they are compared with, and those that
    change its network; then both with what they are compared with."""
    recipes, networks = set[str](), set[str]()
    for name, reference in params.references.items():
        same = params.arms[name].net == params.arms[reference].net
        (recipes if same else networks).add(name)
    alone = set(params.arms) - set(params.references)
    return {
        "changed_recipes": recipes,
        "changed_networks": networks,
        "recipe_arms": recipes | {params.references[name] for name in recipes},
        "network_arms": networks | {params.references[name] for name in networks} | alone,
    }


def arm_figures(
    params: Params, evaluation: Mapping[str, Any], best: str | None, curves: Mapping[str, Any]
) -> dict[str, Figure]:
    """The plots of the arms by name; of the best small one what it gets wrong."""
    arms, classes = evaluation["arms"], evaluation["dataset"]["classes"]
    networks = {name: arms[name] for name in arms if name in split_arms(params)["network_arms"]}
    costs = {
        "accuracy-by-parameters": (
            "parameters",
            {name: float(arm["parameters"]) for name, arm in networks.items()},
        ),
        "accuracy-by-time": (
            "seconds of training, as measured",
            {
                name: arm["seconds_per_epoch"] * params.arms[name].epochs
                for name, arm in networks.items()
            },
        ),
    }
    found = {
        name: arm_plots.accuracy_over(
            networks,
            cost,
            pareto_front({arm: (cost[arm], entry["mean"]) for arm, entry in networks.items()}),
            label,
        )
        for name, (label, cost) in costs.items()
    }
    # Each of these is there whatever there is to show: dvc.yaml names it.
    compared = any(arm["reference"] for arm in arms.values())
    found["differences"] = (
        arm_plots.differences(arms)
        if compared
        else plots.nothing("No arm is compared with another.")
    )
    found["learning-curves"] = arm_plots.learning_curves(curves, first_shown(arms, best))
    no_small = plots.nothing("No network is small enough.")
    found["confusion"] = no_small if best is None else arm_plots.confusion(arms[best], classes)
    found["calibration"] = no_small if best is None else arm_plots.calibration(arms[best])
    return found


def first_shown(arms: Mapping[str, Any], best: str | None) -> list[str]:
    """The arms whose curves are shown at first: the best small one, what it is compared with, and
    so on, then the first of params.yaml."""
    chain: list[str] = []
    while best is not None and best not in chain:
        chain.append(best)
        best = arms[best]["reference"]
    return list(dict.fromkeys([*chain, *arms]))[:CURVES_SHOWN]


def mistakes(file: Path, arm: str, stage: str, classes: list[str]) -> list[dict[str, Any]]:
    """What the page shows of an arm's mistakes. Raises UserError if the file has nothing of it."""
    return [
        {
            "image": png(each["image"]),
            "label": classes[each["label"]],
            "taken_for": classes[each["taken_for"]],
            "confidence": float(each["confidence"]),
        }
        for each in read_mistakes(file, arm, stage)
    ]


def png(image: np.ndarray[Any, Any]) -> str:
    """An (H, W, 3) uint8 image as PNG in base64."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="png")
    return base64.b64encode(content.getvalue()).decode()


def stages(definitions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the page says of every stage, in the order in which they can run."""
    needed = graph.needs(definitions)
    return [
        {
            "name": graph.full_name(name, definitions),
            "desc": definitions[name].get("desc", ""),
            "needs": sorted(needed.predecessors(name)),
        }
        for name in nx.lexicographical_topological_sort(needed)
    ]


def of_arm(arm: str, seeds: Iterable[int | None]) -> list[Identity]:
    """The runs of an arm."""
    return [Identity("train", arm, seed) for seed in seeds]


def tested_runs(
    arms: Mapping[str, Any], transfer: Mapping[str, Any], timing_seed: int
) -> list[Identity]:
    """Every run that the page has something of."""
    runs = [run for arm, entry in arms.items() for run in of_arm(arm, entry["seeds"])]
    for name, entry in transfer["points"].items():
        sweep, _, condition = name.partition("/")
        runs += [
            Identity("finetune", sweep, seed, draw, condition)
            for seed, draw in zip(entry["seeds"], entry["draws"], strict=True)
        ]
    for name, entry in transfer["diversity"].items():
        less = name.removeprefix("diversity/")
        runs += [
            Identity("diversity", less, seed, draw, "finetune")
            for seed, draw in zip(entry["seeds"], entry["draws"], strict=True)
        ]
    return [*runs, Identity("timing", "", timing_seed)]


def plots_of(arms: Mapping[str, Any], transfer: Mapping[str, Any]) -> dict[str, list[str]]:
    """By content key of a run that stands for several, the plots that show it."""
    of_all = ("accuracy-by-parameters.png", "accuracy-by-time.png", "differences.png")
    of_depths = ("accuracy-by-depth.png", "time-by-depth.png")
    found = {entry["whole_key"]: [f"arms/{arm}.png", *of_all] for arm, entry in arms.items()}
    own = {
        transfer["points"][name]["whole_key"]: list(of_depths) for name in transfer["own_points"]
    }
    return found | own


def replace_plots(files: Mapping[Path, bytes]) -> None:
    """Writes results/plots/, which then holds these files and nothing else."""
    for path, content in files.items():
        write_bytes(PLOTS / path, content)
    for old in [path for path in PLOTS.rglob("*") if path.is_file()]:
        if old.relative_to(PLOTS) not in files:
            old.unlink()


def main() -> None:
    """Writes results/page/index.html and results/plots/, and shows plots and the study's costs in
    MLflow."""
    params = load()
    evaluation = read_json(EVALUATION, "evaluate")
    transfer = read_json(TRANSFER, "evaluate")
    timing = read_json(TIMING, "timing")
    definitions = YAML(typ="safe").load(GRAPH.read_text(encoding="utf-8"))["stages"]
    arms, classes = evaluation["arms"], evaluation["dataset"]["classes"]
    refuse_other_digits(EVALUATION, evaluation["dataset"])
    refuse_outdated(
        EVALUATION,
        arms,
        {
            arm: (of_arm(arm, params.seeds), recipe.model_dump())
            for arm, recipe in params.arms.items()
        },
    )
    class_counts = read_json(MANIFEST, "prepare")["class_counts"]
    best = best_small_arm(arms, params.gate.max_parameters)
    curves = {
        arm: seed_bands([record.read(run).curves for run in of_arm(arm, params.seeds)])
        for arm in arms
    }
    figures = {
        "class-shares": arm_plots.class_shares(class_counts, classes),
        **arm_figures(params, evaluation, best, curves),
        **study_figures(transfer, timing),
        "stages": graph.figure(definitions),
    }
    drawn = {name: plots.svg(figure) for name, figure in figures.items()}
    files: dict[Path, bytes] = {Path(f"{name}.svg"): svg.encode() for name, svg in drawn.items()}
    files |= {Path(f"{name}.png"): plots.png(figure) for name, figure in figures.items()}
    for arm, entry in arms.items():
        figure = arm_plots.one_arm(arm, curves[arm], entry, classes)
        files[Path(f"arms/{arm}.png")] = plots.png(figure)
        for kind in ("accuracy", "loss"):
            files[Path(f"curves/{kind}/{arm}.tsv")] = table(curves[arm], kind).encode()
    files[PLOTS_OF.relative_to(PLOTS)] = json.dumps(plots_of(arms, transfer), indent=2).encode()
    replace_plots(files)
    contests = competed(params, evaluation["dataset"])
    winner = best_small(contests, params.gate.max_parameters)
    never_right: list[dict[str, Any]] = []
    if winner and winner["entry"].get("never_right"):  # older results do not say
        never_right = mistakes(CONTESTS_MISTAKES, winner["name"], CONTESTS_STAGE, classes)
    only_here = {
        "contests": contest_arms(params, contests),
        "told_apart": told_apart(contests),
        "search": searched(params, evaluation["dataset"]),
        "winner": winner,
        "max_parameters": params.gate.max_parameters,
        "best": best_small(arms, params.gate.max_parameters),
        "preview": base64.b64encode(PREVIEW.read_bytes()).decode(),
        "plots": drawn,
        "class_counts": class_counts,
        "curves": curves,
        "chosen_curves": first_shown(arms, best),
        "mistakes": [] if best is None else mistakes(MISTAKES, best, "evaluate", classes),
        "never_right": never_right,
        "stages": stages(definitions),
        "origin": origin(tested_runs(arms, transfer, params.seeds[0])),
        **split_arms(params),
    }
    study = study_tables(transfer, timing, classes)
    write_text(PAGE / "index.html", page.render(tables(params, evaluation) | study | only_here))
    click.echo(f"The page: {PAGE / 'index.html'}")
    mirror_all()
