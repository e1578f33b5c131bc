"""zoo.py: every network is what it is declared to be, and found by its name."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.blocks import Block
from svhn_lab.nets.network import Architecture, num_parameters, parameter_counts

PARAMETERS = {
    "baseline": 26_346,
    "deeper": 182_826,
    "vgg": 138_330,
    "inception": 105_434,
    "resnet": 77_850,
    "three-blocks": 87_290,
    "three-blocks-skip": 88_106,
    "preact": 124_426,
    "polar": 124_426,
    "preact-wide": 146_690,
    "preact-deep": 149_034,
    "polar-sizes": 149_034,
    "polar-views": 149_034,
    "preact-depthwise": 22_282,
    "preact-fire": 28_746,
    "preact-identity": 124_266,
    "postact": 124_266,
}
FREEZE_UNITS = {
    "baseline": 2,
    "deeper": 3,
    "vgg": 6,
    "inception": 19,
    "resnet": 7,
    "three-blocks": 6,
    "three-blocks-skip": 6,
    "preact": 7,
    "polar": 7,
    "preact-wide": 7,
    "preact-deep": 10,
    "polar-sizes": 10,
    "polar-views": 10,
    "preact-depthwise": 7,
    "preact-fire": 7,
    "preact-identity": 7,
    "postact": 7,
}


def test_every_network_is_counted_here() -> None:
    assert set(zoo.ZOO) == set(PARAMETERS) == set(FREEZE_UNITS)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_number_of_parameters_is_exact(name: str) -> None:
    counts = parameter_counts(zoo.build(name, num_classes=10, seed=0))
    assert counts["total"] == counts["trainable"] == PARAMETERS[name]
    assert sum(counts["layers"].values()) == PARAMETERS[name]


def test_buffers_are_counted_apart() -> None:
    counts = parameter_counts(zoo.build("preact", num_classes=10, seed=0))
    channels = 32 + 32 + 32 + 48 + 48 + 64  # of the norms before convolutions, ...
    channels += 32 + 48 + 64  # ... and of those on sums
    assert counts["buffers"] == 9 + 2 * channels  # nine norms: batches seen, means, variances


@pytest.mark.parametrize("name", zoo.ZOO)
def test_it_gives_logits_of_any_number_of_images_and_classes(name: str) -> None:
    net = zoo.build(name, num_classes=3, seed=0)
    assert net(torch.zeros(5, 3, 32, 32)).shape == (5, 3)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_freeze_units_hold_every_parameter_but_the_head_once(name: str) -> None:
    net = zoo.build(name, num_classes=10, seed=0)
    units = net.freeze_units()
    assert len(units) == FREEZE_UNITS[name]
    held = [id(p) for unit in units for module in unit for p in module.parameters()]
    assert sorted(held) == sorted(id(p) for p in net.blocks.parameters())
    assert all(
        any(isinstance(part, torch.nn.Conv2d) for module in unit for part in module.modules())
        for unit in units
    )


def test_weights_follow_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = zoo.build("preact", num_classes=10, seed=5).state_dict()
    before = torch.rand(1)
    torch.manual_seed(1)
    again = zoo.build("preact", num_classes=10, seed=5).state_dict()
    other = zoo.build("preact", num_classes=10, seed=6).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert torch.equal(before, torch.rand(1)), "building draws from no one else's random numbers"


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"'resent'; there are: baseline, .*postact, or name your"):
        zoo.build("resent", num_classes=10, seed=0)


@dataclass(frozen=True)
class Doubling:
    """A block of somebody else's: any module that names its freeze units."""

    channels: int

    def build(self, in_channels: int) -> Block:
        return _Doubling(in_channels, self.channels)


class _Doubling(Block):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(in_channels, channels, 1)

    def freeze_units(self) -> list[tuple[torch.nn.Module, ...]]:
        return [(self.conv,)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        doubled: torch.Tensor = 2 * self.conv(x)
        return doubled


OWN = Architecture((Doubling(5),), average=True, hidden=(7,))


def test_a_network_of_ones_own_is_named_by_its_dotted_path() -> None:
    net = zoo.build(f"{__name__}.OWN", num_classes=4, seed=0)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 4)
    assert num_parameters(net) == (3 * 5 + 5) + (5 * 7 + 7) + (7 * 4 + 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.at_all.net", "cannot be imported .*importable from the project's top folder"),
        (f"{__name__}.missing", "cannot be imported"),
        (f"{__name__}.PARAMETERS", "is of type dict; it should be an svhn_lab.nets.network.Arch"),
    ],
)
def test_a_dotted_path_that_leads_nowhere_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        zoo.build(name, num_classes=4, seed=0)


@pytest.mark.parametrize("image_size", [16, 48])
@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_network_takes_other_image_sizes(name: str, image_size: int) -> None:
    net = zoo.build(name, num_classes=3, seed=0, image_size=image_size)
    assert net(torch.zeros(2, 3, image_size, image_size)).shape == (2, 3)


def test_whatever_a_module_of_ones_own_does_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "from svhn_lab.nets.blocks import ConvPool\nNET = ConvPool()\n"
    (tmp_path / "wrong_blocks.py").write_text(own)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"'wrong_blocks\.NET' cannot be imported \(TypeError: "):
        zoo.build("wrong_blocks.NET", num_classes=2, seed=0)


def test_images_too_small_for_a_network_are_said() -> None:
    with pytest.raises(UserError, match="'deeper' cannot take images of 4x4 pixels"):
        zoo.build("deeper", num_classes=3, seed=0, image_size=4)


def test_deeper_has_the_features_that_the_lab_report_names() -> None:
    assert zoo.build("deeper", num_classes=10, seed=0).num_features == 3 * 3 * 64


def test_the_variants_of_preact_differ_in_what_their_names_say_alone() -> None:
    def shapes(name: str) -> list[tuple[int, ...]]:
        net = zoo.build(name, num_classes=10, seed=0)
        return [
            tuple(p.shape)
            for unit in net.freeze_units()
            for module in unit
            for p in module.parameters()
            if p.ndim == 4
        ]

    assert shapes("preact") == shapes("preact-identity") == shapes("postact")
    assert len(shapes("preact-depthwise")) == 1 + 6 * 2 + 2  # two convolutions for each; shortcuts
    assert len(shapes("preact-fire")) == 1 + 6 * 3 + 2
