"""`finetune DEPTH`: fine-tunes the pretrained network on every small draw with its first DEPTH
units frozen. `finetune scratch` is the control: a fresh network on the same draws."""

import hashlib

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze
from svhn_lab.params import PARAMS_FILE, SCRATCH, Params, Transfer, load
from svhn_lab.stages.prepared import load_draw, load_manifest, load_subset
from svhn_lab.stages.runs import load_model, run, run_all
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity


def identities(params: Params, depth: int | str) -> list[Identity]:
    """The runs at one depth: draw d starts from the pretrained network of the d-th seed, round
    and round, so that the spread over draws holds that over pretrained networks too. From
    scratch, each draw has fresh weights of its own."""
    seeds = params.seeds
    return [
        Identity(
            "finetune",
            str(depth),
            seed=draw if depth == SCRATCH else seeds[draw % len(seeds)],
            draw=draw,
        )
        for draw in range(params.transfer.draws)
    ]


def pretraining(identity: Identity) -> Identity:
    """The run whose network a fine-tuning run starts from."""
    return Identity("pretrain", "", identity.seed)


def starting_network(identity: Identity, transfer: Transfer, image_size: int) -> zoo.Network:
    """The network before fine-tuning. All depths of a draw begin with the same head."""
    num_classes = len(transfer.finetune_classes)
    head_seed = identity.draw or 0
    if identity.arm == SCRATCH:
        return zoo.build(
            transfer.net, num_classes=num_classes, seed=head_seed, image_size=image_size
        )
    pretrained = load_model(
        pretraining(identity),
        transfer.net,
        num_classes=len(transfer.pretrain_classes),
        image_size=image_size,
    )
    zoo.with_new_head(pretrained, num_classes=num_classes, seed=head_seed)
    return freeze(pretrained, int(identity.arm), transfer.norm_policy)


def finetune_one(task: tuple[Identity, Transfer]) -> Identity:
    """One draw at one depth."""
    identity, transfer = task
    assert identity.draw is not None
    classes = transfer.finetune_classes
    manifest = load_manifest()
    settings = {
        "stage": "finetune",
        "net": transfer.net,
        "freeze_depth": identity.arm,
        "norm_policy": transfer.norm_policy,
        "classes": list(classes),
        "samples_per_class": transfer.samples_per_class,
    }
    sample = load_draw(identity.draw, classes)
    settings["sample_digest"] = hashlib.md5(sample.images.numpy().data).hexdigest()
    if identity.arm != SCRATCH:
        # Other pretrained weights make another run, though nothing else has changed.
        settings["pretrained_key"] = record.read(pretraining(identity)).key
    return run(
        identity,
        starting_network(identity, transfer, manifest.image_size),
        transfer.finetune,
        settings,
        sample,
        load_subset("validation", "finetune", classes),
        manifest,
    )


def main(depth: str) -> None:
    """Fine-tunes on every draw. Raises UserError if params.yaml does not name the depth."""
    params = load()
    known = [str(known) for known in params.transfer.depths]
    if depth not in known:
        raise UserError(
            f"{PARAMS_FILE}: transfer.depths: has no {depth!r}; there are: {', '.join(known)}"
        )
    run_all(finetune_one, [(identity, params.transfer) for identity in identities(params, depth)])
