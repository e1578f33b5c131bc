"""`check`: reads the whole of params.yaml against the schema and the networks, before anything
else runs. Its out never changes, so a right file re-runs nothing; a wrong one stops the graph
at its first stage, while every result is still where it was."""

import importlib
from pathlib import Path

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import frozen_units
from svhn_lab.nets.network import Network
from svhn_lab.params import PARAMS_FILE, Params, load
from svhn_lab.stages.layout import CHECKED, CONTESTS_GRAPH, GRAPH, NETS
from svhn_lab.stages.sweeps import points
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_text


def check_networks(params: Params) -> None:
    """Raises UserError naming every key whose network or freeze depth cannot be had."""
    wrong = []
    nets: dict[str, Network] = {}
    for key, name in [
        *((f"arms.{arm}.net", recipe.net) for arm, recipe in params.arms.items()),
        ("transfer.net", params.transfer.net),
    ]:
        try:
            if name not in nets:
                size = params.data.image_size
                net = zoo.build(name, num_classes=2, seed=0, image_size=size)
                check_freeze_units(net)
                check_tracked(name)
                nets[name] = net  # the next arm with one that is wrong is named too
        except UserError as failure:
            wrong.append(f"{PARAMS_FILE}: {key}: {failure}")
    contests = params.contests
    for key, recipe in [
        *((f"arms.{arm}", recipe) for arm, recipe in contests.arms.items()),
        *((f"distilled.{arm}", recipe) for arm, recipe in contests.distilled.items()),
        *((f"adapted.{arm}", recipe) for arm, recipe in contests.adapted.items()),
    ]:
        try:  # not built: that may need packages that only those have who run the contests
            zoo.architecture(recipe.net)
            check_tracked(recipe.net, graph=CONTESTS_GRAPH)
        except UserError as failure:
            wrong.append(f"{PARAMS_FILE}: contests.{key}.net: {failure}")
    if params.transfer.net in nets:
        num_units = len(nets[params.transfer.net].freeze_units())
        for name in params.transfer.sweeps:
            for point in points(params.transfer, name):
                try:
                    frozen_units(point.freezing, point.number, num_units)
                except UserError as failure:
                    wrong.append(f"{PARAMS_FILE}: transfer.sweeps.{name}: {failure}")
    if wrong:
        raise UserError("\n".join(dict.fromkeys(wrong)))


def check_freeze_units(net: Network) -> None:
    """Raises UserError if the freeze units leave a parameter out or hold one twice: freezing all of
    them would then not freeze the network."""
    held = [id(p) for unit in net.freeze_units() for module in unit for p in module.parameters()]
    if sorted(held) != sorted(id(p) for p in net.blocks.parameters()):
        raise UserError(
            "its freeze units should hold every parameter of its blocks once; make each block an "
            "svhn_lab.nets.blocks.Block, and let its freeze_units name all of its modules"
        )


def check_tracked(name: str, project: Path = Path(), graph: Path = GRAPH) -> None:
    """Raises UserError if the network's module lies in the project where DVC would not see it
    change: a result could then be older than the code that it is said to come from."""
    module_name = name.rpartition(".")[0]
    file = importlib.import_module(module_name).__file__ if module_name else None
    top = project.resolve()
    if file is None or top not in Path(file).resolve().parents or "site-packages" in file:
        return
    module = Path(file).resolve().relative_to(top)
    blind = [
        stage
        for stage, definition in record.definitions(project, [str(graph)]).items()
        if stage != record.SEARCH  # which names no networks
        and NETS in definition.get("deps", ())
        and not any(Path(dep) in (module, *module.parents) for dep in definition["deps"])
    ]
    if blind:
        raise UserError(
            f"{module.as_posix()} is no dep of {', '.join(blind)} in {graph}, so DVC would not "
            f"see it change; move it into {NETS}/, or add it to their deps"
        )


def main() -> None:
    """Writes CHECKED if params.yaml is right; raises UserError if not."""
    check_networks(load())
    write_text(CHECKED, "params.yaml is right\n")
