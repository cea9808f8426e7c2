"""What is said to decide a result."""

import numpy as np
import pytest

from runwell_projector.importance import eta_squared, ranked


def test_ranks_of_equal_values_are_shared():
    """As every textbook has them."""
    assert ranked(np.asarray([10.0, 30.0, 20.0, 20.0])).tolist() == [1.0, 4.0, 2.5, 2.5]


def test_the_effect_size_is_the_textbooks():
    """Kruskal and Wallis's H of three groups without ties, worked out by hand: 12 / (n (n + 1)) Σ R²/n - 3 (n + 1)."""
    groups, ranks = np.repeat([0, 1, 2], 3), np.asarray([1, 2, 4, 3, 6, 5, 7, 9, 8.0])
    h = 12 / 90 * (7**2 + 14**2 + 24**2) / 3 - 30
    assert eta_squared(groups, ranks) == pytest.approx((h - 2) / 6)
    assert eta_squared(groups, np.ones(9)) == 0.0
    assert eta_squared(np.arange(9), ranks) == 0.0
