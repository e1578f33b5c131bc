"""What tests compute a block by hand with."""

import torch
from torch import Tensor, nn

from svhn_lab.nets.blocks import Block, Declaration

IMAGES = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(0))


def built(declared: Declaration, channels: int) -> Block:
    """The block in eval mode, its norms with statistics and scales that are not trivial."""
    torch.manual_seed(0)
    block = declared.build(channels)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features)
            module.running_var = 0.5 + torch.rand(module.num_features)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return block.eval()


def parts(block: Block) -> list[list[nn.Module]]:
    return [list(unit) for unit in block.freeze_units()]


def check(block: Block, expected: Tensor) -> None:
    torch.testing.assert_close(block(IMAGES), expected)
