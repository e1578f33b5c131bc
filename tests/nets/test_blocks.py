"""blocks.py: each block computes what its paper or the lab report says, written out by hand."""

import torch
from by_hand import IMAGES, built, check, parts
from torch.nn import functional

from svhn_lab.nets import zoo
from svhn_lab.nets.blocks import (
    BothPolarities,
    ConvPool,
    Inception,
    SeveralViews,
    Stem,
    WhitenedStem,
    enlarged,
    moved,
    pooled,
)
from svhn_lab.nets.network import Architecture
from svhn_lab.nets.residual import PreActivation


def test_conv_pool_is_convolutions_with_relu_then_pooling() -> None:
    block = built(ConvPool(4, kernel=3, convs=2), 6)
    [[first], [second]] = parts(block)
    check(block, functional.max_pool2d(torch.relu(second(torch.relu(first(IMAGES)))), 2))


def test_both_polarities_give_the_larger_of_what_image_and_negative_give() -> None:
    block = built(BothPolarities((Stem(4), PreActivation(8, convs=1))), 6)
    [both] = block.children()
    stem, rest = both.children()
    check(block, torch.maximum(rest(stem(IMAGES)), rest(stem(-IMAGES))))
    assert torch.equal(block(IMAGES), block(-IMAGES))
    assert [len(unit) for unit in block.freeze_units()] == [1, 4]


def test_several_sizes_give_the_mean_over_them_but_not_in_training() -> None:
    block = built(SeveralViews((Stem(4), PreActivation(8, convs=1, pool="all")), (-4, 0, 4)), 6)
    [within] = block.children()
    side, by = IMAGES.shape[-1], 1  # 4 of 32 pixels
    smaller = functional.interpolate(IMAGES, side - 2 * by, mode="bilinear")
    smaller = functional.pad(smaller, (by,) * 4, mode="replicate")
    larger = functional.interpolate(IMAGES, side + 2 * by, mode="bilinear")
    larger = larger[:, :, by : by + side, by : by + side]
    mean = torch.stack([within(smaller), within(IMAGES), within(larger)]).mean(0)
    check(block, mean)
    block.train()
    for unit in block.freeze_units():  # as where all of it is frozen
        for module in unit:
            module.eval()
    check(block, mean)
    block.train()
    check(block, within(IMAGES))
    assert enlarged(IMAGES, 0) is IMAGES


def test_inception_is_four_branches_with_a_relu_after_every_convolution() -> None:
    declared = Inception(2, three=(3, 4), five=(2, 3), pooled=1, pool=2)
    block = built(declared, 6)
    one, before_three, three, before_five, five, pooled = (unit[0] for unit in parts(block))
    branches = [
        torch.relu(one(IMAGES)),
        torch.relu(three(torch.relu(before_three(IMAGES)))),
        torch.relu(five(torch.relu(before_five(IMAGES)))),
        torch.relu(pooled(functional.max_pool2d(IMAGES, 3, stride=1, padding=1))),
    ]
    assert [b.shape[1] for b in branches] == [2, 4, 3, 1] and declared.channels == 10
    check(block, functional.max_pool2d(torch.cat(branches, 1), 2))


def test_pooling_takes_a_square_the_whole_map_or_nothing() -> None:
    assert torch.equal(pooled(IMAGES, "all"), IMAGES.amax((2, 3), keepdim=True))
    assert torch.equal(pooled(IMAGES, 4), functional.max_pool2d(IMAGES, 4))
    assert pooled(IMAGES, 1) is IMAGES


def test_a_whitened_stem_gives_values_of_variance_one_that_do_not_go_together() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(200, 3, 8, 8, generator=generator)
    images = pixels.cumsum(2).cumsum(3) + pixels.mean(1, keepdim=True)  # neighbours are alike
    stem = Stem(32, whitened=True).build(3)
    assert isinstance(stem, WhitenedStem)
    before = stem.conv.weight.clone()
    stem.whiten(images)
    maps = functional.conv2d(images, stem.conv.weight)
    values = maps[:, :27].transpose(0, 1).flatten(1)
    torch.testing.assert_close(torch.cov(values), torch.eye(27), atol=0.01, rtol=0)
    torch.testing.assert_close(maps[:, 27:], -maps[:, :5])
    assert not torch.equal(before, stem.conv.weight)


def test_other_stems_are_not_whitened() -> None:
    assert not isinstance(Stem(4).build(3), WhitenedStem)


def test_views_are_counted_wherever_they_lie() -> None:
    several = SeveralViews((Stem(4),), (-2, 0, 2))
    assert Architecture((Stem(4),)).num_views == 1
    assert Architecture((BothPolarities((several,)),)).num_views == 3
    assert zoo.ZOO["polar-sizes"].num_views == 2
    assert zoo.ZOO["polar-views"].num_views == 8


def test_several_places_give_the_mean_over_them() -> None:
    block = built(SeveralViews((Stem(4), PreActivation(8, convs=1, pool="all")), (0,), 4), 6)
    [within] = block.children()
    assert torch.equal(moved(IMAGES, 1, 0)[..., 1:], IMAGES[..., :-1])  # 4 of 32 pixels
    assert torch.equal(moved(IMAGES, 1, 0)[..., 0], IMAGES[..., 0])
    assert torch.equal(moved(IMAGES, 0, -1)[:, :, :-1], IMAGES[:, :, 1:])
    assert torch.equal(moved(IMAGES, 0, -1)[:, :, -1], IMAGES[:, :, -1])
    places = [moved(IMAGES, *place) for place in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    check(block, torch.stack([within(place) for place in places]).mean(0))
