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


def stages(definitions: Mapping[str, Mapping[str, Any]]) -> nx.DiGraph:
    """An edge from each stage to those that need what it makes, and that nothing between them needs
    as well; `definitions` are the `stages` of dvc.yaml."""
    graph = nx.DiGraph()
    graph.add_nodes_from(definitions)
    for maker, making in definitions.items():
        outs = [out for key in ("outs", "metrics", "plots") for out in _paths(making.get(key, []))]
        for user, using in definitions.items():
            needs = _paths(using.get("deps", []))
            if maker != user and any(
                _within(need, out) or _within(out, need) for need in needs for out in outs
            ):
                graph.add_edge(maker, user)
    return nx.transitive_reduction(graph)


def full_name(stage: str, definitions: Mapping[str, Mapping[str, Any]]) -> str:
    """The stage with what there is one for each of."""
    return stage + "".join(f"@{each.upper()}" for each in definitions[stage].get("matrix", ()))


def figure(definitions: Mapping[str, Mapping[str, Any]]) -> Figure:
    """The graph drawn from left to right."""
    graph = stages(definitions)
    for layer, members in enumerate(nx.topological_generations(graph)):
        for member in members:
            graph.nodes[member]["layer"] = layer
    places = nx.multipartite_layout(graph, subset_key="layer")
    drawn, axes = plots.axes()
    drawn.set_size_inches(10, 3.6)
    with rc_context(plots.STYLE):
        axes.axis("off")
        nx.draw_networkx_labels(
            graph,
            places,
            {stage: full_name(stage, definitions) for stage in definitions},
            font_size=9,
            font_color=plots.TEXT,
            bbox={"boxstyle": "round,pad=0.4", "fc": "none", "ec": plots.BLUE},
            ax=axes,
        )
        nx.draw_networkx_edges(
            graph, places, ax=axes, edge_color=plots.GREY, node_size=2600, arrowsize=10
        )
        axes.margins(0.08, 0.15)
    return drawn
