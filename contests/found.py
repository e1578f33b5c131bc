"""Networks that the search has found, under the name of the digits that it looked at; params.yaml
names them `contests.found.NAME`."""

from svhn_lab.nets.space import architecture

# A part of SVHN, 17,100 digits to train: the best of twelve networks by validation digits.
svhn_part = architecture(
    {
        "stem": 26,
        "first": 26,
        "second": 52,
        "third": 40,
        "convs": 3,
        "convolution": "full",
        "activation": "gelu",
        "squeeze": 4,
        "dropout": 0.1,
        "positions": 8,
        "head": "all",
        "both_polarities": True,
    }
)
