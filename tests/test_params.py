"""params.py: the file that ships is right; whatever is wrong is named with its key and remedy."""

import copy
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from svhn_lab import params
from svhn_lab.errors import UserError

SHIPPED = Path(__file__).parents[1] / "params.yaml"


def tree() -> dict[str, Any]:
    """The shipped file as plain values."""
    content: dict[str, Any] = YAML(typ="safe").load(SHIPPED.read_text())
    return content


def changed(path: str, value: object) -> dict[str, Any]:
    """The shipped tree with the value at the dotted `path` set."""
    raw = tree()
    *sections, last = path.split(".")
    section = raw
    for key in sections:
        section = section[key]
    section[last] = value
    return raw


def message(raw: object) -> str:
    with pytest.raises(UserError) as caught:
        params.parse(raw)
    return str(caught.value)


def test_the_shipped_file_is_right() -> None:
    loaded = params.load(SHIPPED)
    assert loaded.arms["baseline"].epochs == loaded.training.epochs


@given(epochs=st.integers(4, 10**6), rate=st.floats(1e-9, 10), own=st.integers(1, 10**6))
def test_an_arm_is_the_defaults_with_its_own_settings_over_them(
    epochs: int, rate: float, own: int
) -> None:
    raw = tree()
    raw["training"] |= {"epochs": epochs, "learning_rate": rate}
    raw["arms"]["long"] = {"net": "baseline", "epochs": own}
    loaded = params.parse(raw)
    assert loaded.arms["long"].epochs == own
    assert loaded.arms["long"].learning_rate == rate
    assert loaded.arms["baseline"].epochs == epochs
    assert loaded.transfer.pretrain.epochs == epochs
    assert loaded.transfer.finetune.epochs == raw["transfer"]["finetune"]["epochs"]


def test_a_sweep_is_the_fine_tuning_with_its_own_settings_over_it() -> None:
    raw = tree()
    raw["training"]["learning_rate"] = 0.5
    raw["transfer"]["finetune"] |= {"batch_size": 7, "norm_policy": "adapt"}
    raw["transfer"]["sweeps"]["back"]["batch_size"] = 9
    sweeps = params.parse(raw).transfer.sweeps
    assert {sweep.learning_rate for sweep in sweeps.values()} == {0.5}
    assert (sweeps["front"].batch_size, sweeps["back"].batch_size) == (7, 9)
    assert sweeps["back"].norm_policy == "adapt" and sweeps["back"].direction == "back"


def test_a_wrong_setting_of_fine_tuning_is_said_once_and_not_for_every_sweep() -> None:
    assert message(changed("transfer.finetune.epochs", 0)).count("\n") == 0
    assert message(changed("transfer.finetune.start", "scratch")).count("\n") == 0


def test_what_only_fine_tuning_has_is_missed_there_and_not_in_every_sweep() -> None:
    raw = tree()
    del raw["transfer"]["finetune"]["start"]
    assert message(raw) == "params.yaml: transfer.finetune.start: is missing; add it"
    raw = tree()
    raw["training"] = 3
    assert message(raw).count("\n") == 0


