"""What lies where: the paths that dvc.yaml names as outs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from svhn_lab.errors import UserError, damaged

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
MANIFEST = PREPARED / "manifest.json"
SUBSETS = PREPARED / "subsets"
DRAWS = SUBSETS / "finetune" / "draws"
PREVIEW = Path("results/preview.png")
GRAPH = Path("dvc.yaml")
CONTESTS_GRAPH = Path("contests/dvc.yaml")
CONTESTS_STAGE = f"{CONTESTS_GRAPH}:contests"  # as `dvc repro` takes it
SEARCH_STAGE = f"{CONTESTS_GRAPH}:search"
NETS = "src/svhn_lab/nets"  # as dvc.yaml names it in deps
RESULTS = Path("results")
CHECKED = RESULTS / "checked.txt"
EVALUATION = RESULTS / "evaluation.json"
ANSWERS = RESULTS / "answers.npz"
CONTESTS = RESULTS / "contests.json"
CONTESTS_ANSWERS = RESULTS / "contests-answers.npz"
CONTESTS_MISTAKES = RESULTS / "contests-mistakes.npz"
PUBLISHED = Path("benchmarks/published.json")  # by benchmarks/latency.py
SEARCH = RESULTS / "search.json"
SEARCH_STUDY = RESULTS / "provenance" / "search" / "study.db"  # Optuna's, with its clock
MISTAKES = RESULTS / "mistakes.npz"
TRANSFER = RESULTS / "transfer.json"
PROBE = RESULTS / "probe.json"
TIMING = RESULTS / "timing.json"
PAGE = RESULTS / "page"
PLOTS = RESULTS / "plots"
PLOTS_OF = PLOTS / "runs.json"  # by content key, the plots that show the run
RESULTS_DOC = Path("docs/results.md")
STUDY_DOC = Path("docs/freeze-depth.md")
CONTESTS_DOC = Path("docs/small-networks.md")
REGISTRATION = RESULTS / "registration.json"
MODEL_CARD = RESULTS / "model-card.md"


def subset_file(split: str, subset: str) -> Path:
    """Where the indices of a subset (`pretrain`, `finetune`, `target`) of a split lie. Those of the
    test split lie with it, so that nothing but `evaluate` depends on them."""
    if split == "test":
        return PREPARED / "test" / f"{subset}.npy"
    return SUBSETS / subset / f"{split}.npy"


def draws_file(size: int) -> Path:
    """Where the small draws with so many digits of each class lie: (draws, classes x size) indices
    into train."""
    return DRAWS / f"{size}.npy"


def read_json(path: Path, stage: str) -> Any:
    """What the JSON file at `path` holds. Raises UserError naming the stage that makes it if it is
    not there, or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; make it with `dvc repro {stage}`") from None
    except ValueError:
        raise damaged(path, stage) from None


def refuse_other_digits(file: Path, dataset: Mapping[str, Any]) -> None:
    """Raises UserError if what the file tells of was found on other digits than those prepared."""
    if dataset["digest"] != read_json(MANIFEST, "prepare")["digest"]:
        raise UserError(
            f"{file}: is of other digits than those that are prepared now; bring it up to date "
            "with `dvc repro`"
        )
