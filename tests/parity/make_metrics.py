#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/metrics/: features, and what the formulas of audioldm_eval make of them.

Needs numpy, scipy and torch. The formulas are those of its fad.py, kl.py and isc.py, written out
here: scipy's sqrtm of the product of the covariances, torch's softmax in double, NumPy's
RandomState(2020)."""
import json
import pathlib

import numpy as np
import scipy.linalg
import torch

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "metrics"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(1)


def cloud(n, width, shift, rank=None):
    mix = rng.normal(size=(rank or width, width))
    return (rng.normal(size=(n, rank or width)) @ mix + shift).astype(np.float32)


def frechet(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    difference = a.mean(0) - b.mean(0)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second)
    if not np.isfinite(root).all():
        offset = np.eye(len(first)) * 1e-6
        root = scipy.linalg.sqrtm((first + offset) @ (second + offset))
    assert np.abs(np.diagonal(np.imag(root))).max() < 1e-3
    return float(difference @ difference + np.trace(first + second - 2 * np.real(root)))


def divergence(reference, generated, probabilities):
    p = probabilities(torch.from_numpy(reference).double())
    q = probabilities(torch.from_numpy(generated).double())
    return float((p * (torch.log(p) - torch.log(q + 1e-6))).sum() / len(p))


def inception(logits, splits=10, seed=2020):
    logits = torch.from_numpy(logits)
    logits = logits[np.random.RandomState(seed).permutation(len(logits))].double()
    p, log_p = logits.softmax(1), logits.log_softmax(1)
    scores = []
    for i in range(splits):
        part = slice(i * len(p) // splits, (i + 1) * len(p) // splits)
        kl = p[part] * (log_p[part] - p[part].mean(0, keepdim=True).log())
        scores.append(float(kl.sum(1).mean().exp()))
    return float(np.mean(scores)), float(np.std(scores))


arrays, cases = [], []


def keep(array):
    arrays.append(array.astype("<f4"))
    return {"at": sum(a.size for a in arrays[:-1]), "rows": array.shape[0], "width": array.shape[1]}


for n, m, width, shift, rank in ((60, 45, 12, 0.3, None), (300, 200, 6, 0, None), (9, 14, 24, 1, None),
                                 (40, 50, 16, 0.1, 5)):
    a, b = cloud(n, width, 0, rank), cloud(m, width, shift, rank)
    cases.append({"kind": "frechet", "a": keep(a), "b": keep(b), "value": frechet(a, b)})
for n, classes, size in ((30, 17, 1.0), (25, 40, 6.0)):
    a, b = (rng.normal(size=(2, n, classes)) * size).astype(np.float32)
    for kind, function in (("softmax", lambda x: x.softmax(1)), ("sigmoid", torch.sigmoid)):
        cases.append({"kind": kind, "a": keep(a), "b": keep(b), "value": divergence(a, b, function)})
    mean, deviation = inception(a)
    cases.append({"kind": "inception", "a": keep(a), "value": mean, "deviation": deviation})
order = np.random.RandomState(2020).permutation(1000)
cases.append({"kind": "permutation", "n": 1000, "value": [int(i) for i in order[:20]]})
np.concatenate([a.ravel() for a in arrays]).tofile(out / "features.f32")
(out / "expected.json").write_text(json.dumps(cases, indent=1) + "\n")
