"""What a network costs: operations, whatever the machine, and memory."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode


def flops_per_image(net: nn.Module, image_size: int) -> int:
    """Floating-point operations of one forward pass on one image, a multiplication and an addition
    counted as two; those of convolutions and matrix products, which are nearly all."""
    training = net.training
    net.eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, image_size, image_size))
    net.train(training)
    return int(counter.get_total_flops())


def flops_of_step(loss: Callable[[], Tensor]) -> tuple[int, int]:
    """The operations of computing a loss, and of its backward pass; counted as above."""
    with FlopCounterMode(display=False) as forward:
        value = loss()
    with FlopCounterMode(display=False) as backward:
        value.backward()
    return int(forward.get_total_flops()), int(backward.get_total_flops())


def peak_memory(action: Callable[[], object]) -> int:
    """The bytes that torch held at the most during `action` above what it held before, on the CPU.
    Scratch space that its libraries take by themselves is not counted."""
    os.environ.setdefault(
        "KINETO_LOG_LEVEL", "99"
    )  # or the profiler talks of GPUs that are not there
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        action()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    held = [
        (event["ts"], event["args"]["Total Allocated"], event["args"]["Bytes"])
        for event in events
        if event.get("name") == "[memory]"
    ]
    if not held:
        return 0
    _, first, change = min(held)
    return int(max(total for _, total, _ in held) - (first - change))
