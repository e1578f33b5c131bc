"""`polar` with one ingredient taken away or put into it, for the contests' table of what matters;
params.yaml names them `contests.ablations.NAME`. Widths make up for what a change costs or saves in
parameters, as far as round numbers do: the table of the contests has how many each has."""

from dataclasses import replace
from typing import Any

from svhn_lab.nets.blocks import BothPolarities
from svhn_lab.nets.network import Architecture
from svhn_lab.nets.space import architecture
from svhn_lab.nets.zoo import ZOO

POLAR = {
    "stem": 32,
    "first": 32,
    "second": 48,
    "third": 64,
    "convs": 2,
    "convolution": "full",
    "activation": "gelu",
    "squeeze": None,
    "dropout": 0.05,
    "positions": None,
    "head": "all",
    "both_polarities": True,
}


def changed(about: str, **choice: Any) -> Architecture:
    """`polar` but for these choices."""
    return architecture(POLAR | choice, about=about)


one_polarity = changed("the image alone, not its negative", both_polarities=False)
relu = changed("ReLU for GELU", activation="relu")
no_dropout = changed("without dropout of channels", dropout=0.0)
mean_pooled = changed("the mean of the last map, not its largest value", head="average")
squeeze = changed("with squeeze-and-excitation", squeeze=4)
positions = changed("learned offsets for each place in the last two blocks", positions=8)
shallow_wide = changed(
    "one convolution a block, and more channels", convs=1, first=48, second=72, third=100
)
deep_narrow = changed(
    "three convolutions a block, and fewer channels", convs=3, first=26, second=38, third=52
)
five_by_five = changed(
    "5x5 for 3x3, and fewer channels", convolution="5x5", stem=20, first=20, second=28, third=38
)
depthwise = changed(
    "depthwise separable convolutions, and more channels",
    **{"convolution": "depthwise", "stem": 64, "first": 72, "second": 112, "third": 160},
)
# Pooled later, the last block computes at four times the places.
pooled_earlier = architecture(POLAR, pools=(4, 2), about="pooled by 4 and 2, not by 2 and 2")
pooled_later = architecture(POLAR, pools=(2, 1), about="pooled by 2 and 1, not by 2 and 2")
he = replace(ZOO["polar"], initialisation="he", about="weights begin as He et al. have them")
orthogonal = replace(ZOO["polar"], initialisation="orthogonal", about="weights begin orthogonal")
whitened = architecture(POLAR, whitened=True, about="a stem that begins as a whitening")
*_front, _last = one_polarity.blocks
early_maximum = Architecture(
    (BothPolarities(tuple(_front)), _last),
    about="the larger of both polarities before the last block, which then computes once",
)
plain = changed("ReLU for GELU, and without dropout", activation="relu", dropout=0.0)
# PostActivation has ReLU and no dropout, and so is to be compared with `plain`.
post_activation = Architecture(
    (BothPolarities(ZOO["postact"].blocks),), about="as plain, and activations behind convolutions"
)
