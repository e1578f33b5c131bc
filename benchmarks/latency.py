"""How long the contests' networks take to answer on one thread: torch and ONNX Runtime, one image
and 256 at once, in float32, networks in turn, medians with quartiles. Beside them a network as its
package publishes it, with its accuracy on the lab's test digits, which the contests' table shows
as well. Written to LATENCY.md and published.json beside this. Weights are fresh ones, on which the
time does not depend."""

import platform
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import onnxruntime
import torch
from ccexam.constants import DATASET_STATS
from ccexam.inference import InferenceFactory
from torch import Tensor, nn

from svhn_lab.data.batches import batches
from svhn_lab.evidence.cost import flops_per_image
from svhn_lab.nets import zoo
from svhn_lab.nets.network import parameter_counts
from svhn_lab.report.formats import percent
from svhn_lab.stages.layout import PUBLISHED
from svhn_lab.stages.prepared import load_digits, load_manifest, tested_dataset
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import processor

NETS = {
    "polar": "polar",
    "polar-sizes (free)": "polar-sizes",
    "polar-views (free)": "polar-views",
    "preact-deep (free)": "preact-deep",
    "preact-wide (free)": "preact-wide",
    "preact": "preact",
    "WRN-16-1": "benchmarks.contest_peers.wrn_16_1",
    "SimpNet-like": "benchmarks.contest_peers.simpnet_slim",
    "MobileNetV3-small, scaled": "benchmarks.contest_peers.mobilenet_v3_small",
    "DenseNet, scaled": "benchmarks.contest_peers.densenet",
}
CCEXAM = "ccexam 1.0.0"
REPEATS = {1: 200, 256: 10}  # by batch, after a tenth as many to warm up
Answer = Callable[[], object]


def networks() -> dict[str, nn.Module]:
    """Those of the contests, and the published one, in eval mode."""
    own: dict[str, nn.Module] = {
        shown: zoo.build(name, num_classes=10, seed=0).eval() for shown, name in NETS.items()
    }
    return own | {CCEXAM: InferenceFactory.create("svhn").model.eval()}


def in_onnx_runtime(net: nn.Module, images: Tensor, folder: Path) -> Answer:
    """The same network in ONNX Runtime, on one thread. Raises ClickException if it answers
    otherwise."""
    file = folder / "net.onnx"
    torch.onnx.export(net, (images,), file, input_names=["images"], dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    given = {"images": images.contiguous().numpy()}
    with torch.inference_mode():
        expected = net(images).numpy()
    if not np.allclose(session.run(None, given)[0], expected, atol=1e-3):
        raise click.ClickException("ONNX Runtime gives other logits than torch")
    return lambda: session.run(None, given)


def milliseconds(answers: dict[str, Answer], repeats: int) -> dict[str, list[float]]:
    """Of each, in turn."""
    found: dict[str, list[float]] = {name: [] for name in answers}
    warm_up = max(1, repeats // 10)
    with torch.inference_mode():
        for _ in range(warm_up + repeats):
            for name, answer in answers.items():
                started = time.perf_counter()
                answer()
                found[name].append(1e3 * (time.perf_counter() - started))
    return {name: values[warm_up:] for name, values in found.items()}


def published_accuracy(net: nn.Module) -> float:
    """Of the published network on the lab's test digits, brought to it as its package does."""
    digits = load_digits("test")
    spec = DATASET_STATS["svhn"]
    mean, std = (torch.tensor(spec[name])[:, None, None] for name in ("mean", "std"))
    hits = 0
    with torch.inference_mode():
        for batch in batches(digits, 256):
            images = batch.images.permute(0, 3, 1, 2).float() / 255
            hits += int((net((images - mean) / std).argmax(1) == batch.labels).sum())
    return hits / len(digits)


def table(found: dict[str, dict[str, list[float]]], nets: dict[str, nn.Module]) -> list[str]:
    """Markdown: a row for each network, a column for each way to compute."""
    columns = list(found)
    lines = [
        f"| network | parameters | buffers | {' | '.join(columns)} |",
        "| --- |" + " ---: |" * (len(columns) + 2),
    ]
    for name, net in nets.items():
        cells = []
        for column in columns:
            low, median, high = np.percentile(found[column][name], [25, 50, 75])
            cells.append(f"{median:.2f} ({low:.2f} to {high:.2f})")
        counts = parameter_counts(net)
        sizes = f"{counts['total']:,} | {counts['buffers']:,}"
        lines.append(f"| {name} | {sizes} | {' | '.join(cells)} |")
    return lines


@click.command()
def main() -> None:
    """Measure, print the table, and write it."""
    torch.set_num_threads(1)
    nets = networks()
    found: dict[str, dict[str, list[float]]] = {}
    for number, repeats in REPEATS.items():
        images = torch.randn(number, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        last = images.to(memory_format=torch.channels_last)
        of_torch: dict[str, Answer] = {
            name: partial(net, last if name != CCEXAM else images) for name, net in nets.items()
        }
        found[f"torch, {number} (ms)"] = milliseconds(of_torch, repeats)
        of_onnx: dict[str, Answer] = {}
        for name, net in nets.items():
            with tempfile.TemporaryDirectory() as folder:
                of_onnx[name] = in_onnx_runtime(net, images, Path(folder))
        found[f"ONNX Runtime, {number} (ms)"] = milliseconds(of_onnx, repeats)
    dataset = tested_dataset(load_manifest())
    counts = parameter_counts(nets[CCEXAM])
    published = {
        "name": CCEXAM,
        "about": "a package of PyPI's, with its authors' weights",
        "parameters": counts["total"],
        "buffers": counts["buffers"],
        "flops_per_image": flops_per_image(nets[CCEXAM], 32),
        "test_accuracy": published_accuracy(nets[CCEXAM]),
    }
    accuracy = percent(published["test_accuracy"])
    write_json(PUBLISHED, {"dataset": dataset, "networks": [published]})
    lines = [
        "# Latency of the contests' networks",
        "",
        "Written by `python -m benchmarks.latency`; run it again rather than edit this. One",
        "thread, float32, one image and 256 at once; medians with quartiles, networks in turn.",
        "Buffers are values that a network keeps besides its parameters, as norms do.",
        "",
        f"Machine: {platform.system()} {platform.machine()}, {processor()}, Python",
        f"{platform.python_version()}, torch {torch.__version__}, ONNX Runtime "
        f"{onnxruntime.__version__}.",
        "",
        *table(found, nets),
        "",
        f"`{CCEXAM}` is a package of PyPI's, with the network that its authors trained on SVHN.",
        f"On the test digits of “{dataset['name']}” ({dataset['splits']['test']:,}) it reaches "
        f"{accuracy}.",
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_name("LATENCY.md").write_text(text)
    click.echo(text)


if __name__ == "__main__":
    main()
