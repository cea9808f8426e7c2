"""Functions that searches are compared on, and the sweep that searches them. Standard library only."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

Function = Callable[[Sequence[float]], float]


def branin(point: Sequence[float]) -> float:
    x, y = point
    level = (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2
    return level + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


WEIGHTS = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
CENTRES = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(point: Sequence[float]) -> float:
    hills = (
        height * math.exp(-sum(w * (x - c) ** 2 for w, x, c in zip(weights, point, centre, strict=True)))
        for height, weights, centre in zip((1.0, 1.2, 3.0, 3.2), WEIGHTS, CENTRES, strict=True)
    )
    return -sum(hills)


def rosenbrock(point: Sequence[float]) -> float:
    return sum(100 * (y - x * x) ** 2 + (1 - x) ** 2 for x, y in pairwise(point))


FUNCTIONS: dict[str, tuple[Function, list[tuple[float, float]]]] = {
    "Branin": (branin, [(-5.0, 10.0), (0.0, 15.0)]),
    "Hartmann-6": (hartmann6, [(0.0, 1.0)] * 6),
    "Rosenbrock": (rosenbrock, [(-5.0, 10.0)] * 2),
    "Rosenbrock-4": (rosenbrock, [(-5.0, 10.0)] * 4),
}


def document(bounds: Sequence[tuple[float, float]]) -> dict[str, Any]:
    parameters = {
        f"x{place}": {"min": low, "max": high, "distribution": "uniform"} for place, (low, high) in enumerate(bounds)
    }
    return {"method": "bayes", "metric": {"name": "y", "goal": "minimize"}, "parameters": parameters}
