# SPDX-License-Identifier: Apache-2.0
"""How well purity tells mismatched pairs from matched ones: the area under the ROC curve.

usage: purity.py PURITY.jsonl
"""
import json
import sys


def read(path):
    """The purities of matched and of mismatched pairs."""
    matched, mismatched = [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["imsm"] is not None:
                apart = row["relevance"] == "contradictory"
                (mismatched if apart else matched).append(row["imsm"])
    return matched, mismatched


def area(matched, mismatched):
    """The probability that a matched pair has the higher purity of the two."""
    wins = sum((a > b) + 0.5 * (a == b) for a in matched for b in mismatched)
    return wins / (len(matched) * len(mismatched))


def main():
    matched, mismatched = read(sys.argv[1])
    print(f"    {len(matched)} matched pairs that no training saw, mean purity "
          f"{sum(matched) / len(matched):.4f}")
    print(f"    {len(mismatched)} mismatched pairs,                       mean purity "
          f"{sum(mismatched) / len(mismatched):.4f}")
    print(f"    area under the ROC curve {area(matched, mismatched):.3f} (wanted: at least 0.95)")


if __name__ == "__main__":
    main()
