"""The lab's own graph of stages, from dvc.yaml."""

from collections.abc import Mapping
from typing import Any

import networkx as nx
from matplotlib import rc_context
from matplotlib.figure import Figure

from svhn_lab.report import plots


def _paths(listed: list[Any]) -> list[str]:
    """Outs or deps, with and without settings of their own; of a matrix, what all have in front."""
    named = [path for item in listed for path in ([item] if isinstance(item, str) else item)]
    return [path.partition("${")[0].rstrip("/") for path in named]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def needs(definitions: Mapping[str, Mapping[str, Any]]) -> nx.DiGraph:
    """An edge from each stage to those that need what it makes; `definitions` are the `stages` of
    dvc.yaml."""
    graph = nx.DiGraph()
    graph.add_nodes_from(definitions)
    for maker, making in definitions.items():
        outs = [out for key in ("outs", "metrics", "plots") for out in _paths(making.get(key, []))]
        for user, using in definitions.items():
            deps = _paths(using.get("deps", []))
            if maker != user and any(
                _within(dep, out) or _within(out, dep) for dep in deps for out in outs
            ):
                graph.add_edge(maker, user)
    return graph


def stages(definitions: Mapping[str, Mapping[str, Any]]) -> nx.DiGraph:
    """The same without edges that follow from others."""
    return nx.transitive_reduction(needs(definitions))


def full_name(stage: str, definitions: Mapping[str, Mapping[str, Any]]) -> str:
    """The stage with what there is one for each of."""
    return stage + "".join(f"@{each.upper()}" for each in definitions[stage].get("matrix", ()))


def places(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Where each stage stands: one layer after the other from left to right; stages with an edge
    over several layers above or below the rest, so that it passes by them."""
    layers = [sorted(layer) for layer in nx.topological_generations(graph)]
    column = {stage: x for x, layer in enumerate(layers) for stage in layer}
    found: dict[str, tuple[float, float]] = {}

    def above(stage: str) -> float:
        heights = [found[needed][1] for needed in graph.predecessors(stage)]
        return sum(heights) / len(heights) if heights else 0

    for x, layer in enumerate(layers):
        passing = [s for s in layer if any(column[n] > x + 1 for n in graph.successors(s))]
        others = sorted((s for s in layer if s not in passing), key=lambda s: -above(s))
        for number, stage in enumerate(passing):
            found[stage] = (x, (-1) ** (number + 1) * (1 + number // 2))
        for number, stage in enumerate(others):
            found[stage] = (x, ((len(others) - 1) / 2 - number) * 0.8)
    return found


def figure(definitions: Mapping[str, Mapping[str, Any]]) -> Figure:
    """The graph drawn from left to right."""
    graph = stages(definitions)
    at = places(graph)
    drawn, axes = plots.axes()
    drawn.set_size_inches(11, 3)
    box = {"boxstyle": "round,pad=0.4", "fc": "none", "ec": plots.BLUE}
    with rc_context(plots.STYLE):
        axes.axis("off")
        texts = {
            stage: axes.text(
                *at[stage], full_name(stage, definitions), ha="center", va="center", bbox=box
            )
            for stage in graph
        }
        x, y = zip(*at.values(), strict=True)
        axes.set_xlim(min(x) - 0.5, max(x) + 0.5)
        axes.set_ylim(min(y) - 0.4, max(y) + 0.4)
        drawn.draw_without_rendering()  # which settles how large the boxes are
        for maker, user in graph.edges:
            axes.annotate(
                "",
                at[user],
                at[maker],
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": plots.GREY,
                    "patchA": texts[maker].get_bbox_patch(),
                    "patchB": texts[user].get_bbox_patch(),
                    "shrinkA": 2,
                    "shrinkB": 2,
                },
            )
    return drawn
