"""batches.py: nothing is lost or changed between memory and network."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from svhn_lab.data.batches import (
    Digits,
    Statistics,
    batches,
    channel_statistics,
    normalised,
    shuffled_batches,
)


def digits(num_images: int) -> Digits:
    random = torch.Generator().manual_seed(num_images)
    images = torch.randint(0, 256, (num_images, 32, 32, 3), dtype=torch.uint8, generator=random)
    return Digits(images, torch.arange(num_images))


def test_statistics_are_those_of_the_pixels() -> None:
    images = digits(50).images
    pixels = images.double().reshape(-1, 3)
    statistics = channel_statistics(images)
    torch.testing.assert_close(
        torch.tensor(statistics.mean).double(), pixels.mean(0), rtol=1e-6, atol=0
    )
    torch.testing.assert_close(
        torch.tensor(statistics.std).double(), pixels.std(0, correction=0), rtol=1e-6, atol=0
    )


def test_a_channel_that_never_changes_is_0() -> None:
    images = torch.tensor([0, 50, 100, 250], dtype=torch.uint8).expand(2, 3, 4).contiguous()
    images = torch.stack([images, images, torch.full_like(images, 7)], dim=-1)
    statistics = channel_statistics(images)
    assert statistics.std[2] == 1
    assert (normalised(images, statistics)[:, 2] == 0).all()


def test_normalised_training_digits_have_mean_0_and_deviation_1_in_channels_last_memory() -> None:
    images = digits(50).images
    batch = normalised(images, channel_statistics(images))
    assert batch.shape == (50, 3, 32, 32) and batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(batch.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.std((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32))
def test_an_epoch_is_every_digit_once(num_images: int, batch_size: int, seed: int) -> None:
    everything = digits(num_images)
    epoch = list(shuffled_batches(everything, batch_size, torch.Generator().manual_seed(seed)))
    assert torch.cat(epoch).sort().values.tolist() == list(range(num_images))
    assert {len(batch) for batch in epoch[:-1]} <= {batch_size}


@given(st.integers(1, 40), st.integers(1, 50))
def test_plain_batches_keep_the_order(num_images: int, batch_size: int) -> None:
    labels = torch.cat([batch.labels for batch in batches(digits(num_images), batch_size)])
    assert labels.tolist() == list(range(num_images))


def test_inputs_are_what_the_first_convolution_would_round_them_to() -> None:
    some = digits(3)
    statistics = Statistics((100.0, 120.0, 90.0), (50.0, 40.0, 60.0))
    [plain] = some.inputs(statistics)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        [inputs] = some.inputs(statistics)
    assert plain.dtype == torch.float32
    assert torch.equal(inputs, plain.to(torch.bfloat16))
    assert inputs.is_contiguous(memory_format=torch.channels_last)
