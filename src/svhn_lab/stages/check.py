"""`check`: reads the whole of params.yaml against the schema and the networks, before anything
else runs. Its out never changes, so a right file re-runs nothing; a wrong one stops the graph
at its first stage, while every result is still where it was."""

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.params import PARAMS_FILE, SCRATCH, Params, load
from svhn_lab.stages.layout import CHECKED
from svhn_lab.tracking.files import write_text


def check_networks(params: Params) -> None:
    """Raises UserError naming every key whose network or freeze depth does not exist."""
    wrong = [
        f"{PARAMS_FILE}: {key}: no network is called {net!r}; there are: {', '.join(zoo.ZOO)}"
        for key, net in [
            *((f"arms.{name}.net", arm.net) for name, arm in params.arms.items()),
            ("transfer.net", params.transfer.net),
        ]
        if net not in zoo.ZOO
    ]
    if params.transfer.net in zoo.ZOO:
        num_units = len(zoo.build(params.transfer.net, num_classes=2, seed=0).freeze_units())
        wrong += [
            f"{PARAMS_FILE}: transfer.depths: {depth} is beyond {params.transfer.net}, which has "
            f"{num_units} freeze units; take 0..{num_units}"
            for depth in params.transfer.depths
            if depth != SCRATCH and depth > num_units
        ]
    if wrong:
        raise UserError("\n".join(wrong))


def main() -> None:
    """Writes CHECKED if params.yaml is right; raises UserError if not."""
    check_networks(load())
    write_text(CHECKED, "params.yaml is right\n")
