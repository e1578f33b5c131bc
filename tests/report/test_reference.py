"""reference.py: docs/params.md is what the schema says."""

from pathlib import Path

import pytest

from svhn_lab.params import Params
from svhn_lab.report.reference import kind, markdown
from svhn_lab.stages.reference import REFERENCE, text

PROJECT = Path(__file__).parents[2]


def test_the_reference_in_docs_is_current() -> None:
    assert (PROJECT / REFERENCE).read_text() == text(PROJECT / "params.yaml"), (
        "write it anew with `svhn-lab reference`"
    )


def test_every_key_has_a_description() -> None:
    schema = Params.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for key, field in section["properties"].items():
            assert field.get("description"), f"{section['title']}.{key}"


def test_what_a_section_has_of_another_is_not_said_again() -> None:
    reference = text(PROJECT / "params.yaml")
    assert reference.count("| `learning_rate` |") == 1
    arm = reference[reference.index("### `arms.NAME`") :].partition("\n### ")[0]
    assert "it takes every key of `training`" in arm and "| `net` |" in arm
    sweep = reference[reference.index("### `transfer.sweeps.NAME`") :].partition("\n### ")[0]
    assert "it takes every key of `transfer.finetune`" in sweep and "| `only` |" in sweep


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"type": "integer", "minimum": 1}, "whole number, 1 or more"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, "number, above 0, 0.5 at most"),
        ({"enum": ["a", "b"]}, "`a` or `b`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or `null`"),
        ({"type": "array", "items": {"type": "integer"}}, "list of: whole number"),
        ({"type": "integer", "exclusiveMaximum": 2**32}, "whole number, below 4,294,967,296"),
    ],
)
def test_kinds_read_in_words(field: dict[str, object], said: str) -> None:
    assert kind(field, {}) == said


def test_values_are_shown_as_yaml_has_them_but_long_ones_and_sections() -> None:
    numbers = {"type": "array", "items": {"type": "integer"}, "description": "Numbers."}
    schema = {
        "title": "All",
        "properties": {
            "long": {"type": "string", "description": "Long."},
            "flag": {"type": "boolean", "description": "Flag."},
            "numbers": numbers,
            "sections": numbers | {"description": "Sections."},
        },
    }
    values = {"long": "x" * 100, "flag": False, "numbers": [None, 4, True], "sections": [{"a": 1}]}
    shown = markdown(schema, values)
    assert "| `long` | text |  | Long. |" in shown
    assert "| `[null, 4, true]` | Numbers. |" in shown
    assert "|  | Sections. |" in shown
    assert "| `flag` | `true` or `false` | `false` | Flag. |" in shown
