#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what HiFi-GAN's discriminators say of a sound into tests/data/nets/discriminators.io.safetensors.

Needs torch and safetensors. The networks are written out here after the paper (section 2.3 and the
appendix), without weight and spectral norms; a sound whose length no period divides loses its end.
Weights are sines, so that no file holds them."""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "nets"


class Discriminator(nn.Module):
    def judge(self, x):
        values = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            values.append(x)
        values.append(self.conv_post(x))
        return values


class Period(Discriminator):
    def __init__(self, period, width):
        super().__init__()
        self.period = period
        widths = [1] + [width * times for times in (1, 4, 16, 32, 32)]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, (5, 1), (3 if i < 4 else 1, 1), (2, 0))
            for i, (a, b) in enumerate(zip(widths, widths[1:])))
        self.conv_post = nn.Conv2d(widths[-1], 1, (3, 1), 1, (1, 0))

    def forward(self, wave):
        rows = wave.shape[1] // self.period
        return self.judge(wave[:, :rows * self.period].reshape(len(wave), 1, rows, self.period))


class Scale(Discriminator):
    def __init__(self, width):
        super().__init__()
        layers = ((4, 15, 1, 1), (4, 41, 2, 4), (8, 41, 2, 16), (16, 41, 4, 16), (32, 41, 4, 16),
                  (32, 41, 1, 16), (32, 5, 1, 1))
        before, self.convs = 1, nn.ModuleList()
        for times, kernel, stride, groups in layers:
            self.convs.append(nn.Conv1d(before, width * times, kernel, stride, kernel // 2, groups=groups))
            before = width * times
        self.conv_post = nn.Conv1d(before, 1, 3, 1, 1)

    def forward(self, wave):
        return self.judge(wave[:, None])


class Discriminators(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mpd, self.msd = nn.Module(), nn.Module()
        self.mpd.discriminators = nn.ModuleList(Period(p, width) for p in (2, 3, 5, 7, 11))
        self.msd.discriminators = nn.ModuleList(Scale(width) for _ in range(3))

    def forward(self, wave):
        judged = [period(wave) for period in self.mpd.discriminators]
        for i, scale in enumerate(self.msd.discriminators):
            if i:
                wave = F.avg_pool1d(wave[:, None], 4, 2, 2)[:, 0]
            judged.append(scale(wave))
        return judged


def fill_with_sines(module):
    for name, parameter in module.named_parameters():
        k = torch.arange(parameter.numel(), dtype=torch.float64)
        inputs = parameter[0].numel() if parameter.ndim > 1 else 8
        values = torch.sin(0.9 * k + sum(name.encode())) / inputs ** 0.5
        parameter.data = values.reshape(parameter.shape).float()


with torch.no_grad():
    torch.manual_seed(4)
    net, wave = Discriminators(4), torch.rand(2, 1000) * 2 - 1
    fill_with_sines(net)
    judged = net(wave)
    arrays = {"wave": wave,
              "sizes": torch.stack([value.abs().mean() for values in judged for value in values]),
              "published": torch.tensor([sum(p.numel() for p in Discriminators(32).parameters())],
                                        dtype=torch.int64)}
    for i, values in enumerate(judged):
        arrays[f"judgement{i}"] = values[-1].flatten(1).contiguous()
    save_file(arrays, out / "discriminators.io.safetensors")
    print(arrays["published"])
