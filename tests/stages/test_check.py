"""check.py: networks and depths that cannot be had, and networks that DVC would not see change, are
refused with their keys."""

import shutil
from pathlib import Path

import pytest
from torch import nn
from toy import change_params

from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.stages.check import check_freeze_units, check_networks, check_tracked

PROJECT = Path(__file__).parents[2]
OWN = """
from svhn_lab.nets.blocks import ConvPool
from svhn_lab.nets.network import Architecture

NET = Architecture((ConvPool(4, kernel=3),))
"""


def test_every_wrong_key_is_named_at_once(project: Path) -> None:
    arms = {"vgg": {"net": "vgg19"}, "crop": {"net": "nowhere.NET"}}
    change_params(project, {"arms": arms, "transfer": {"net": "baseline"}})
    with pytest.raises(UserError) as caught:
        check_networks(load())
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("params.yaml: arms.crop.net: the network 'nowhere.NET' cannot be im")
    assert lines[1].startswith("params.yaml: arms.vgg.net: no network is called 'vgg19'")
    assert (
        "params.yaml: transfer.sweeps.front: freeze depth 3 is beyond the network, whic" in lines[2]
    )
    assert "sweeps.only: unit 7 is beyond the network, which has 2 freeze units" in lines[-1]


def test_networks_of_the_contests_are_named_but_not_built(project: Path) -> None:
    change_params(project, {"contests": {"arms": {"fixed-polar": {"net": "contests.ablations.o"}}}})
    with pytest.raises(UserError, match=r"contests\.arms\.fixed-polar\.net: .* cannot be imported"):
        check_networks(load())


def test_images_too_small_for_an_arms_network_are_said_before_they_are_fetched(
    project: Path,
) -> None:
    change_params(project, {"data": {"image_size": 4}})
    with pytest.raises(UserError, match=r"arms\.deeper\.net: .* cannot take images of 4x4 pixels"):
        check_networks(load())


def test_freeze_units_must_hold_everything() -> None:
    net = zoo.build("preact", num_classes=2, seed=0)
    check_freeze_units(net)
    net.blocks.append(nn.Conv2d(64, 64, 1))
    with pytest.raises(UserError, match="should hold every parameter of its blocks once"):
        check_freeze_units(net)


def test_a_network_in_the_project_must_be_a_dep_and_an_installed_one_need_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project)
    (project / "own_networks.py").write_text(OWN)
    with pytest.raises(UserError, match=r"own_networks\.py is no dep of check, train, .* in dvc"):
        check_tracked("own_networks.NET")
    graph = project / "dvc.yaml"
    nets = "      - src/svhn_lab/nets\n"
    graph.write_text(graph.read_text().replace(nets, f"      - own_networks.py\n{nets}"))
    check_tracked("own_networks.NET")
    shutil.copytree(PROJECT / "contests", project / "contests")
    with pytest.raises(
        UserError, match=r"is no dep of compete, distil, adapt, contests in contests/dvc\.yaml"
    ):
        check_tracked("own_networks.NET", graph=Path("contests/dvc.yaml"))
    check_tracked("svhn_lab.nets.zoo.ZOO")
    check_tracked("torch.nn")
    check_tracked("baseline")
