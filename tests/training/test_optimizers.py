"""optimizers.py: each is the one that the recipe names, and knows what the recipe says of it."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from recipes import recipe
from timm.optim.muon import Muon
from torch import nn

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.training.optimizers import OPTIMIZERS, optimizer_for, schedule_for


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_a_librarys_own_of_that_name(optimizer: str) -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    made = optimizer_for(net, recipe(optimizer=optimizer, learning_rate=0.01))
    assert type(made).__name__.lower() == optimizer
    assert made.param_groups[0]["lr"] == 0.01
    before = net.state_dict()["head.weight"].clone()
    net(torch.ones(2, 3, 32, 32)).sum().backward()
    made.step()
    assert not torch.equal(before, net.state_dict()["head.weight"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("muon", partial(Muon, nesterov=True)),
        ("rmsprop", torch.optim.RMSprop),
        ("sgd", torch.optim.SGD),
    ],
)
def test_steps_are_those_of_torchs_own_to_the_bit(
    name: str, kind: Callable[..., torch.optim.Optimizer]
) -> None:
    fused = {} if name in ("muon", "rmsprop") else {"fused": True}

    def trained(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> torch.Tensor:
        torch.manual_seed(0)
        layer = nn.Linear(8, 4)
        made = make(list(layer.parameters()))
        for step in range(4):
            made.zero_grad(set_to_none=True)
            layer(torch.randn(16, 8)).square().sum().backward()
            made.step()
            if step == 1:  # as after a checkpoint
                state = made.state_dict()
                made = make(list(layer.parameters()))
                made.load_state_dict(state)
        return layer.weight.detach()

    assert torch.equal(
        trained(lambda parameters: OPTIMIZERS[name](parameters, lr=0.01)),
        trained(lambda parameters: kind(parameters, lr=0.01, **fused)),
    )


def test_training_does_without_torchs_compiler_whose_import_takes_seconds() -> None:
    program = """
import sys
import torch
from recipes import recipe
from svhn_lab.training.optimizers import optimizer_for, schedule_for
for optimizer in ("adam", "rmsprop", "sgd"):
    layer = torch.nn.Linear(4, 2)
    made = optimizer_for(layer, recipe(optimizer=optimizer))
    schedule = schedule_for(made, recipe(), 10)
    made.zero_grad(set_to_none=True)
    layer(torch.ones(3, 4)).sum().backward()
    made.step()
    schedule.step()
    made.load_state_dict(made.state_dict())
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])


def test_momentum_reaches_the_optimizer() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    made = optimizer_for(net, recipe(optimizer="sgd", momentum=0.9))
    assert made.param_groups[0]["momentum"] == 0.9
    assert not made.param_groups[0]["nesterov"]


def test_weight_decay_is_the_optimizers_own_unless_it_is_said() -> None:
    net = zoo.build("baseline", num_classes=2, seed=0)
    decays = [
        optimizer_for(net, recipe(optimizer=name, weight_decay=said)).param_groups[0][
            "weight_decay"
        ]
        for name, said in (
            *(("adam", None), ("adamw", None)),
            *(("adamw", 0.3), ("adamw", 0), ("muon", 0.3)),
        )
    ]
    assert decays == [0, 0.01, 0.3, 0, 0.3]


def test_a_first_step_of_muon_is_orthogonal_and_norms_take_that_of_adamw() -> None:
    layers = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4))
    made = optimizer_for(layers, recipe(optimizer="muon", learning_rate=0.01))
    before = [parameter.detach().clone() for parameter in layers.parameters()]
    torch.manual_seed(0)
    for parameter in layers.parameters():
        parameter.grad = torch.randn_like(parameter)
    made.step()
    conv, scale, _ = (old - new for old, new in zip(before, layers.parameters(), strict=True))
    values = torch.linalg.svdvals(conv.flatten(1))
    assert values.min() > 0.7 * values.max(), "Newton and Schulz's steps are not quite exact"
    torch.testing.assert_close(scale.abs(), scale.abs().mean().expand(4), rtol=1e-3, atol=0)


def test_muon_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.optim.muon", None)
    with pytest.raises(UserError, match=r"muon needs timm; install it with `pip install 'svhn-lab"):
        optimizer_for(zoo.build("baseline", num_classes=2, seed=0), recipe(optimizer="muon"))


def test_one_cycle_leaves_momentum_alone() -> None:
    made = optimizer_for(nn.Linear(1, 1), recipe(schedule="one-cycle"))
    before = made.param_groups[0]["betas"]
    schedule = schedule_for(made, recipe(schedule="one-cycle"), 10)
    for _ in range(5):
        made.step()
        schedule.step()
        assert made.param_groups[0]["betas"] == before


@pytest.mark.parametrize("num_steps", range(1, 20))
def test_one_cycle_takes_any_number_of_steps(num_steps: int) -> None:
    settings = recipe(optimizer="sgd", learning_rate=0.1, schedule="one-cycle")
    made = optimizer_for(nn.Linear(1, 1), settings)
    schedule = schedule_for(made, settings, num_steps)
    rates = []
    for _ in range(num_steps):
        rates.append(made.param_groups[0]["lr"])
        made.step()
        schedule.step()
    highest = rates.index(max(rates))
    assert rates[highest:] == sorted(rates[highest:], reverse=True)
    assert max(rates) > 0.05 or num_steps <= 2
