"""The schema of params.yaml. Whatever passes here is complete and in range; whatever does not
is answered with the key, what is wrong with it and what would be right."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from svhn_lab import wrong_params
from svhn_lab.contest_params import Contests
from svhn_lab.defaults import filled
from svhn_lab.errors import UserError, did_you_mean
from svhn_lab.recipes import Arm, Recipe
from svhn_lab.schema import Count, Name, Percent, Real, Section, Seed, Whole, distinct
from svhn_lab.transfer_params import Transfer

PARAMS_FILE = Path("params.yaml")
NAMED_SOURCES = ("svhn", "rendered")
# As arms of the contests are called that `training` trains, and others.
FIXED, FREE = "fixed-", "free-"


def _web_folder(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and url.endswith("/")
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"should be like http://host/folder/, with the slash; it is {url!r}")
    return url


def _source(name: str) -> str:
    close = difflib.get_close_matches(name, NAMED_SOURCES, n=1, cutoff=0.75)
    like_a_path = "/" in name or Path(name).suffix or Path(name).exists()
    if close and name not in NAMED_SOURCES and not like_a_path:
        raise ValueError(f"should be `svhn`, `rendered` or a path; did you mean `{close[0]}`?")
    return name


SourceName = Annotated[str, Field(min_length=1), AfterValidator(_source)]


class Rendered(Section):
    """How many synthetic digits the lab makes for each split, how varied, and from which seed."""

    train: Count
    """How many digits to train and validate on."""
    test: Count
    """How many to test on."""
    extra: Count
    """How many more to train on, with `data.extra`."""
    variety: Annotated[Real, Field(ge=0, le=1)]
    """How varied they are: 1 nearly as SVHN's; with less, a network learns them from fewer."""
    seed: Seed
    """Of all that is random in them."""


class Data(Section):
    """Where digits come from, and how they are split."""

    sources: Annotated[tuple[SourceName, ...], Field(min_length=1), AfterValidator(distinct)]
    """Tried in order, the first that can be had is used: `svhn` (downloaded), `rendered`
    (synthetic), or the path of a folder or an .npz file."""
    extra: Annotated[bool, Field(strict=True)]
    """Train on SVHN's `extra` split too."""
    url: Annotated[str, AfterValidator(_web_folder)]
    """Where SVHN's files are downloaded from."""
    rendered: Rendered
    """The synthetic digits."""
    image_size: Annotated[Whole, Field(ge=4, le=512)]
    """Pixels; all images are brought to this side."""
    test_fraction: Annotated[Real, Field(gt=0, le=0.5)]
    """The share that is tested on, of the digits of a source that has no test split of its own."""
    validation_fraction: Annotated[Real, Field(gt=0, le=0.5)]
    """The share of the training digits that is validated on, the same of every class."""
    seed: Seed
    """From which splits and small draws are made."""


class Claim(Section):
    """A sentence of the lab report about two arms, as a range in percentage points that the
    difference in mean test accuracy, arm minus reference, should lie in; and the difference that
    the report has, where it has one."""

    says: Annotated[str, Field(min_length=1)]
    """What the report says."""
    arm: str
    """The arm it is said of."""
    reference: str
    """The arm it is compared with."""
    at_least: Real | None = None
    """The least difference that the sentence allows, in percentage points."""
    at_most: Real | None = None
    """The largest."""
    reported: Real | None = None
    """The difference that the report has."""

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        low, high = self.at_least, self.at_most
        if low is None and high is None:
            raise ValueError("claims nothing; add at_least or at_most, in percentage points")
        if low is not None and high is not None and low >= high:
            raise ValueError("at_least should be below at_most")
        if self.arm == self.reference:
            raise ValueError("arm and reference should be two arms")
        return self


class LabReport(Section):
    """What the original lab found: test accuracies in percent by arm, and its claims."""

    accuracy: dict[Name, Percent]
    """Its test accuracies by arm, in percent."""
    claims: dict[Name, Claim]
    """Its sentences about two arms, by a name of ours."""


class Compute(Section):
    """Where runs are computed, which changes no result on a processor but for rounding."""

    backend: Literal["local", "ray"]
    """`local`: processes of this machine; `ray`: tasks of a Ray cluster."""
    address: str | None
    """Where the Ray cluster is, such as `auto` on one of its machines; null starts one here."""
    cpus_per_run: Count
    """Threads of each run; more are quicker for a run alone, slower for many, and round
    otherwise."""
    gpus_per_run: Annotated[Real, Field(ge=0)]
    """More than 0, or a share of one, computes on GPUs: this machine's first, or those of Ray."""


class Gate(Section):
    """What the best network must satisfy to be the registry's champion."""

    max_parameters: Count
    """One with more is no candidate at all."""
    min_test_accuracy: Annotated[Real, Field(ge=0, le=1)]
    """What the lower end of its 95 % interval should reach."""
    max_calibration_error: Annotated[Real, Field(ge=0, le=1)]
    """What its expected calibration error, after temperature scaling, may be at most."""
    level: Annotated[Real, Field(gt=0, lt=1)]
    """If the paired test that it is worse than the champion has a smaller p, it is worse."""


