"""What features hold and how alike two sets of them are."""

import numpy as np
from numpy.typing import NDArray


def linear_cka(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment of two sets of features, (N, D) and (N, E), of the same N
    examples: 1 for the same features up to rotation and scale, near 0 for unrelated ones (Kornblith
    et al., 2019, "Similarity of neural network representations revisited", section 3)."""

    def centred_gram(features: NDArray[np.floating]) -> NDArray[np.float64]:
        centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
        gram: NDArray[np.float64] = centred @ centred.T
        return gram

    gram, other_gram = centred_gram(one), centred_gram(other)
    norms = np.linalg.norm(gram) * np.linalg.norm(other_gram)
    if norms == 0:
        raise ValueError("features that are the same for every example are like nothing")
    return float((gram * other_gram).sum() / norms)


def probe_accuracy(
    train: NDArray[np.floating],
    train_labels: NDArray[np.int64],
    test: NDArray[np.floating],
    test_labels: NDArray[np.int64],
) -> float:
    """The accuracy on `test` (M, D) of a linear classifier of `train` (N, D): multinomial logistic
    regression with scikit-learn's default penalty on standardised features (a linear probe: Alain
    and Bengio, 2016, "Understanding intermediate layers using linear classifier probes")."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(train, train_labels)
    return float(probe.score(test, test_labels))
