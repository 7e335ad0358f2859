#!/usr/bin/env python3
"""Fits first-order kinetics to a biomethane potential (BMP) test.

    B(t) = B0 * (1 - exp(-k * t))

B0 is the ultimate methane yield, k the rate constant. The confidence intervals come from a residual bootstrap.
Needs nothing but Python's standard library.

    python3 fit_bmp.py test.csv --resamples 500 --out fit.json

The CSV has a header and the columns `day` and `methane` (mL per g of volatile solids).
"""

import argparse
import csv
import json
import math
import random
import sys


def read(path):
    with open(path, newline="") as file:
        rows = [(float(row["day"]), float(row["methane"])) for row in csv.DictReader(file)]
    if len(rows) < 4:
        raise SystemExit(f"error: {path} has {len(rows)} points, and a fit needs at least 4")
    return [day for day, _ in rows], [methane for _, methane in rows]


def best_b0(days, methane, k):
    """For a given k the best B0 is a linear least-squares problem of one unknown."""
    shape = [1.0 - math.exp(-k * day) for day in days]
    return sum(s * m for s, m in zip(shape, methane)) / sum(s * s for s in shape)


def squares(days, methane, k):
    b0 = best_b0(days, methane, k)
    return sum((m - b0 * (1.0 - math.exp(-k * day))) ** 2 for day, m in zip(days, methane))


def fit(days, methane):
    """Golden-section search for k on a logarithmic scale."""
    low, high = math.log(1e-3), math.log(10.0)
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if squares(days, methane, math.exp(left)) < squares(days, methane, math.exp(right)):
            high = right
        else:
            low = left
    k = math.exp((low + high) / 2.0)
    return best_b0(days, methane, k), k


def interval(values):
    values = sorted(values)
    pick = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    return [pick(0.025), pick(0.975)]


def main():
    parser = argparse.ArgumentParser(description="Fits first-order kinetics to a BMP test.")
    parser.add_argument("data", help="CSV with the columns day and methane")
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="fit.json")
    options = parser.parse_args()

    days, methane = read(options.data)
    b0, k = fit(days, methane)
    fitted = [b0 * (1.0 - math.exp(-k * day)) for day in days]
    residuals = [m - f for m, f in zip(methane, fitted)]
    if max(days) * k < 1.0:
        print("warning: the test is too short for a certain B0", file=sys.stderr)

    random.seed(options.seed)
    samples = []
    for number in range(1, options.resamples + 1):
        again = [f + random.choice(residuals) for f in fitted]
        samples.append(fit(days, again))
        print(f"Resample {number}/{options.resamples}")

    mean = sum(methane) / len(methane)
    result = {
        "b0": b0,
        "k": k,
        "b0_interval": interval([sample[0] for sample in samples]),
        "k_interval": interval([sample[1] for sample in samples]),
        "rmse": math.sqrt(sum(r * r for r in residuals) / len(residuals)),
        "r2": 1.0 - sum(r * r for r in residuals) / sum((m - mean) ** 2 for m in methane),
        "points": len(days),
    }
    with open(options.out, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
