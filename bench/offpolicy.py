"""Does the interval of an offline estimate hold the truth? ``python -m bench.offpolicy [--runs 500] [--requests 30000] [--epsilon 0.02]``.

A world with three models, two kinds of request, sessions, and a policy that explores: each run records one sample and asks what three other
policies would have come to. The truth is computed, not sampled. Beside it, what the plain mean of the chosen model's own requests would have said.
"""

import argparse
import random
import time

from turnout.learn.offpolicy import NoOverlap, Observation, estimate

MODELS = ("a", "b", "c")
GOOD = {
    ("easy", "a"): 0.95,
    ("easy", "b"): 0.94,
    ("easy", "c"): 0.97,
    ("hard", "a"): 0.55,
    ("hard", "b"): 0.80,
    ("hard", "c"): 0.93,
}
COST = {"a": 1.0, "b": 4.0, "c": 20.0}
HARD = 0.35
OLD = {"easy": "a", "hard": "c"}
POLICIES = {
    "always b": {"easy": "b", "hard": "b"},
    "hard to b": {"easy": "a", "hard": "b"},
    "always a": {"easy": "a", "hard": "a"},
}


def truth(policy: dict[str, str], metric: str, epsilon: float) -> float:
    """What the policy comes to on average, less what the exploring one did."""
    total = 0.0
    for kind, share in {"easy": 1 - HARD, "hard": HARD}.items():
        worth = {model: GOOD[kind, model] if metric == "good" else COST[model] for model in MODELS}
        did = (1 - epsilon) * worth[OLD[kind]] + epsilon * sum(worth.values()) / len(MODELS)
        total += share * (worth[policy[kind]] - did)
    return total


def recorded(rng: random.Random, n: int, epsilon: float, policy: dict[str, str]) -> list[Observation]:
    """Requests as an exploring route records them. Costs vary with a request's size, which both policies share."""
    rows = []
    for i in range(n):
        kind = "hard" if rng.random() < HARD else "easy"
        old = {model: epsilon / 3 + (1 - epsilon) * (model == OLD[kind]) for model in MODELS}
        model = rng.choice(MODELS) if rng.random() < epsilon else OLD[kind]
        size = rng.lognormvariate(-0.125, 0.5)
        good = float(rng.random() < GOOD[kind, model])
        rows.append(Observation(model, old, {policy[kind]: 1.0}, kind, f"s{i // 2}", COST[model] * size, None, 1.0, good))
    return rows


def naive(rows: list[Observation], policy: dict[str, str]) -> float:
    """What a comparison of means over whatever each model happened to serve would say."""
    same = [row.good for row in rows if row.model == policy["hard"] and row.good is not None]
    return sum(same) / len(same) - sum(row.good or 0.0 for row in rows) / len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--requests", type=int, default=30_000)
    parser.add_argument("--epsilon", type=float, default=0.02)
    asked = parser.parse_args()
    print(f"{asked.runs} runs of {asked.requests:,} requests, exploring {asked.epsilon:.1%}; intervals of 95 %")
    print(f"{'policy':12} {'metric':6} {'truth':>8} {'mean':>8} {'covered':>8} {'width':>7} {'refused':>7} {'naive':>8}")
    began = time.process_time()
    for name, policy in POLICIES.items():
        for metric in ("good", "cost"):
            held, mean, width, refused, plain = 0, 0.0, 0.0, 0, 0.0
            expected = truth(policy, metric, asked.epsilon)
            for run in range(asked.runs):
                rows = recorded(random.Random(f"{name}/{run}"), asked.requests, asked.epsilon, policy)
                plain += naive(rows, policy) / asked.runs
                try:
                    found = estimate(rows, metric)
                except NoOverlap:
                    refused += 1
                    continue
                held += found.low <= expected <= found.high
                mean += found.change
                width += found.high - found.low
            told = asked.runs - refused
            shares = f"{held / told:8.1%} {width / told:7.3f}" if told else "       -       -"
            beside = f"{plain:8.3f}" if metric == "good" else "       -"
            print(f"{name:12} {metric:6} {expected:8.3f} {mean / max(told, 1):8.3f} {shares} {refused:7} {beside}")
    print(
        f"{(time.process_time() - began) / (asked.runs * 6 * asked.requests) * 1e6:.1f} us of the processor for a request and metric, its making included"
    )


if __name__ == "__main__":
    main()
