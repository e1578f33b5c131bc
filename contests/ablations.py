"""`polar` with one ingredient taken away or put into it, for the contests' table of what matters;
params.yaml names them `contests.ablations.NAME`. Widths make up for what a change costs or saves in
parameters, as far as round numbers do: the table of the contests has how many each has."""

from dataclasses import replace

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

one_polarity = architecture(POLAR | {"both_polarities": False})
relu = architecture(POLAR | {"activation": "relu"})
no_dropout = architecture(POLAR | {"dropout": 0.0})
mean_pooled = architecture(POLAR | {"head": "average"})
squeeze = architecture(POLAR | {"squeeze": 4})
positions = architecture(POLAR | {"positions": 8})
shallow_wide = architecture(POLAR | {"convs": 1, "first": 48, "second": 72, "third": 100})
deep_narrow = architecture(POLAR | {"convs": 3, "first": 26, "second": 38, "third": 52})
five_by_five = architecture(
    POLAR | {"convolution": "5x5", "stem": 20, "first": 20, "second": 28, "third": 38}
)
depthwise = architecture(
    POLAR | {"convolution": "depthwise", "stem": 64, "first": 72, "second": 112, "third": 160}
)
# Where the maps become smaller: pooled later, the last block computes at four times the places.
pooled_earlier = architecture(POLAR, pools=(4, 2))
pooled_later = architecture(POLAR, pools=(2, 1))
# How weights begin.
he = replace(ZOO["polar"], initialisation="he")
orthogonal = replace(ZOO["polar"], initialisation="orthogonal")
whitened = architecture(POLAR, whitened=True)
# The largest values are taken before the last block, which then computes once.
*_front, _last = one_polarity.blocks
early_maximum = Architecture((BothPolarities(tuple(_front)), _last))
# PostActivation has ReLU and no dropout: `post_activation` is to be compared with `plain`.
plain = architecture(POLAR | {"activation": "relu", "dropout": 0.0})
post_activation = Architecture((BothPolarities(ZOO["postact"].blocks),))
