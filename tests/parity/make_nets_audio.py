#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small Cnn14, MS-CLAP and VGGish checkpoints with inputs and outputs into tests/data/nets/.

Needs torch and safetensors. Neither network is on PyPI: their forward passes are written out here
after the papers' descriptions, with the published parameter names and torch's own layers."""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "nets"
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(3)


def shake(module):
    """Norms and biases that do something."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            parameter.data = torch.randn_like(parameter) * 0.2 + (1 if name.endswith("weight") else 0)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.3)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return module.eval()


class ConvBlock(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)

    def forward(self, x, pool):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.avg_pool2d(x, pool)


class Cnn14(nn.Module):
    def __init__(self, width, embedding, classes):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(64)
        for i in range(6):
            before = 1 if i == 0 else width << (i - 1)
            setattr(self, f"conv_block{i + 1}", ConvBlock(before, width << i))
        self.fc1 = nn.Linear(width << 5, embedding)
        self.fc_audioset = nn.Linear(embedding, classes)

    def forward(self, log_mel):
        x = self.bn0(log_mel[:, None].transpose(1, 3)).transpose(1, 3)
        for i in range(6):
            x = getattr(self, f"conv_block{i + 1}")(x, 2 if i < 5 else 1)
        x = x.mean(3)
        x = F.relu(self.fc1(x.max(2).values + x.mean(2)))
        return x, self.fc_audioset(x)


class Projection(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.linear1 = nn.Linear(before, after, bias=False)
        self.linear2 = nn.Linear(after, after, bias=False)
        self.layer_norm = nn.LayerNorm(after)

    def forward(self, x):
        e = self.linear1(x)
        return self.layer_norm(e + self.linear2(F.gelu(e)))


class Vggish(nn.Module):
    def __init__(self, width, hidden, embedding):
        super().__init__()
        layers, before = [], 1
        for times in (1, 0, 2, 0, 4, 4, 0, 8, 8, 0):
            if times == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(before, width * times, 3, padding=1), nn.ReLU()]
            before = width * times
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(nn.Linear(before * 24, hidden), nn.ReLU(),
                                        nn.Linear(hidden, hidden), nn.ReLU(),
                                        nn.Linear(hidden, embedding))

    def forward(self, patches):
        x = self.features(patches[:, None]).permute(0, 2, 3, 1)
        return self.embeddings(x.reshape(len(x), -1))


with torch.no_grad():
    net, projection = shake(Cnn14(2, 20, 7)), shake(Projection(20, 12))
    log_mel = torch.randn(2, 101, 64)
    embedding, logits = net(log_mel)
    torch.save({"iteration": 1, "model": net.state_dict()}, out / "cnn14.pth")
    save_file({"e1." + k: v for k, v in projection.state_dict().items()}, out / "msclap.safetensors")
    vggish, patches = shake(Vggish(2, 24, 10)), torch.randn(3, 96, 64)
    torch.save(vggish.state_dict(), out / "vggish.pth", _use_new_zipfile_serialization=False)
    save_file({"log_mel": log_mel, "embedding": embedding, "logits": logits,
               "projected": projection(embedding), "patches": patches, "vggish": vggish(patches)},
              out / "audio.io.safetensors")
