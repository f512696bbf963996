#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What diffusers' schedulers make of a small formula in place of a network:
tests/data/samplers.json, for tests/engine/test_diffusion.c. Needs diffusers and torch.

    tests/parity/make_samplers.py tests/data/samplers.json
"""
import json
import sys

import numpy as np
import torch
from diffusers import (DDIMInverseScheduler, DDIMScheduler, DDPMScheduler,
                       DPMSolverMultistepScheduler)

N = 6
START = np.array([0.9, -1.3, 0.2, 1.7, -0.4, 0.05])
BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012,
             beta_schedule="scaled_linear")


def network(z, t):
    return 0.6 * torch.tanh(z) + 0.2 * z.roll(1, -1) + 0.0004 * float(t)


def noise(i):
    return torch.tensor(np.sin(0.7 * i + 1.3 * np.arange(N) + 0.2) * 1.4)[None]


class Fixed(DDPMScheduler):
    """Its random numbers are the formula above."""

    def step(self, out, t, z, i):
        import diffusers.schedulers.scheduling_ddpm as module
        module.randn_tensor = lambda *a, **k: noise(i)
        return super().step(out, t, z).prev_sample


def walk(scheduler, count, fixed):
    scheduler.set_timesteps(count)
    z = torch.tensor(START, dtype=torch.float64)[None]
    for i, t in enumerate(scheduler.timesteps):
        out = network(z, t)
        z = scheduler.step(out, t, z, i) if fixed else scheduler.step(out, t, z).prev_sample
    return z[0].tolist(), [int(t) for t in scheduler.timesteps]


def main():
    cases = []
    for prediction in ("epsilon", "v_prediction"):
        for offset in (0, 1):
            for count in (4, 10, 50):
                shared = dict(BETAS, prediction_type=prediction, steps_offset=offset)
                made = {
                    "ddpm": Fixed(**shared, clip_sample=False),
                    "ddim": DDIMScheduler(**shared, clip_sample=False, set_alpha_to_one=False),
                    "ddim-to-one": DDIMScheduler(**shared, clip_sample=False),
                    "invert": DDIMInverseScheduler(**shared, clip_sample=False,
                                                   set_alpha_to_one=False),
                    "dpm++": DPMSolverMultistepScheduler(**shared),
                }
                for name, scheduler in made.items():
                    z, times = walk(scheduler, count, name == "ddpm")
                    cases.append(dict(sampler=name, prediction=prediction, offset=offset,
                                      times=times, result=z))
    with open(sys.argv[1], "w") as file:
        json.dump(dict(start=START.tolist(), cases=cases), file)
        file.write("\n")


main()