class Params(Section):
    """The whole of params.yaml, with the defaults of `training` filled into every recipe."""

    data: Data
    """Which digits."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
    """Each arm is trained once per seed; arms share seeds and data order."""
    training: Recipe
    """The defaults of every recipe."""
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    """The configurations of the study."""
    references: dict[Name, str]
    """Which arm each arm is compared with."""
    lab_report: LabReport
    """What the original lab found, on full SVHN."""
    transfer: Transfer
    """The freeze-depth study."""
    gate: Gate
    """What the registry's champion must satisfy."""
    contests: Contests
    """The contests for the best small network; contests/dvc.yaml runs them."""
    compute: Compute
    """Where runs are computed; no stage depends on it."""

    def wrong_arms(self) -> list[str]:
        """A message for every key of `references` and `lab_report` that names an arm which
        `arms` does not have, or compares an arm with itself; and so for the contests, whose arms
        must be what they are named for."""
        of_lab = [
            *((f"lab_report.accuracy.{arm}", arm) for arm in self.lab_report.accuracy),
            *(
                (f"lab_report.claims.{name}.{key}", getattr(claim, key))
                for name, claim in self.lab_report.claims.items()
                for key in ("arm", "reference")
            ),
        ]
        contests = self.contests
        return [
            *_wrong_references("references", self.references, self.arms),
            *_unknown(of_lab, self.arms),
            *_wrong_references("contests.references", contests.references, contests.competing),
            *_fixed(self.training, contests.arms),
            *_made_from_others(contests),
        ]


def _fixed(training: Recipe, arms: Mapping[str, Arm]) -> Iterator[str]:
    """A message for every arm of the contests whose name does not say how it is trained, or that is
    named for the fixed settings and has others: only networks are compared under that name."""
    for name, arm in arms.items():
        changed = arm.changes(training)
        if not name.startswith((FIXED, FREE)):
            yield (
                f"contests.arms.{name}: should be named {FIXED}..., if the settings of `training` "
                f"are its own, or {FREE}..."
            )
        if name.startswith(FIXED) and changed:
            yield (
                f"contests.arms.{name}: should be trained by the settings of `training`, as its "
                f"name says, but changes {', '.join(changed)}; remove that, or name it free-..."
            )


def _made_from_others(contests: Contests) -> Iterator[str]:
    """What is wrong with distilled and adapted arms, a message each: that the arm they are made
    from is not there, that their names say something else or are taken, that an adapted arm has
    another network than it starts from."""
    arms, start = contests.arms, contests.arms.get(contests.pretrained)
    kinds: list[tuple[str, str, str, Mapping[str, Arm]]] = [
        ("teachers", contests.teachers, "distilled", contests.distilled),
        ("pretrained", contests.pretrained, "adapted", contests.adapted),
    ]
    for key, source, section, own in kinds:
        if own and source not in arms:
            remedy = did_you_mean(source, arms, f"there are: {', '.join(arms)}")
            yield f"contests.{key}: contests.arms has no {source!r}; {remedy}"
        for name in own:
            if not name.startswith(FREE):
                yield f"contests.{section}.{name}: should be named {FREE}..., as it is {section}"
            if name in arms:
                yield f"contests.{section}.{name}: contests.arms has one of this name; take another"
    for name, arm in contests.adapted.items():
        if name in contests.distilled:
            yield (
                f"contests.adapted.{name}: contests.distilled has one of this name; take another"
            )
        if start is not None and arm.net != start.net:
            yield (
                f"contests.adapted.{name}.net: is {arm.net!r}, but starts from the networks of "
                f"{contests.pretrained}; set net: {start.net}"
            )


def _unknown(named: Iterable[tuple[str, str]], arms: Collection[str]) -> list[str]:
    """A message for every key whose arm there is not."""
    return [
        f"{key}: no arm is called {arm!r}; {did_you_mean(arm, arms, 'remove this entry')}"
        for key, arm in named
        if arm not in arms
    ]


def _wrong_references(
    key: str, references: Mapping[str, str], arms: Collection[str]
) -> Iterator[str]:
    """A message for every reference from or to an arm that there is not, and for every one that
    leads back to where it began."""
    named = [(f"{key}.{arm}", arm) for arm in references]
    yield from _unknown(named + [(f"{key}.{a}", b) for a, b in references.items()], arms)
    for arm, reference in references.items():
        chain = _chain(references, arm)
        if arm == reference:
            yield f"{key}.{arm}: an arm cannot be its own reference; name another arm"
        elif chain[-1] == arm:
            yield f"{key}.{arm}: comes back to itself ({' -> '.join(chain)}); remove one of them"


def _chain(references: Mapping[str, str], arm: str) -> list[str]:
    """The arm, what it is compared with, and so on, until there is no more or one is back."""
    chain = [arm]
    while (reference := references.get(chain[-1])) is not None:
        chain.append(reference)
        if reference in chain[:-1]:
            break
    return chain


def parse(raw: object, *, file: str = str(PARAMS_FILE)) -> Params:
    """Params from the tree that the YAML file holds.

    Raises UserError naming `file` and every key that is wrong.
    """
    if not isinstance(raw, dict):
        raise UserError(f"{file}: holds no keys; restore it from Git")
    try:
        params = Params.model_validate(filled(raw))
    except ValidationError as failure:
        wrong = wrong_params.lines(failure.errors(), Params)
        raise UserError("\n".join(dict.fromkeys(f"{file}: {line}" for line in wrong))) from None
    if wrong_arms := params.wrong_arms():
        raise UserError("\n".join(f"{file}: {line}" for line in wrong_arms))
    return params


def load(path: Path = PARAMS_FILE) -> Params:
    """Params of the file at `path`, read as YAML 1.2, which is how DVC reads it (`1e-3` is a
    number, `off` is a string). Raises UserError naming file, key and remedy."""
    try:
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run this in the project's top folder") from None
    except MarkedYAMLError as failure:
        line = f"line {failure.problem_mark.line + 1}: " if failure.problem_mark else ""
        raise UserError(f"{path}: is not valid YAML: {line}{failure.problem}") from None
    except (YAMLError, UnicodeDecodeError) as failure:
        raise UserError(f"{path}: is not valid YAML: {failure}") from None
    return parse(raw, file=str(path))
