"""residual.py: each block computes what its paper or the lab report says, written out by hand."""

from collections.abc import Callable

import pytest
import torch
from by_hand import IMAGES, built, check, parts
from torch import Tensor, nn
from torch.nn import functional

from svhn_lab.nets.layers import Activation, Positions, SqueezeExcitation
from svhn_lab.nets.residual import PostActivation, PreActivation


@pytest.mark.parametrize("channels", [6, 4])
def test_preactivation_is_norm_relu_convolution_beside_a_shortcut(channels: int) -> None:
    block = built(PreActivation(channels, convs=2), 6)
    [norm1, conv1, shortcut], [norm2, conv2, after] = parts(block)
    branch = conv2(torch.relu(norm2(conv1(torch.relu(norm1(IMAGES))))))
    out = torch.relu(after(branch + shortcut(IMAGES)))
    check(block, functional.max_pool2d(out, 2))
    assert isinstance(shortcut, nn.Identity if channels == 6 else nn.Conv2d)


def test_without_activation_of_the_sum_the_shortcut_is_a_pure_identity_mapping() -> None:
    block = built(PreActivation(6, convs=2, pool=1, activate_sum=False), 6)
    [norm1, conv1, _], [norm2, conv2] = parts(block)
    check(block, conv2(torch.relu(norm2(conv1(torch.relu(norm1(IMAGES)))))) + IMAGES)
    nn.init.zeros_(next(conv2.parameters()))
    check(block, IMAGES)


def test_what_follows_the_last_convolution_is_weighted_dropped_and_offset() -> None:
    declared = PreActivation(6, convs=1, pool="average", squeeze=2, dropout=0.5, positions=4)
    block = built(declared, 6)
    [[norm, conv, _, on_branch, on_sum]] = parts(block)
    squeeze, dropout = on_branch.children()
    after, positions = on_sum.children()
    assert isinstance(squeeze, SqueezeExcitation) and isinstance(positions, Positions)
    nn.init.normal_(positions.grid)
    branch = conv(torch.relu(norm(IMAGES)))
    factors = 2 * torch.sigmoid(squeeze.excite(torch.relu(squeeze.squeeze(branch.mean((2, 3))))))
    stretched = functional.interpolate(positions.grid, IMAGES.shape[2:], mode="bilinear")
    out = torch.relu(after(branch * factors[:, :, None, None] + IMAGES) + stretched)
    check(block, out.mean((2, 3), keepdim=True))
    dropped = (dropout.train()(torch.ones(50, 6, 4, 4)) == 0).flatten(2)
    assert torch.equal(dropped.any(2), dropped.all(2)) and dropped.any() and not dropped.all()


@pytest.mark.parametrize(
    ("activation", "function"), [("gelu", functional.gelu), ("silu", functional.silu)]
)
def test_activations_are_those_of_torch(
    activation: Activation, function: Callable[[Tensor], Tensor]
) -> None:
    block = built(PreActivation(6, convs=1, pool=1, activation=activation), 6)
    [[norm, conv, _, after]] = parts(block)
    check(block, function(after(conv(function(norm(IMAGES))) + IMAGES)))


def test_depthwise_is_a_convolution_in_each_channel_then_one_across_them() -> None:
    block = built(PreActivation(4, convs=1, pool=1, convolution="depthwise"), 6)
    [[norm, separable, shortcut, after]] = parts(block)
    within, across = separable.children()
    assert within.groups == 6 and within.kernel_size == (3, 3) and across.kernel_size == (1, 1)
    out = across(within(torch.relu(norm(IMAGES)))) + shortcut(IMAGES)
    check(block, torch.relu(after(out)))


def test_fire_squeezes_to_a_quarter_and_expands_in_two_halves() -> None:
    block = built(PreActivation(8, convs=1, pool=1, convolution="fire"), 6)
    [[norm, fire, shortcut, after]] = parts(block)
    squeeze, expand1x1, expand3x3 = fire.children()
    assert [c.out_channels for c in (squeeze, expand1x1, expand3x3)] == [2, 4, 4]
    assert [c.kernel_size for c in (squeeze, expand1x1, expand3x3)] == [(1, 1), (1, 1), (3, 3)]
    squeezed = torch.relu(squeeze(torch.relu(norm(IMAGES))))
    out = torch.cat([expand1x1(squeezed), expand3x3(squeezed)], 1) + shortcut(IMAGES)
    check(block, torch.relu(after(out)))


@pytest.mark.parametrize("stride", [1, 2])
def test_postactivation_is_convolution_norm_relu_and_the_sum_before_the_last_relu(
    stride: int,
) -> None:
    block = built(PostActivation(6, convs=2, pool=1, stride=stride), 6)
    [conv1, norm1, shortcut], [conv2, norm2] = parts(block)
    branch = norm2(conv2(torch.relu(norm1(conv1(IMAGES)))))
    check(block, torch.relu(branch + shortcut(IMAGES)))
    assert isinstance(shortcut, nn.Identity if stride == 1 else nn.Conv2d)


def test_without_skip_nothing_is_added() -> None:
    block = built(PostActivation(4, convs=2, skip=False), 6)
    [conv1, norm1], [conv2, norm2] = parts(block)
    out = torch.relu(norm2(conv2(torch.relu(norm1(conv1(IMAGES))))))
    check(block, functional.max_pool2d(out, 2))


@pytest.mark.parametrize("channels", [7, 8])
def test_fire_modules_have_as_many_channels_as_are_asked_for(channels: int) -> None:
    block = built(PreActivation(channels, convs=1, convolution="fire", pool=1), 6)
    assert block(IMAGES).shape[1] == channels
