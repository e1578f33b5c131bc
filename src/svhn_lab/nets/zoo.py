"""Every network of the lab, declared as a list of blocks and a head of fully connected layers. A
new network is one more entry, or an Architecture anywhere, named by its dotted path."""

import importlib

from svhn_lab.errors import UserError
from svhn_lab.nets.blocks import (
    BothPolarities,
    ConvPool,
    Declaration,
    Inception,
    SeveralViews,
    Stem,
)
from svhn_lab.nets.network import Architecture, Network, built
from svhn_lab.nets.residual import PostActivation, PreActivation

IMAGE_SIZE = 32  # SVHN's

DEEP: tuple[Declaration, ...] = (
    Stem(32),
    PreActivation(32, convs=3, dropout=0.05),
    PreActivation(48, convs=3, dropout=0.05),
    PreActivation(48, convs=3, dropout=0.05, pool="all"),
)

ZOO: dict[str, Architecture] = {
    # Lab report, section 1: exactly 26,346 parameters with ten classes.
    "baseline": Architecture((ConvPool(16, kernel=5), ConvPool(32, kernel=3))),
    # Lab report, section 1.1: another 5x5 convolution in between, which must lose two pixels for
    # the 3x3x64 = 576 features that the report names; its own number of channels is not told.
    "deeper": Architecture(
        (ConvPool(16, kernel=5), ConvPool(32, kernel=5, padding=1), ConvPool(64, kernel=3)),
        hidden=(256,),
    ),
    # Lab report, section 2: three famous architectures, cut down to 150,000 parameters.
    "vgg": Architecture(
        (
            ConvPool(16, kernel=3, convs=2),
            ConvPool(32, kernel=3, convs=2),
            ConvPool(64, kernel=3, convs=2),
        ),
        hidden=(64,),
    ),
    "inception": Architecture(
        (
            ConvPool(32, kernel=3),
            Inception(16, three=(16, 32), five=(16, 16), pooled=16, pool=2),
            Inception(32, three=(32, 64), five=(16, 32), pooled=32),
            Inception(32, three=(32, 64), five=(16, 32), pooled=32),
        ),
        average=True,
    ),
    # Of the CIFAR family, with one block at each size: ResNet-8.
    "resnet": Architecture(
        (
            PostActivation(16, convs=1, skip=False, pool=1),
            PostActivation(16, convs=2, pool=1),
            PostActivation(32, convs=2, pool=1, stride=2),
            PostActivation(64, convs=2, pool=1, stride=2),
        ),
        average=True,
    ),
    # Lab report, section 2, the first own network: 87,290 parameters, its widths not told. These
    # are ones that give exactly that number.
    "three-blocks": Architecture(
        (
            PostActivation(16, convs=2, skip=False),
            PostActivation(16, convs=2, skip=False),
            PostActivation(48, convs=2, skip=False, pool=4),
        ),
        hidden=(256,),
    ),
    "three-blocks-skip": Architecture(
        (
            PostActivation(16, convs=2),
            PostActivation(16, convs=2),
            PostActivation(48, convs=2, pool=4),
        ),
        hidden=(256,),
    ),
    # Lab report, section 2, the last network: three residual blocks with BN-ReLU before each
    # convolution and after the addition, max-pooling, a fully connected layer. Its diagram is
    # lost; these widths, and a last pooling over the whole map, stay below 150,000 parameters.
    "preact": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2),
            PreActivation(48, convs=2),
            PreActivation(64, convs=2, pool="all"),
        )
    ),
    # Of the contest under fixed settings: `preact` of an image and of its negative about the mean,
    # with GELU and a little dropout of channels.
    "polar": Architecture(
        (
            BothPolarities(
                (
                    Stem(32),
                    PreActivation(32, convs=2, activation="gelu", dropout=0.05),
                    PreActivation(48, convs=2, activation="gelu", dropout=0.05),
                    PreActivation(64, convs=2, activation="gelu", dropout=0.05, pool="all"),
                )
            ),
        )
    ),
    # The contest's for free training: `preact` with more channels, up to nearly 150,000 parameters,
    # and a little dropout of them.
    "preact-wide": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, dropout=0.05),
            PreActivation(56, convs=2, dropout=0.05),
            PreActivation(68, convs=2, dropout=0.05, pool="all"),
        )
    ),
    # Another: a convolution more in each block, for fewer channels (multiples of 16, as a
    # processor's matrix units have it); and the same of an image and of its negative,
    # which when it answers looks at the image a little smaller and a little larger; or at both of
    # these a little to the left, right, up and down.
    "preact-deep": Architecture(DEEP),
    "polar-sizes": Architecture((SeveralViews((BothPolarities(DEEP),), pixels=(-2, 2)),)),
    "polar-views": Architecture((SeveralViews((BothPolarities(DEEP),), (-2, 2), shift=1),)),
    # `preact` with depthwise separable convolutions or fire modules for the full convolutions.
    "preact-depthwise": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, convolution="depthwise"),
            PreActivation(48, convs=2, convolution="depthwise"),
            PreActivation(64, convs=2, convolution="depthwise", pool="all"),
        )
    ),
    "preact-fire": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, convolution="fire"),
            PreActivation(48, convs=2, convolution="fire"),
            PreActivation(64, convs=2, convolution="fire", pool="all"),
        )
    ),
    # The same without activation after the addition, but for the last.
    "preact-identity": Architecture(
        (
            Stem(32),
            PreActivation(32, convs=2, activate_sum=False),
            PreActivation(48, convs=2, activate_sum=False),
            PreActivation(64, convs=2, pool="all"),
        )
    ),
    # The same with the activations behind the convolutions.
    "postact": Architecture(
        (
            PostActivation(32, convs=1, skip=False, pool=1),
            PostActivation(32, convs=2),
            PostActivation(48, convs=2),
            PostActivation(64, convs=2, pool="all"),
        )
    ),
}


def architecture(name: str) -> Architecture:
    """The architecture that params.yaml names: an entry of ZOO, or `package.module.name`.

    Raises UserError if there is none of this name.
    """
    if name in ZOO:
        return ZOO[name]
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise UserError(
            f"no network is called {name!r}; there are: {', '.join(ZOO)}, "
            "or name your own as package.module.name"
        )
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except Exception as failure:  # whatever somebody's module does
        raise UserError(
            f"the network {name!r} cannot be imported ({type(failure).__name__}: {failure}); it "
            "should be like package.module.name, importable from the project's top folder"
        ) from None
    if not isinstance(found, Architecture):
        raise UserError(
            f"{name!r} is of type {type(found).__name__}; it should be an "
            "svhn_lab.nets.network.Architecture"
        )
    return found


def build(name: str, *, num_classes: int, seed: int, image_size: int = IMAGE_SIZE) -> Network:
    """The named network with fresh weights, given by `seed` alone, in channels-last memory.

    Raises UserError if no network has this name, or if it cannot take images of this size.
    """
    declared = architecture(name)
    try:
        return built(declared, num_classes=num_classes, seed=seed, image_size=image_size)
    except RuntimeError as failure:
        raise UserError(
            f"the network {name!r} cannot take images of {image_size}x{image_size} pixels "
            f"({failure}); change data.image_size, or take another network"
        ) from None
