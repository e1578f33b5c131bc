"""How fast the lab trains, against the loops that people write without it (peers.py) and against
the bare limit of the processor: one table, all in one run, contenders in turn, medians with
quartiles. Written to RESULTS.md, and to results.json, which is not tracked, beside this."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import scipy.io
import torch

from benchmarks.peers import PEERS
from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.params import Compute, load
from svhn_lab.recipes import Recipe
from svhn_lab.tracking.record import processor
from svhn_lab.training.fan_out import HERE, confine, fan_out
from svhn_lab.training.fit import autocast, computed_in, fit
from svhn_lab.training.optimizers import optimizer_for

TRAIN, EXTRA = 73_257, 531_131  # digits of SVHN's own splits
NUM_DIGITS = {"baseline": 7_680, "preact": 1_280}  # whole batches, a second or more an epoch
EPOCHS = 2  # timed, after one to warm up
ROUNDS = 8  # of bare limit and fit in each process
SEEDS = 8
RAY_RUNS = 16
STATISTICS = Statistics((112.0, 112.0, 120.0), (51.0, 51.0, 51.0))
Rates = dict[str, list[float]]


def random_digits(number: int) -> Digits:
    """Made up: what is in a digit costs nothing."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (number, 32, 32, 3), dtype=torch.uint8, generator=generator)
    return Digits(images, torch.randint(0, 10, (number,), generator=generator))


def recipe(epochs: int) -> Recipe:
    """The shipped defaults, for so many epochs."""
    return load().training.model_copy(update={"epochs": epochs})


class Timed(NamedTuple):
    """One run of the lab's: digits of an epoch, the moments (s) when it began, when it had warmed
    up for an epoch, and when it ended, and the seconds of training between the last two."""

    digits: int
    began: float
    warm: float
    ended: float
    training: float


def train(task: tuple[str, int], epochs: int = EPOCHS + 1) -> Timed:
    """One run of a network with a seed."""
    name, seed = task
    digits = random_digits(NUM_DIGITS[name])
    net = zoo.build(name, num_classes=10, seed=seed)
    moments = [time.time()]
    history = fit(
        net,
        recipe(epochs),
        digits,
        digits.take(slice(0, 128)),
        STATISTICS,
        seed=seed,
        on_epoch=lambda _: moments.append(time.time()),
    )
    training = sum(epoch.seconds for epoch in history[1:])
    return Timed(len(digits), moments[0], moments[1], moments[-1], training)


def rate_of_steps(name: str) -> float:
    """Images per second of one run's training alone, as every run's history has it: the look at
    validation digits is left out, which the bare limit has not either, and the first epoch."""
    return EPOCHS * NUM_DIGITS[name] / train((name, 0)).training


def single(name: str) -> float:
    """Images per second of one run alone, on all cores, as `compute.cpus_per_run` can say; the
    first epoch is left out."""
    confine(HERE.model_copy(update={"cpus_per_run": os.cpu_count()}))
    run = train((name, 0))
    return EPOCHS * run.digits / (run.ended - run.warm)


def study(name: str) -> float:
    """Images per second of eight seeds side by side, from the beginning of the first to the end of
    the last, warming up included."""
    runs = fan_out(train, [(name, seed) for seed in range(SEEDS)])
    images = sum((EPOCHS + 1) * run.digits for run in runs)
    return images / (max(run.ended for run in runs) - min(run.began for run in runs))