def test_parsing_leaves_the_tree_as_it_was() -> None:
    raw = tree()
    before = copy.deepcopy(raw)
    params.parse(raw)
    assert raw == before


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("training.batch_size", -1, "training.batch_size: should be greater than or equal to 1"),
        ("training.batch_size", 12.5, "training.batch_size: should be a valid integer"),
        ("training.learning_rate", 0, "training.learning_rate: should be greater than 0"),
        ("training.optimizer", "adm", "training.optimizer: should be 'adam', 'adamw', 'muon', 'r"),
        ("training.optimizer", "sparse-adam", "training.optimizer: sparse-adam takes sparse grad"),
        ("arms.adamw.momentum", 0.9, "arms.adamw: momentum is 0.9, and only the optimizer `sgd`"),
        ("arms.sgd.momentum", 1, "arms.sgd.momentum: should be less than 1"),
        ("training.learning_rate_decay", 1.1, "training.learning_rate_decay: should be less"),
        ("training.inversion", 1.5, "training.inversion: should be less than or equal to 1"),
        ("arms.scheduler.schedule", "one-cycle", "arms.scheduler: learning_rate_decay is 0.95"),
        ("arms.hard-mining.schedule", "one-cycle", "arms.hard-mining: schedule `one-cycle` is cut"),
        ("arms.crop.crop_padding", -1, "arms.crop.crop_padding: should be greater"),
        ("arms.hard-mining.mining", "hardest", "arms.hard-mining.mining: should be 'none', 'har"),
        (
            "references.crop",
            "bseline",
            "references.crop: no arm is called 'bseline'; did you mean `bas",
        ),
        ("references.new", "baseline", "references.new: no arm is called 'new'; remove"),
        ("references.baseline", "baseline", "references.baseline: an arm cannot be its own"),
        ("lab_report.accuracy.lenet", 90, "lab_report.accuracy.lenet: no arm is called 'lenet'"),
        ("lab_report.accuracy.vgg", 870, "lab_report.accuracy.vgg: should be less"),
        (
            "lab_report.claims.crop.arm",
            "cut",
            "lab_report.claims.crop.arm: no arm is called 'cut'; remove this entry",
        ),
        ("lab_report.claims.crop.reference", "crop", "lab_report.claims.crop: arm and reference"),
        ("lab_report.claims.crop.at_most", -3, "lab_report.claims.crop: at_least should be below"),
        ("lab_report.claims.skip.at_least", None, "lab_report.claims.skip: claims nothing; add"),
        ("training.epoch", 3, "training.epoch: unknown key; did you mean `epochs`?"),
        ("arms.baseline.epoch", 3, "arms.baseline.epoch: unknown key; did you mean `epochs`?"),
        ("arms.baseline.epochs", 0, "arms.baseline.epochs: should be greater"),
        ("transfer.finetune.epochs", 0, "transfer.finetune.epochs: should be greater"),
        ("arms.Bad name", {"net": "baseline"}, "arms.Bad name: is no name; use"),
        ("arms", {}, "arms: section should have at least 1 item"),
        ("arms.baseline.net", 1, "arms.baseline.net: should be a valid string; it is 1; put it in"),
        (
            "training.learning_rate",
            "1e-3",
            "training.learning_rate: should be a valid number; it is '1e-3'; remove the q",
        ),
        (
            "contests.arms.fixd-polar",
            {"net": "polar"},
            "contests.arms.fixd-polar: should be named fixed-",
        ),
        (
            "contests.distilled.polar",
            {"net": "polar"},
            "contests.distilled.polar: should be named free",
        ),
        (
            "contests.adapted.polar",
            {"net": "polar-views"},
            "contests.adapted.polar: should be named free-..., as it is adapted",
        ),
        (
            "contests.adapted.free-adapted-views.net",
            "polar",
            "contests.adapted.free-adapted-views.net: is 'polar', but starts from the networks of "
            "free-polar-views; set net: polar-views",
        ),
        (
            "contests.adapted.free-distilled-views",
            {"net": "polar-views"},
            "contests.adapted.free-distilled-views: contests.distilled has one of this name; take",
        ),
        ("contests.search.space.convs", [1, 1], "contests.search.space.convs: lists a value twice"),
        ("data.sources", [], "data.sources: "),
        ("data.sources", ["shvn", "rendered"], "data.sources.0: should be `svhn`, `rendered` or"),
        ("data.sources", [""], "data.sources.0: "),
        ("data.sources", ["svhn", "svhn"], "data.sources: lists a value twice"),
        ("data.validation_fraction", 0.9, "data.validation_fraction: should be less"),
        ("data.url", "ftp://x/", "data.url: should be like http://host/folder/"),
        ("data.url", "http://[bad/", "data.url: should be like http://host/folder/"),
        ("data.extra", "off", "data.extra: should be a valid boolean; it is 'off'"),
        ("training.learning_rate", True, "training.learning_rate: should be a valid number"),
        ("training.learning_rate", "0.1", "training.learning_rate: should be a valid number"),
        ("seeds", 3, "seeds: should be a valid list; it is 3"),
        ("arms.new", {"epochs": 2}, "arms.new.net: is missing; add it"),
        ("sedes", [1], "sedes: unknown key; did you mean `seeds`?"),
        ("seeds", [], "seeds: "),
        (
            "lab_report.claims.crop.at_leat",
            1,
            "lab_report.claims.crop.at_leat: unknown key; did you",
        ),
        ("lab_report.accuracy", 3, "lab_report.accuracy: should be a valid section"),
        ("arms.crop.net", ".mine.NET", "arms.crop.net: should be a name, or like package.mod"),
        ("arms.crop.net", "mine:NET", "arms.crop.net: should be a name, or like package.modu"),
        ("training.epochs", 3, "arms.hard-mining: mining starts at epoch 4, but there are 3"),
        ("transfer.finetune_classes", [9, -1], "transfer.finetune_classes.1: should be greater"),
        ("data.image_size", 2, "data.image_size: should be greater than or equal to 4"),
        ("transfer.sweeps.front.depths", [0, -1], "transfer.sweeps.front.depths.1: should be gr"),
        ("transfer.sweeps.only.only", [0], "transfer.sweeps.only.only.0: should be greater than"),
        ("transfer.sweeps.back.depths", [], "transfer.sweeps.back.depths: "),
        ("transfer.sweeps.only.depths", [1], "transfer.sweeps.only: should have either `depths`"),
        ("transfer.sweeps.new", {"epochs": 1}, "transfer.sweeps.new: should have either `depths`"),
        ("transfer.sweeps.all-digits.sizes", "every", "transfer.sweeps.all-digits: has `sample: "),
        ("transfer.sweeps.front.depths", [0], "transfer: sweeps.front is the study itself: it"),
        ("transfer.sweeps.front.start", "random", "transfer: sweeps.front is the study itself"),
        ("transfer.sweeps", {"a": {"depths": [0]}}, "transfer: sweeps has no `front`, which"),
        ("transfer.sweeps.back.direct", "front", "transfer.sweeps.back.direct: unknown key; did y"),
        ("transfer.finetune.start", "scratch", "transfer.finetune.start: should be 'pretrained'"),
        ("transfer.diversity.depth", 8, "transfer: diversity.depth is 8, which is none of the de"),
        ("transfer.diversity.less", [{"classes": 9, "share": 0.1}], "transfer: diversity.less: ta"),
        ("transfer.diversity.less", [{"classes": 8, "share": 0.1}], "transfer: diversity.less: ta"),
        (
            "transfer.diversity.less",
            [{"classes": 1, "share": 0.1}],
            "transfer.diversity.less.0.classes: should be `all`, or a whole number of 2 or more",
        ),
        ("transfer.diversity.less", [{"classes": 2, "share": 1.0}], "transfer.diversity.less.0.sh"),
        ("transfer.sample_sizes", [50, 50], "transfer.sample_sizes: lists a value twice"),
        ("transfer.margin", 1, "transfer.margin: should be less than 1"),
        ("data", 3, "data: should be a section with keys of its own; it is 3"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    path: str, value: object, expected: str
) -> None:
    assert f"params.yaml: {expected}" in message(changed(path, value))


