"""A Gaussian process with a Matérn 5/2 kernel and a length of its own for each coordinate.

Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), chapters 2 and 5. Lengths, amplitude and noise are
those of the greatest posterior, found by Rprop (Blum and Riedmiller 2013, "Optimization of Gaussian process
hyperparameters using Rprop"); the prior of the lengths grows with the square root of the number of coordinates (Hvarfner,
Hellsten and Nardi 2024, "Vanilla Bayesian optimization performs great in high dimensions").
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIT_STEPS = 60
STEP, STEP_MIN, STEP_MAX = 0.2, 1e-3, 0.6
SHRINK, GROW = 0.5, 1.2
NOISE_MIN = 1e-6
SQRT5 = math.sqrt(5.0)


@dataclass(frozen=True, slots=True)
class Process:
    """One that was fitted to points of the unit cube and standardised values."""

    points: Array
    lengths: Array
    amplitude: float
    noise: float
    factor: Array
    """Lower Cholesky factor of the covariance of the values."""
    weights: Array
    """The covariance's inverse times the values."""

    @classmethod
    def of(cls, points: Array, values: Array, parameters: Array) -> "Process":
        """The process with given logarithms of lengths, amplitude and noise."""
        lengths, amplitude, noise = np.exp(parameters[:-2]), math.exp(parameters[-2]), math.exp(parameters[-1])
        covariance = amplitude * matern(_distances(points, points, lengths))
        covariance[np.diag_indices_from(covariance)] += noise + NOISE_MIN
        factor = np.linalg.cholesky(covariance)
        weights = np.linalg.solve(factor.T, np.linalg.solve(factor, values))
        return cls(points, lengths, amplitude, noise, _array(factor), _array(weights))

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the function at some points."""
        cross = self.amplitude * matern(_distances(points, self.points, self.lengths))
        mean = cross @ self.weights
        reduced = np.linalg.solve(self.factor, cross.T)
        variance = self.amplitude - np.einsum("ij,ij->j", reduced, reduced)
        return mean, np.sqrt(np.maximum(variance, 1e-12))


def fit(points: Array, values: Array) -> Process:
    """The process whose parameters have the greatest posterior; ``values`` have mean 0 and deviation 1."""
    width = points.shape[1]
    middle = np.concatenate([np.full(width, math.log(0.3) + 0.5 * math.log(width)), [0.0, math.log(1e-3)]])
    spread = np.concatenate([np.full(width, 1.0), [1.0, 2.0]])
    squares = (points[:, None, :] - points[None, :, :]) ** 2
    parameters = middle.copy()
    steps, before = np.full_like(parameters, STEP), np.zeros_like(parameters)
    best, best_score = parameters.copy(), -math.inf
    for _ in range(FIT_STEPS):
        score, slope = _posterior(squares, values, parameters, middle, spread)
        if score > best_score:
            best, best_score = parameters.copy(), score
        turned = slope * before
        steps = np.clip(
            np.where(turned < 0, steps * SHRINK, np.where(turned > 0, steps * GROW, steps)), STEP_MIN, STEP_MAX
        )
        before = np.where(turned < 0, 0.0, slope)
        parameters = np.clip(parameters + np.sign(before) * steps, middle - 4 * spread, middle + 4 * spread)
        if steps.max() <= STEP_MIN * 1.01:
            break
    return Process.of(points, values, best)


def _posterior(squares: Array, values: Array, parameters: Array, middle: Array, spread: Array) -> tuple[float, Array]:
    """The logarithm of the posterior, without its constant, and its slope in the logarithms of the parameters."""
    count = len(values)
    lengths, amplitude, noise = np.exp(parameters[:-2]), math.exp(parameters[-2]), math.exp(parameters[-1])
    scaled = squares / lengths**2
    distance = np.sqrt(scaled.sum(axis=2))
    decay = np.exp(-SQRT5 * distance)
    kernel = amplitude * (1 + SQRT5 * distance + 5 / 3 * distance**2) * decay
    covariance = kernel + (noise + NOISE_MIN) * np.eye(count)
    factor = np.linalg.cholesky(covariance)
    inverse_factor = np.linalg.solve(factor, np.eye(count))
    inverse = inverse_factor.T @ inverse_factor
    weights = inverse @ values
    prior = (parameters - middle) / spread
    score = -0.5 * values @ weights - np.log(np.diag(factor)).sum() - 0.5 * prior @ prior
    pull = np.outer(weights, weights) - inverse
    # d kernel / d log length = amplitude 5/3 (1 + sqrt5 r) exp(-sqrt5 r) times the scaled square of that coordinate.
    shared = pull * (amplitude * 5 / 3 * (1 + SQRT5 * distance) * decay)
    slope = np.empty_like(parameters)
    slope[:-2] = 0.5 * np.einsum("ij,ijk->k", shared, scaled)
    slope[-2] = 0.5 * (pull * kernel).sum()
    slope[-1] = 0.5 * noise * np.trace(pull)
    return float(score), slope - prior / spread


def matern(distances: Array) -> Array:
    """The kernel's correlation at distances in lengths."""
    return _array((1 + SQRT5 * distances + 5 / 3 * distances**2) * np.exp(-SQRT5 * distances))


def _array(values: Any) -> Array:
    array: Array = np.asarray(values, dtype=np.float64)
    return array


def _distances(left: Array, right: Array, lengths: Array) -> Array:
    left, right = left / lengths, right / lengths
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    return _array(np.sqrt(np.maximum(squares, 0.0)))
