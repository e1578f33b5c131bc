"""`distil ARM SEED` (contests/dvc.yaml): trains one arm of `contests.distilled` with one seed, not
on labels but on the class probabilities that the networks of another arm predict."""

from functools import partial

from svhn_lab.nets.blocks import answer_by_one_view
from svhn_lab.params import Params, load
from svhn_lab.stages import competitors
from svhn_lab.stages.prepared import Manifest, load_manifest
from svhn_lab.stages.runs import load_model, run_all
from svhn_lab.stages.train import Teachers, train_one
from svhn_lab.tracking import record


def load_teachers(params: Params, manifest: Manifest) -> Teachers:
    """The teachers, by the keys of their runs. They predict from the one view that the student
    has: several would cost more than the student's own training. Raises UserError if one is not on
    disk."""
    net = params.contests.arms[params.contests.teachers].net
    teachers = {
        record.read(teacher).key: load_model(teacher, net, **manifest.network_size)
        for teacher in competitors.teachers(params)
    }
    for teacher in teachers.values():
        answer_by_one_view(teacher)
    return teachers


def main(arm_name: str, seed: int) -> None:
    """Trains it. Raises UserError if params.yaml has no such distilled arm or no such seed, or
    a teacher is not on disk."""
    params = load()
    arm = competitors.named(arm_name, params.contests.distilled, "distilled")
    identity = competitors.identity(params, arm_name, seed)
    distil_one = partial(train_one, teachers=load_teachers(params, load_manifest()))
    run_all(distil_one, [(identity, arm)], params.compute)
