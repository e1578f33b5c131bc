"""`python -m contests.seeds N`: has params.yaml say that the arms of the contests are trained with
the seeds 0 to N - 1, and changes nothing else of it."""

from io import StringIO

import click
from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from svhn_lab.params import PARAMS_FILE
from svhn_lab.tracking.files import write_text


class _Representer(RoundTripRepresenter):
    """Writes `null` as a word, not as nothing."""


_Representer.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def with_seeds(text: str, number: int) -> str:
    """The text of params.yaml with that many seeds of the contests."""
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = 10**6
    yaml.indent(mapping=2, sequence=4, offset=2)
    params = yaml.load(text)
    params["contests"]["seeds"][:] = range(number)
    written = StringIO()
    yaml.dump(params, written)
    return written.getvalue()


@click.command()
@click.argument("number", type=click.IntRange(min=1))
def main(number: int) -> None:
    """Have the arms of the contests trained with NUMBER seeds."""
    write_text(PARAMS_FILE, with_seeds(PARAMS_FILE.read_text(encoding="utf-8"), number))


if __name__ == "__main__":
    main()
