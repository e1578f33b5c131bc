"""`teach` (contests/dvc.yaml): trains the teacher, a network of any size that those of
`contests.distilled` learn from."""

from svhn_lab.nets.network import Network
from svhn_lab.params import Params, load
from svhn_lab.stages.competitors import TEACHER
from svhn_lab.stages.prepared import Manifest
from svhn_lab.stages.runs import load_model, run_all
from svhn_lab.stages.train import train_one
from svhn_lab.tracking import record


def trained(params: Params, manifest: Manifest) -> tuple[str, Network]:
    """The key of the teacher's run, and the teacher. Raises UserError if it is not on disk."""
    net = load_model(
        TEACHER,
        params.contests.teacher.net,
        num_classes=manifest.num_classes,
        image_size=manifest.image_size,
    )
    return record.read(TEACHER).key, net


def main() -> None:
    """Trains it."""
    params = load()
    run_all(train_one, [(TEACHER, params.contests.teacher)], params.compute)
