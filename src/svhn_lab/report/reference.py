"""The reference of params.yaml in Markdown, from its JSON schema: every key, what it may be, what
it is in params.yaml as it stands, and what it means."""

from collections.abc import Mapping
from typing import Any

ABOVE, BELOW = "exclusiveMinimum", "exclusiveMaximum"
KINDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
    "null": "`null`",
}
LONGEST = 60  # characters of a value that is shown


def _resolved(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The field itself, or the section that it refers to."""
    if "$ref" not in field:
        return field
    section: Mapping[str, Any] = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return section


def _bounds(field: Mapping[str, Any]) -> str:
    said = [
        words.format(f"{field[bound]:,}" if isinstance(field[bound], int) else field[bound])
        for bound, words in (
            ("minimum", "{} or more"),
            (ABOVE, "above {}"),
            ("maximum", "{} at most"),
            (BELOW, "below {}"),
        )
        if bound in field
    ]
    return ", " + ", ".join(said) if said else ""


def kind(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
    field = _resolved(field, schema)
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "anyOf" in field:
        return " or ".join(kind(each, schema) for each in field["anyOf"])
    if field["type"] == "array":
        return f"list of: {kind(field['items'], schema)}"
    if field["type"] == "object":
        return "section"
    return KINDS[field["type"]] + _bounds(field)


def _entries(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The section that each entry of the field is, if it is a list or a mapping of sections."""
    named = list(field.get("patternProperties", {}).values()) or [field.get("additionalProperties")]
    inner = field.get("items") or named[0]
    if not isinstance(inner, Mapping):
        return None
    inner = _resolved(inner, schema)
    return inner if "properties" in inner else None


def _shown(value: Any) -> str:
    """A value as YAML has it on one line; of sections and long ones nothing."""
    if isinstance(value, Mapping) or value is ...:
        return ""
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, Mapping) for item in value):
            return ""
        text = f"[{', '.join(_shown(item).strip('`') for item in value)}]"
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "null"}[value]
    else:
        text = str(value)
    return f"`{text}`" if len(text) <= LONGEST else ""


def _at(values: Any, key: str) -> Any:
    return values.get(key, ...) if isinstance(values, Mapping) else ...


def _section(
    path: str,
    section: Mapping[str, Any],
    values: Any,
    schema: Mapping[str, Any],
    known: dict[str, tuple[str, set[str]]],
) -> list[str]:
    """A table of the section, then the sections within it. What an earlier section has as well,
    with all of its keys, is not said again; `known` are those, by title."""
    fields = section["properties"]
    as_said = [
        (name, keys) for name, (_, keys) in known.items() if keys <= set(fields) and len(keys) > 1
    ]
    inherited = max(as_said, key=lambda item: len(item[1]), default=("", set[str]()))
    lines = [f"### `{path}`" if path else "## The sections", ""]
    if path and "description" in section:
        lines += [" ".join(section["description"].split()), ""]
    if inherited[0]:
        place = known[inherited[0]][0]
        lines += [f"Besides what stands here it takes every key of `{place}`.", ""]
    known.setdefault(section["title"], (path, set(fields)))
    own = {key: field for key, field in fields.items() if key not in inherited[1]}
    if own:
        lines += ["| key | may be | here | |", "| --- | --- | --- | --- |"]
    within = []
    for key, field in own.items():
        resolved = _resolved(field, schema)
        about = " ".join(field.get("description", "").split())
        each = _entries(resolved, schema)
        if "properties" in resolved:
            within.append((f"{path}.{key}".lstrip("."), resolved, _at(values, key)))
        elif each is not None:
            place = f"{path}.{key}.{'NAME' if resolved['type'] == 'object' else 'N'}"
            within.append((place.lstrip("."), each, ...))
        what = kind(field, schema)
        if resolved.get("type") == "object" and "properties" not in resolved:
            what = "a mapping of names" if each is None else "a mapping of names to sections"
        lines.append(f"| `{key}` | {what} | {_shown(_at(values, key))} | {about} |")
    if own:
        lines.append("")
    for place, inner, inner_values in within:
        lines += _section(place, inner, inner_values, schema, known)
    return lines


def markdown(schema: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """docs/params.md; `values` is what params.yaml holds."""
    head = [
        "# Every key of params.yaml",
        "",
        "Written by `svhn-lab reference`; a test keeps it as the schema is. A recipe (`training`,",
        "an arm, a sweep, ...) states only what it changes of the defaults. The third column is",
        "what the shipped `params.yaml` has.",
        "",
    ]
    return "\n".join([*head, *_section("", schema, values, schema, {})]).rstrip() + "\n"
