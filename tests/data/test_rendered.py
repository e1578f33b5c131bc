"""Tests of the rendered stand-in for SVHN."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from svhn_lab.data.rendered import CHUNK, SVHN_TRAIN_COUNTS, render, render_chunk

NUM_TRAIN = 3000


@pytest.fixture(scope="module")
def train() -> tuple[np.ndarray, np.ndarray]:
    return render(NUM_TRAIN, seed=0)


def test_shapes_types_and_labels(train: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = train
    assert images.shape == (NUM_TRAIN, 32, 32, 3) and images.dtype == np.uint8
    assert labels.shape == (NUM_TRAIN,) and labels.dtype == np.int64
    assert set(labels.tolist()) == set(range(10))


def test_same_arguments_give_the_same_bytes() -> None:
    (images, labels), (again, labels_again) = render(300, seed=3), render(300, seed=3)
    assert images.tobytes() == again.tobytes()
    assert labels.tobytes() == labels_again.tobytes()


def test_the_map_that_draws_the_chunks_does_not_matter() -> None:
    with ThreadPoolExecutor(2) as pool:
        pooled = render(2 * CHUNK + 1, seed=3, map=pool.map)
    for first, second in zip(render(2 * CHUNK + 1, seed=3), pooled, strict=True):
        np.testing.assert_array_equal(first, second)


def test_chunks_can_go_to_another_process() -> None:
    restored = pickle.loads(pickle.dumps((render_chunk, (3, "train", 1.0, 1))))
    images, labels = restored[0](restored[1])
    whole_images, whole_labels = render(2 * CHUNK, seed=3)
    np.testing.assert_array_equal(images, whole_images[CHUNK:])
    np.testing.assert_array_equal(labels, whole_labels[CHUNK:])


def test_with_less_variety_the_same_digits_are_more_alike() -> None:
    sets = [render(2 * CHUNK, seed=3, variety=variety) for variety in (0.0, 0.5, 1.0)]
    for _, labels in sets:
        np.testing.assert_array_equal(labels, sets[0][1])

    def spread(images: np.ndarray, labels: np.ndarray) -> float:
        """The mean standard deviation of a pixel over the images of a class."""
        return float(np.mean([images[labels == digit].std(0).mean() for digit in range(10)]))

    least, less, full = (spread(*each) for each in sets)
    assert least < 0.95 * less < 0.95**2 * full
    whole, _ = render(2 * CHUNK, seed=3)
    np.testing.assert_array_equal(whole, sets[-1][0])


@pytest.mark.parametrize("num_images", [1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_a_smaller_set_begins_a_larger_one(
    num_images: int, train: tuple[np.ndarray, np.ndarray]
) -> None:
    for smaller, larger in zip(render(num_images, seed=0), train, strict=True):
        np.testing.assert_array_equal(smaller, larger[:num_images])


@pytest.mark.parametrize(
    ("seed", "split"), [(1, "train"), (0, "test"), (0, "extra"), (2**40, "train")]
)
def test_no_image_is_shared_with_another_seed_or_split(
    seed: int, split: str, train: tuple[np.ndarray, np.ndarray]
) -> None:
    drawn = {image.tobytes() for image in train[0]}
    assert len(drawn) == len(train[0])
    assert not drawn & {image.tobytes() for image in render(CHUNK, seed=seed, split=split)[0]}


def test_class_shares_are_svhns(train: tuple[np.ndarray, np.ndarray]) -> None:
    shares = np.bincount(train[1], minlength=10) / len(train[1])
    expected = np.array(SVHN_TRAIN_COUNTS) / sum(SVHN_TRAIN_COUNTS)
    np.testing.assert_allclose(shares, expected, atol=0.03)  # four standard errors


def test_images_vary_in_light_contrast_and_polarity(
    train: tuple[np.ndarray, np.ndarray],
) -> None:
    grey = train[0].mean(axis=3) / 255  # (N, 32, 32)
    dark, bright = np.percentile(grey.mean(axis=(1, 2)), [5, 95])
    faint, strong = np.percentile(grey.std(axis=(1, 2)), [5, 95])
    inward = grey[:, 8:24, 8:24].mean(axis=(1, 2)) - grey.mean(axis=(1, 2))
    assert dark < 0.3 and bright > 0.7
    assert faint < 0.07 and strong > 0.18
    assert 0.3 < (inward > 0).mean() < 0.7


def edge_features(images: np.ndarray) -> np.ndarray:
    """Edge strengths, which do not depend on the digit's polarity."""
    grey = images.mean(axis=3)
    down, right = np.gradient(grey, axis=(1, 2))
    edges = np.stack([np.abs(down), np.abs(right), np.abs(down + right), np.abs(down - right)], 1)
    pooled = edges.reshape(-1, 4, 16, 2, 16, 2).mean(axis=(3, 5)).reshape(len(images), -1)
    return np.asarray(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))


def test_every_digit_is_legible(train: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = train
    test_images, test_labels = render(1000, seed=0, split="test")
    classifier = make_pipeline(PCA(30, random_state=0), SVC(C=10, class_weight="balanced"))
    classifier.fit(edge_features(images), labels)
    predictions = classifier.predict(edge_features(test_images))
    recalls = recall_score(test_labels, predictions, average=None)
    assert recalls.min() > 0.2  # twice chance
    assert recalls.mean() > 0.45


@pytest.mark.parametrize("num_images", [0, -5])
def test_too_few_images_are_refused(num_images: int) -> None:
    with pytest.raises(ValueError, match=f"num_images must be at least 1, not {num_images}"):
        render(num_images, seed=0)


@pytest.mark.parametrize("variety", [-0.1, 1.1])
def test_more_variety_than_there_is_is_refused(variety: float) -> None:
    with pytest.raises(ValueError, match=rf"variety must be in 0\.\.1, not {variety}"):
        render(1, seed=0, variety=variety)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must not be negative, not -1"):
        render(1, seed=-1)