def bare_limit(name: str) -> Callable[[], float]:
    """What measures, each time it is called, images per second of nothing but forward pass,
    backward pass and step, always on the same normalised batch."""
    settings = recipe(EPOCHS)
    batch = random_digits(settings.batch_size)
    with autocast(torch.device("cpu"), settings.precision):
        inputs = batch.inputs(STATISTICS)  # in the type that `fit` gives them
    labels = batch.labels
    net = zoo.build(name, num_classes=10, seed=0).train()
    optimizer = optimizer_for(net, settings)
    steps = EPOCHS * NUM_DIGITS[name] // len(batch)

    def step() -> None:
        with autocast(torch.device("cpu"), settings.precision):
            logits = net(*inputs)
            loss = torch.nn.functional.cross_entropy(logits.float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def rate() -> float:
        started = time.perf_counter()
        for _ in range(steps):
            step()
        return steps * len(batch) / (time.perf_counter() - started)

    return rate


def one_thread(name: str) -> tuple[list[float], list[float]]:
    """Images per second of the bare limit and of `fit`'s training, in turn in one process of one
    thread, after one turn of both to warm up."""
    confine()
    bare = bare_limit(name)
    turns = [(bare(), rate_of_steps(name)) for _ in range(ROUNDS + 1)]
    of_bare, of_fit = zip(*turns[1:], strict=True)
    return list(of_bare), list(of_fit)


def in_own_process(function: Callable[[str], Any], name: str) -> Any:
    """What the function of this module gives in a new process, as threads are set once."""
    script = (
        "import json; from benchmarks import speed; "
        f"print(json.dumps(speed.{function.__name__}({name!r})))"
    )
    return json.loads(_python("-c", script).splitlines()[-1])


def peer(contender: str, name: str, folder: Path) -> float:
    """Images per second of a peer, in a process of its own."""
    said = _python("-m", "benchmarks.peers", contender, name, str(folder), str(EPOCHS))
    found = json.loads(said.splitlines()[-1])
    return float(found["images"] / found["seconds"])


def _python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{arguments}: {done.stderr[-2000:]}")
    return done.stdout


def rates(name: str, repeats: int) -> Rates:
    """Images per second of every contender, each once a repeat, in turn."""
    found: Rates = {}
    with tempfile.TemporaryDirectory() as folder:
        digits = random_digits(NUM_DIGITS[name])
        arrays = {"X": digits.images.permute(1, 2, 3, 0).numpy(), "y": digits.labels.numpy()}
        scipy.io.savemat(str(Path(folder, "train_32x32.mat")), arrays)
        for repeat in range(repeats):
            for contender in PEERS:
                found.setdefault(contender, []).append(peer(contender, name, Path(folder)))
            bare, fitted = in_own_process(one_thread, name)
            found.setdefault("bare_limit", []).extend(bare)
            found.setdefault("fit", []).extend(fitted)
            for own in (single, study):
                found.setdefault(own.__name__, []).append(in_own_process(own, name))
            latest = ", ".join(f"{each} {values[-1]:,.0f}" for each, values in found.items())
            click.echo(f"{name}, repeat {repeat + 1} of {repeats}: {latest} images/s", err=True)
    return found


def memory_of(number: int) -> dict[str, float]:
    """What benchmarks.memory finds of a run on so many digits, in GB."""
    found: dict[str, float] = json.loads(_python("-m", "benchmarks.memory", str(number)))
    return found


def backends(repeats: int) -> Rates:
    """Images per second of sixteen runs of the shipped recipe, everything included, by where they
    are computed."""
    found: Rates = {"local": [], "ray": []}
    epochs = load().training.epochs
    tasks = [("baseline", seed) for seed in range(RAY_RUNS)]
    for _ in range(repeats):
        for backend in found:
            compute: Compute = HERE.model_copy(update={"backend": backend})
            started = time.perf_counter()
            runs = fan_out(partial(train, epochs=epochs), tasks, compute=compute)
            seconds = time.perf_counter() - started
            images = sum(epochs * run.digits for run in runs)
            found[backend].append(images / seconds)
    return found


def quartiles(values: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return [float(q) for q in np.percentile(values, [25, 50, 75])]


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """What the lab promises, of medians."""

    def median(values: list[float]) -> float:
        return float(np.median(values))

    result = {}
    for name, prefix in (("baseline", ""), ("preact", "preact_")):
        of = found["rates"][name]
        best = max(median(of[contender]) for contender in PEERS)
        result[f"{prefix}study_over_best_peer"] = median(of["study"]) / best
        result[f"{prefix}single_over_best_peer"] = median(of["single"]) / best
        turns = zip(of["fit"], of["bare_limit"], strict=True)
        result[f"{prefix}fit_over_bare_limit"] = median([fit / bare for fit, bare in turns])
    of = found["backends"]
    result["ray_over_local"] = median(of["ray"]) / median(of["local"])
    return result


OWN = {
    "bare_limit": "*bare limit, one thread*",
    "fit": "**one run's training, one thread**",
    "single": "**one run, a thread on each core**",
    "study": f"**{SEEDS} seeds side by side**",
}


def table(name: str, of: Rates) -> list[str]:
    """Markdown of one network's contenders."""
    best = max(float(np.median(of[contender])) for contender in PEERS)
    lines = [
        f"## `{name}`: {NUM_DIGITS[name]:,} digits, {EPOCHS} epochs after one to warm up",
        "",
        "| contender | images/s | quartiles | over the best peer |",
        "| --- | ---: | ---: | ---: |",
    ]
    for contender, values in of.items():
        low, median, high = quartiles(values)
        shown = OWN.get(contender, contender)
        lines.append(
            f"| {shown} | {median:,.0f} | {low:,.0f} to {high:,.0f} | {median / best:.2f} |"
        )
    return [*lines, ""]


def markdown(found: dict[str, Any]) -> str:
    """RESULTS.md."""
    local, ray = (quartiles(found["backends"][backend]) for backend in ("local", "ray"))
    used = found["memory"]
    lines = [
        "# How fast the lab trains",
        "",
        "Written by `python -m benchmarks.speed`; run it again rather than edit this. Batches of",
        "128, Adam 0.001. Peers compute in float32 on all cores, each loop as its users would",
        f"write it; the lab in {found['computed_in']}, which `precision: auto` takes here, with as",
        "many threads as is said. To start Python and to import is left out, and of all but the",
        f"study the first epoch. Medians of {found['repeats']} repeats, contenders in turn; bare",
        "limit and one run on one thread in turn in one process, their ratio being the median of",
        "each turn's, and of that run the validation passes, which the bare limit has",
        "not, are left out as well.",
        "",
        f"Machine: {found['machine']}.",
        "",
        *table("baseline", found["rates"]["baseline"]),
        *table("preact", found["rates"]["preact"]),
        "## Ray and memory",
        "",
        f"{RAY_RUNS} runs of `baseline` on {NUM_DIGITS['baseline']:,} digits for",
        f"{load().training.epochs} epochs, starting included: {local[1]:,.0f} images/s in",
        f"processes of this machine, {ray[1]:,.0f} as tasks of a Ray that is started for them.",
        "",
        "| digits | peak memory (GB) | at the end, mapped files left out (GB) |",
        "| ---: | ---: | ---: |",
        *(
            f"| {int(number):,} | {each['peak']:.2f} | {each['anonymous']:.2f} |"
            for number, each in used.items()
        ),
        "",
        "## Ratios",
        "",
        "| ratio | |",
        "| --- | ---: |",
        *(f"| {name.replace('_', ' ')} | {value:.2f} |" for name, value in found["ratios"].items()),
    ]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--repeats", default=3, show_default=True)
def main(repeats: int) -> None:
    """Measure, print the table, and write it."""
    found: dict[str, Any] = {
        "repeats": repeats,
        "computed_in": computed_in("auto"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{processor()}, Python {platform.python_version()}, torch {torch.__version__}",
        "rates": {name: rates(name, repeats) for name in NUM_DIGITS},
        "backends": backends(repeats),
        "memory": {str(number): memory_of(number) for number in (TRAIN, TRAIN + EXTRA)},
    }
    found["ratios"] = ratios(found)
    here = Path(__file__).parent
    (here / "results.json").write_text(json.dumps(found, indent=2) + "\n")
    (here / "RESULTS.md").write_text(markdown(found))
    click.echo(markdown(found))


if __name__ == "__main__":
    main()
