"""record.py: what was written is read back, and the key tells runs apart."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages import (
    competitors,
    contests,
    diversity,
    finetune,
    pretrain,
    timing,
    train,
)
from svhn_lab.stages.repro import opened
from svhn_lab.stages.sweeps import points
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record, content_key

RUN = Record(
    identity=Identity("train", "preact", 3),
    key="k" * 32,
    params={"net": "preact", "epochs": 2},
    dataset={"name": "rendered", "digest": "d" * 32, "splits": {"train": 10}},
    num_parameters={"total": 5, "trainable": 3, "layers": {"head": 5}, "buffers": 2},
    metrics={"validation_accuracy": 0.1 + 0.2},
    curves=[
        {"epoch": 1.0, "train_loss": 1 / 3, "validation_accuracy": 0.5},
        {"epoch": 2.0, "train_loss": 1e-17, "validation_accuracy": 0.1 + 0.2},
    ],
)


def circumstances() -> record.Provenance:
    return record.provenance(
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 12.5, [6.0, 6.25], ("c" * 40, [])
    )


def test_it_is_told_which_files_differ_from_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert record.checkout_state() == (None, None)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for file in ("params.yaml", "dvc.yaml", "dvc.lock"):
        Path(file).write_text("as committed")
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--no-verify", "-m", "all"], check=True)
    commit, changed = record.checkout_state()
    assert commit is not None and len(commit) == 40 and changed == []
    Path("params.yaml").write_text("changed")
    Path("dvc.lock").write_text("changed by DVC, which is none")
    Path("own.py").touch()
    assert record.checkout_state() == (commit, ["params.yaml", "own.py"])


def test_what_is_written_is_read_back_to_the_last_bit(project: Path) -> None:
    written = circumstances()
    record.write(RUN, written)
    assert record.read(RUN.identity) == RUN
    assert record.read_provenance(RUN.identity) == written


@pytest.mark.parametrize("name", ["run.json", "metrics.json", "curves.tsv"])
@pytest.mark.parametrize("content", ["", "{}", "null", '{"validation_accuracy": 0.4}'])
def test_a_record_that_is_not_as_it_was_left_is_not_read(
    project: Path, name: str, content: str
) -> None:
    record.write(RUN, circumstances())
    (project / "results" / RUN.identity.path / name).write_text(content)
    with pytest.raises(UserError, match=r"preact/seed-3: is damaged; .* `dvc repro train@preact`"):
        record.read(RUN.identity)


def test_the_record_holds_no_clock_and_no_commit(project: Path) -> None:
    record.write(RUN, circumstances())
    folder = Path("results/train/preact/seed-3")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    record.write(RUN, replace(circumstances(), seconds=99.0, commit="other"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert set(first) == {"run.json", "metrics.json", "curves.tsv"}


def test_a_run_that_is_not_there_is_named_with_the_stage_that_makes_it(project: Path) -> None:
    with pytest.raises(UserError, match="make it with `dvc repro finetune@front`"):
        record.read(Identity("finetune", "front", 0, draw=1, condition="depth-3/size-50"))


def test_names_and_places_tell_every_run_apart() -> None:
    runs = [
        Identity("train", "a", 0),
        Identity("train", "a", 1),
        Identity("train", "b", 0),
        Identity("pretrain", "", 0),
        Identity("finetune", "front", condition="depth-3/size-50"),
        Identity("finetune", "front", 0, draw=0, condition="depth-3/size-50"),
        Identity("finetune", "front", 0, draw=3, condition="depth-3/size-50"),
        Identity("finetune", "front", 0, draw=3, condition="depth-3/size-10"),
    ]
    assert [run.name for run in runs] == [
        "train/a/seed-0",
        "train/a/seed-1",
        "train/b/seed-0",
        "pretrain/seed-0",
        "finetune/front/depth-3/size-50",
        "finetune/front/depth-3/size-50/draw-0",
        "finetune/front/depth-3/size-50/draw-3",
        "finetune/front/depth-3/size-10/draw-3",
    ]


def test_a_run_that_stands_for_several_has_the_means_of_their_metrics() -> None:
    runs = [replace(RUN, key=key, metrics={"loss": loss}) for key, loss in (("a", 1.0), ("b", 2.0))]
    identity = Identity("train", "preact")
    found = record.summed_up(identity, runs, {"net": "preact"})
    assert found.metrics == {"loss_mean": 1.5}
    assert found.members == ["a", "b"] and found.params == {"net": "preact", "runs": 2}
    assert found.key != record.summed_up(identity, runs[::-1], {"net": "preact"}).key
    assert found.key == record.summed_up(identity, runs, {"net": "preact"}).key


@given(
    st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False) | st.text()),
    st.randoms(),
)
def test_the_key_follows_from_content_and_not_from_order(
    params: dict[str, object], random: Random
) -> None:
    shuffled = list(params.items())
    random.shuffle(shuffled)
    key = content_key(RUN.identity, params, "data", "code")
    assert key == content_key(RUN.identity, dict(shuffled), "data", "code")
    others = [
        content_key(replace(RUN.identity, seed=4), params, "data", "code"),
        content_key(replace(RUN.identity, draw=0), params, "data", "code"),
        content_key(RUN.identity, params | {"new key": 1}, "data", "code"),
        content_key(RUN.identity, params, "other data", "code"),
        content_key(RUN.identity, params, "data", "other code"),
    ]
    assert len({key, *others}) == 6


def test_the_code_digest_follows_the_sources_that_the_stage_depends_on(tmp_path: Path) -> None:
    (tmp_path / "src" / "folder").mkdir(parents=True)
    (tmp_path / "src" / "folder" / "a.py").write_text("1")
    (tmp_path / "src" / "b.py").write_text("1")
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  one: {cmd: x, deps: [data/raw, src/folder]}\n"
        "  two: {cmd: x, deps: [src/b.py]}\n"
    )

    def digests() -> tuple[str, str]:
        record._code_digest.cache_clear()
        return record.code_digest("one", tmp_path), record.code_digest("two", tmp_path)

    one, two = digests()
    (tmp_path / "src" / "folder" / "a.py").write_text("2")
    assert digests()[0] != one
    assert digests()[1] == two
    (tmp_path / "src" / "folder" / "a.py").rename(tmp_path / "src" / "folder" / "c.py")
    assert digests()[0] != one


def test_every_run_names_a_stage_of_the_graph_that_makes_it() -> None:
    project = Path(__file__).parents[2]
    params = load(project / "params.yaml")
    point = next(iter(points(params.transfer, "front")))
    less = params.transfer.diversity.less[0]
    runs = [
        *train.identities(params, "preact"),
        train.whole("preact"),
        *pretrain.identities(params),
        *finetune.identities(params, point),
        finetune.whole(point),
        *diversity.pretrainings(params, less),
        *diversity.finetunings(params, less),
        diversity.whole(less, params.transfer, "pretrain"),
        *competitors.identities(params, "fixed-polar"),
        *competitors.identities(params, "free-distilled-views"),
        *competitors.identities(params, "free-adapted-views"),
        contests.whole("fixed-polar"),
        Identity(record.SEARCH, "trial-000", 0),
        timing.identity(params),
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(project)
        stages = opened().index.stages
    assert {run.dvc_stage for run in runs} <= {stage.addressing for stage in stages}
