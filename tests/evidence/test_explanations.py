"""explanations.py: one holds if all that should be above zero is."""

from collections.abc import Sequence

import pytest

from svhn_lab.evidence.explanations import Expectation, Explanation, explained, slope

ABOVE, BELOW, AROUND = [0.03, 0.04, 0.035, 0.03], [-0.03, -0.02, -0.03, -0.025], [0.1, -0.1, 0.05]


def verdict(*values: Sequence[float]) -> str:
    expects = {str(i): Expectation("so", each, "points") for i, each in enumerate(values)}
    found = explained({"one": Explanation("Because", expects)})["one"]
    assert found["says"] == "Because" and list(found["tests"]) == list(expects)
    return str(found["verdict"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([ABOVE], "holds"),
        ([ABOVE, ABOVE], "holds"),
        ([ABOVE, AROUND], "not decided"),
        ([ABOVE, BELOW], "does not hold"),
        ([AROUND, BELOW], "does not hold"),
        ([[0.5]], "not decided"),
    ],
)
def test_one_rejection_is_enough_and_all_must_be_upheld(
    values: list[list[float]], expected: str
) -> None:
    assert verdict(*values) == expected


def test_all_tests_are_corrected_for_together() -> None:
    weak = [0.02, 0.01, 0.03, 0.004, 0.02]
    assert verdict(weak) == "holds"
    many = {
        str(i): Explanation("Because", {"one": Expectation("so", weak, "points")}) for i in range(9)
    }
    assert {found["verdict"] for found in explained(many).values()} == {"not decided"}


def test_a_slope_is_that_of_the_line() -> None:
    assert slope([0, 1, 2, 5], [3, 1, -1, -7]) == pytest.approx(-2)