def test_a_wrong_default_is_said_once_and_not_for_every_arm() -> None:
    assert message(changed("training.batch_size", -1)).count("\n") == 0
    text = message(changed("training.momentum", 0.9))
    assert text.startswith("params.yaml: training: momentum is 0.9, and only the optimizer `sgd`")
    assert text.count("\n") == 0


def test_a_missing_key_is_named() -> None:
    raw = tree()
    del raw["transfer"]["draws"]
    del raw["training"]["epochs"]
    text = message(raw)
    assert "params.yaml: transfer.draws: is missing" in text
    assert "params.yaml: training.epochs: is missing" in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("raw", [None, [], "text"])
def test_a_file_that_is_no_mapping_is_refused(raw: object) -> None:
    assert "holds no keys" in message(raw)


@pytest.mark.parametrize("source", ["~/svhn", "./svhn", "svhn.npz", "my-svhn", "rendered"])
def test_a_source_that_is_not_there_may_come(source: str) -> None:
    assert params.parse(changed("data.sources", [source])).data.sources == (source,)


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED.read_text().replace("0.001", "1e-3"))
    assert params.load(file).training.learning_rate == 0.001


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not found"):
        params.load(tmp_path / "params.yaml")
    wrong = {
        "a: [": "line 2: did not find",
        "a:\n\tb: 1": "line 2: found character that cannot start any token",
        "a: 1\nb: 2\na: 3": 'line 3: found duplicate key "a"',
    }
    for text, expected in wrong.items():
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(
            UserError, match=rf"params\.yaml: is not valid YAML: {expected}"
        ) as said:
            params.load(tmp_path / "params.yaml")
        assert "\n" not in str(said.value)


