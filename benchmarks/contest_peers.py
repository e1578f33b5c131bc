"""Small networks that others have published, as the contests' peers: same digits, same budget.
params.yaml names them `benchmarks.contest_peers.NAME`. Those of torchvision and timm are scaled
down to at most 150,000 parameters and, made for larger pictures, begin without halving theirs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from svhn_lab.errors import UserError
from svhn_lab.nets.blocks import Block, Unit
from svhn_lab.nets.network import Architecture


@dataclass(frozen=True)
class Foreign:
    """A whole network without its classifier, built by a function: images -> (N, channels)."""

    make: Callable[[], nn.Module]
    channels: int

    def build(self, in_channels: int) -> Block:
        assert in_channels == 3
        return _Foreign(self.make())


class _Foreign(Block):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def freeze_units(self) -> list[Unit]:
        return [(self.body,)]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x)
        return features


class _WideBlock(nn.Module):
    """Two 3x3 convolutions, each behind its norm and ReLU, beside the identity; where the shape
    changes, the shortcut is a 1x1 convolution of what the first ReLU gives."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(before), nn.BatchNorm2d(after)
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        same = before == after and stride == 1
        self.shortcut = None if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.norm1(x))
        beside: Tensor = x if self.shortcut is None else self.shortcut(out)
        branch: Tensor = self.conv2(torch.relu(self.norm2(self.conv1(out))))
        return beside + branch


def _wide_resnet(depth: int, width: int) -> nn.Module:
    """WRN-depth-width without dropout (Zagoruyko and Komodakis, 2016, "Wide residual networks",
    table 1)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False)]
    before = 16
    for after, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
        for block in range((depth - 4) // 6):
            layers.append(_WideBlock(before, after, stride if block == 0 else 1))
            before = after
    layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    for module in (found for layer in layers for found in layer.modules()):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(*layers)


def _simpnet(widths: tuple[int, ...], pooled_after: tuple[int, ...]) -> nn.Module:
    """Thirteen plain 3x3 convolutions with norm, ReLU and dropout, pooled twice on the way and over
    the whole map at the end (Hasanpour et al., 2018, "Towards principled design of deep
    convolutional networks: introducing SimpNet"), in widths of ours: its slim one has 300,000
    parameters."""
    layers: list[nn.Module] = []
    before = 3
    for number, width in enumerate(widths, 1):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        if number in pooled_after:
            layers.append(nn.MaxPool2d(2))
        layers.append(nn.Dropout2d(0.1))
        before = width
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten())


def _mobilenet_v3_small(width: float) -> nn.Module:
    """torchvision's (Howard et al., 2019), up to its last convolution, halving the map two times
    less: 32x32 pixels become 4x4."""
    from torchvision.models.mobilenetv3 import MobileNetV3, _mobilenet_v3_conf

    settings, last = _mobilenet_v3_conf("mobilenet_v3_small", width_mult=width)
    settings[0].stride = 1
    net = MobileNetV3(settings, last, num_classes=10)
    net.features[0][0].stride = (1, 1)
    return nn.Sequential(net.features, net.avgpool, nn.Flatten())


def _densenet(growth_rate: int, layers: tuple[int, ...]) -> nn.Module:
    """timm's DenseNet-BC (Huang et al., 2017, "Densely connected convolutional networks"), with
    a first convolution of 3x3 and no pooling behind it, as the paper has it for 32x32 pixels."""
    try:
        from timm.models.densenet import DenseNet
    except ImportError:
        raise UserError(
            "the network densenet needs timm; install it with `pip install 'svhn-lab[contests]'`"
        ) from None
    net: nn.Module = DenseNet(growth_rate=growth_rate, block_config=layers, num_classes=0)
    net.set_submodule(
        "features.conv0", nn.Conv2d(3, 2 * growth_rate, 3, padding=1, bias=False), strict=True
    )
    net.set_submodule("features.pool0", nn.Identity(), strict=True)
    return net


SIMPNET_WIDTHS = (24, 28, 28, 28, 32, 32, 36, 36, 40, 40, 44, 44, 48)

wrn_16_1 = Architecture((Foreign(lambda: _wide_resnet(16, 1), 64),))
simpnet_slim = Architecture((Foreign(lambda: _simpnet(SIMPNET_WIDTHS, (5, 10)), 48),))
mobilenet_v3_small = Architecture((Foreign(lambda: _mobilenet_v3_small(0.36), 192),))
densenet = Architecture((Foreign(lambda: _densenet(12, (5, 5, 5)), 111),))
