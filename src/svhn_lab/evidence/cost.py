"""What a network costs, whatever the machine."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from svhn_lab.nets.zoo import Network


def flops_per_image(net: Network, image_size: int) -> int:
    """Floating-point operations of one forward pass on one image, a multiplication and an addition
    counted as two; those of convolutions and matrix products, which are nearly all."""
    training = net.training
    net.eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, image_size, image_size))
    net.train(training)
    return int(counter.get_total_flops())