def test_references_that_come_back_to_themselves_are_refused() -> None:
    said = message(changed("references.baseline", "preact"))
    assert "references.preact: comes back to itself (preact -> three-blocks-skip -> " in said
    assert "-> baseline -> preact); remove one of them" in said
    assert "references.postact: comes back" not in said  # it is outside the circle


def test_nobody_has_to_learn_from_teachers_or_to_be_adapted() -> None:
    shipped = tree()
    contests = shipped["contests"]
    teachers = contests["teachers"]
    del contests["arms"][teachers]
    contests["references"] = {
        arm: other
        for arm, other in contests["references"].items()
        if not {arm, other} & {teachers, *contests["distilled"], *contests["adapted"]}
    }
    contests["distilled"] = contests["adapted"] = {}
    assert list(params.parse(shipped).contests.competing) == list(shipped["contests"]["arms"])


def test_arms_that_learn_from_the_teachers_are_named_apart() -> None:
    shipped = tree()
    arms = shipped["contests"]["distilled"]
    arms["fixed-polar"] = arms["free-distilled-views"]
    said = message(shipped)
    assert "contests.distilled.fixed-polar: should be named free-..., as it is distilled" in said
    assert "contests.distilled.fixed-polar: contests.arms has one of this name" in said


def test_teachers_are_an_arm_of_the_contests() -> None:
    wrong = {
        "nobody": "there are: fixed-preact",
        # This one learns from them itself.
        "free-distilled-views": "did you mean `free-polar-views`?",
        "free-polar-size": "did you mean `free-polar-sizes`?",
        "preact": "did you mean `fixed-preact`?",
    }
    for other, remedy in wrong.items():
        said = message(changed("contests.teachers", other))
        assert f"contests.teachers: contests.arms has no {other!r}; {remedy}" in said


def test_only_an_arm_of_the_contests_is_adapted() -> None:
    said = message(changed("contests.pretrained", "free-polar-size"))
    remedy = "did you mean `free-polar-sizes`?"
    assert f"contests.pretrained: contests.arms has no 'free-polar-size'; {remedy}" in said


def test_arms_named_for_the_fixed_settings_must_have_them() -> None:
    for setting in ("epochs", "rendered"):
        said = message(changed(f"contests.arms.fixed-polar.{setting}", 50))
        assert "contests.arms.fixed-polar: should be trained by the settings of `training`" in said
        assert f"but changes {setting}; remove that, or name it free-..." in said


def test_dvc_reads_what_it_wrote_when_it_set_a_parameter(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED.read_text())
    apply_overrides(file, ["seeds=[7]"])
    assert params.load(file) == params.load(SHIPPED).model_copy(update={"seeds": (7,)})
    assert load_yaml(str(file))["contests"] == tree()["contests"]
