"""`reference` (no stage of the graph): writes docs/params.md from the schema of params.yaml."""

from pathlib import Path

import click
from ruamel.yaml import YAML

from svhn_lab.params import PARAMS_FILE, Params
from svhn_lab.report.reference import markdown
from svhn_lab.tracking.files import write_text

REFERENCE = Path("docs/params.md")


def text(params_file: Path = PARAMS_FILE) -> str:
    """What docs/params.md should hold."""
    values = YAML(typ="safe").load(params_file.read_text(encoding="utf-8"))
    return markdown(Params.model_json_schema(), values)


def main() -> None:
    """Writes docs/params.md."""
    write_text(REFERENCE, text())
    click.echo(f"The reference: {REFERENCE}")
