"""fan_out.py: results do not depend on the number of workers, and one failure stops no other."""

import pytest
import torch

from svhn_lab.training.fan_out import fan_out


def product(seed: int) -> list[float]:
    """A sum whose bits depend on the number of threads that share it."""
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(300_000, generator=random)
    return [values.sum().item(), float(torch.get_num_threads())]


def fails_on_odd(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def test_results_come_in_order_and_bit_for_bit_whatever_the_number_of_workers() -> None:
    alone = fan_out(product, range(5), workers=1)
    assert alone == fan_out(product, range(5), workers=3)
    assert {threads for _, threads in alone} == {1.0}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_others_finish_before_failures_are_raised_together(workers: int) -> None:
    done: list[int] = []
    with pytest.raises(ExceptionGroup, match="2 of 5 runs failed") as caught:
        fan_out(fails_on_odd, range(5), workers=workers, on_result=done.append)
    assert sorted(done) == [0, 2, 4]
    assert sorted(str(failure) for failure in caught.value.exceptions) == ["1 is odd", "3 is odd"]
