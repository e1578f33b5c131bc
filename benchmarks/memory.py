"""What training on so many digits takes at most of memory, in GB, in a process that imports no more
than a run of the lab: `python -m benchmarks.memory NUMBER` prints `peak` and `anonymous`."""

import json
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.training.fan_out import confine
from svhn_lab.training.fit import fit


def made_up(place: Path, number: int) -> Digits:
    """Digits that are mapped from a file, as those of the stages are."""
    images = np.lib.format.open_memmap(place, "w+", np.uint8, (number, 32, 32, 3))
    images[:: max(1, number // 1000)] = 100
    images.flush()
    del images
    return Digits(torch.from_numpy(np.load(place, mmap_mode="c")), torch.arange(number) % 10)


def memory(number: int) -> dict[str, float]:
    """Of one epoch on so many digits. `anonymous` is what is left of the peak when it is over
    without what files are mapped from: a second copy of the digits would be in it."""
    confine()
    with tempfile.TemporaryDirectory() as folder:
        digits = made_up(Path(folder, "images.npy"), number)
        net = zoo.build("baseline", num_classes=10, seed=0)
        recipe = load().training.model_copy(update={"epochs": 1})
        statistics = Statistics((100.0, 100.0, 100.0), (50.0, 50.0, 50.0))
        fit(net, recipe, digits, digits.take(slice(0, 1000)), statistics, seed=0)
        status = Path("/proc/self/status").read_text()
    [anonymous] = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return {
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "anonymous": int(anonymous) * 1024 / 1e9,
    }


if __name__ == "__main__":
    print(json.dumps(memory(int(sys.argv[1]))))
