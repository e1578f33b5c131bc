"""docs/tutorial.md: its files are written, its settings made and its commands run, as a
reader would, on the lab at toy size."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from clone import Clone, kill
from mlflow.tracking import MlflowClient
from ruamel.yaml import YAML
from servers import LOOPBACK, answers, free_port
from toy import change_params, keep_arms

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"goes into `([^`]+)`:\s*$")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port() -> int:
    """Of the tutorial's server, in the place of 5000."""
    return free_port()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Clone]:
    """A toy lab after everything that the page says has been done."""
    clone = Clone.of_project(tmp_path_factory.mktemp("own") / "lab")
    keep_arms(clone.path, "baseline", "preact")
    server = None
    for block in FENCED.finditer(PAGE):
        language, text = block.groups()
        text = text.replace("5000", str(port))
        if language == "bash":  # which goes on
            server = clone.start("bash", "-euc", text)
            answers(f"http://{LOOPBACK}:{port}/health", clone.path.parent / "started.log")
        elif language == "yaml":
            change_params(clone.path, YAML(typ="safe").load(StringIO(text)))
        elif language == "python":
            named = FILE.search(PAGE[: block.start()])
            assert named, "a file's text follows its name"
            (clone.path / named[1]).write_text(text)
        else:
            assert language == "sh"
            clone.run("bash", "-euc", text)
    yield clone
    assert server is not None
    kill(server)


def test_every_part_of_the_page_has_been_done() -> None:
    languages = [block[1] for block in FENCED.finditer(PAGE)]
    arm, network, digits = ["yaml", "sh"], ["python", "yaml"], ["sh", "yaml", "sh", "sh"]
    trained, study, server = ["sh"], ["yaml", "sh"], ["bash", "sh"]
    assert languages == [*arm, *network, *digits, *trained, *study, *server]


def test_runs_are_on_the_shared_server(lab: Clone, port: int) -> None:
    client = MlflowClient(f"http://{LOOPBACK}:{port}")
    [experiment] = client.search_experiments(filter_string="name = 'ada'")
    names = {
        run.info.run_name
        for run in client.search_runs([experiment.experiment_id], max_results=1000)
    }
    assert {"train/maxout", "train/gentle/seed-0", "pretrain"} <= names
    assert "finetune/front/depth-0/size-20/draw-1" in names


def test_there_is_a_heat_map_over_depth_and_size(lab: Clone) -> None:
    assert (lab.path / "results/plots/accuracy-by-depth-and-size.png").exists()


def test_own_digits_of_another_size_go_through_the_whole_lab(lab: Clone) -> None:
    evaluation = lab.read("results/evaluation.json")
    assert evaluation["dataset"]["name"] == "npz-optical-16px"
    assert sum(evaluation["dataset"]["splits"].values()) == 1797
    assert evaluation["dataset"]["splits"]["test"] == 360
    assert "npz-optical-16px" in (lab.path / "results/page/index.html").read_text()
    assert lab.read("results/registration.json")["model"] == "svhn-small-npz-optical-16px"


def test_own_arm_and_own_network_are_compared_with_their_reference(lab: Clone) -> None:
    arms = lab.read("results/evaluation.json")["arms"]
    assert list(arms) == ["baseline", "preact", "gentle", "maxout"]
    conv1, conv2, head = 3 * 9 * 32 + 32, 16 * 9 * 64 + 64, 4 * 4 * 32 * 10 + 10
    assert arms["maxout"]["parameters"] == conv1 + conv2 + head
    assert arms["maxout"]["reference"] == arms["gentle"]["reference"] == "baseline"
    assert len(arms["maxout"]["difference_interval"]) == 2


def test_own_classes_are_transferred_to(lab: Clone) -> None:
    transfer = lab.read("results/transfer.json")
    for entry in (*transfer["points"].values(), *transfer["diversity"].values()):
        assert len(entry["confusion"]) == 3
    assert list(transfer["diversity"]) == ["diversity/7-classes-50-percent"]
    record = lab.read("results/finetune/front/depth-0/size-10/draw-0/run.json")
    assert record["params"]["classes"] == [7, 8, 9]


def test_own_network_outside_the_tracked_folders_is_refused_until_it_is_a_dep(lab: Clone) -> None:
    source = (lab.path / "src/svhn_lab/nets/maxout.py").read_text()
    (lab.path / "elsewhere.py").write_text(source)
    before = (lab.path / "params.yaml").read_bytes()
    change_params(lab.path, {"arms": {"maxout": {"net": "elsewhere.MAXOUT"}}})
    refused = lab.try_run("python", "-m", "svhn_lab", "check")
    assert refused.returncode == 1
    assert "params.yaml: arms.maxout.net: elsewhere.py is no dep of check, train" in refused.stderr
    graph = (lab.path / "dvc.yaml").read_text()
    tracked = graph.replace(
        "      - src/svhn_lab/nets\n", "      - elsewhere.py\n      - src/svhn_lab/nets\n"
    )
    (lab.path / "dvc.yaml").write_text(tracked)
    lab.run("dvc", "repro", "train@maxout")
    assert lab.read("results/train/maxout/seed-1/run.json")["params"]["net"] == "elsewhere.MAXOUT"
    (lab.path / "dvc.yaml").write_text(graph)
    (lab.path / "params.yaml").write_bytes(before)
