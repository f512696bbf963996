#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Twenty steps of MeLFusion's training by PyTorch and diffusers, from the same weights, data and
noise as ours: tests/data/training/, for tests/trainer/test_parity.c. Needs torch, diffusers and
safetensors.

    tests/parity/make_training.py tests/data/training
"""
import hashlib
import json
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

STEPS, BATCH, SEED, ITEMS, TOKENS, WIDTH = 20, 2, 9, 5, 6, 12
RATE, ALPHA_RATE, WARMUP, CLIP, DROPOUT, GAMMA = 3e-3, 2e-2, 4, 0.8, 0.25, 5.0
LATENT, IMAGE, TIMES = (8, 4, 4), (4, 4, 3), [980, 735, 490, 245, 0]
NULL_TOKENS, IMAGE_TOKENS = 1, 3


# ---- the same random numbers (base/rng.c) ----------------------------------------------------

def philox(seed, stream, block):
    m = 0xFFFFFFFF
    c = [block & m, block >> 32, stream & m, stream >> 32]
    k0, k1 = seed & m, seed >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & m, (p0 >> 32) ^ c[3] ^ k1, p0 & m]
        k0, k1 = (k0 + 0x9E3779B9) & m, (k1 + 0xBB67AE85) & m
    return c


class Rng:
    def __init__(self, seed, stream, at=0):
        self.seed, self.stream, self.at = seed, stream, at

    def u32(self):
        value = philox(self.seed, self.stream, self.at // 4)[self.at % 4]
        self.at += 1
        return value

    def uniform(self):
        return self.u32() / 2.0**32

    def int(self, n):
        return (self.u32() * n) >> 32

    def normal(self):
        u, v = (self.u32() + 1.0) / 2.0**32, self.uniform()
        return math.sqrt(-2 * math.log(u)) * math.cos(6.283185307179586 * v)


def order(sample):
    """trainer/order.c"""
    rng = Rng(SEED ^ 0x6F72646572, sample // ITEMS)
    places = list(range(ITEMS))
    for i in range(ITEMS - 1, 0, -1):
        draw = rng.u32() << 32
        draw |= rng.u32()
        k = draw % (i + 1)
        places[i], places[k] = places[k], places[i]
    return places[sample % ITEMS]


# ---- networks --------------------------------------------------------------------------------

def unet(channels, text, seed):
    torch.manual_seed(seed)
    net = UNet2DConditionModel(
        sample_size=4, in_channels=channels, out_channels=channels, block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=1, norm_num_groups=4,
        attention_head_dim=2, cross_attention_dim=text, use_linear_projection=True)
    return net


class Capture:
    """The self-attention of the image UNet: keeps what its keys and values are made of."""

    def __init__(self, kept):
        self.kept = kept

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        states = hidden_states
        self.kept.append((attn, states))
        q, k, v = attn.to_q(states), attn.to_k(states), attn.to_v(states)
        return attend(attn, q, k, v, None)


def attend(attn, q, k, v, mask):
    b, n, c = q.shape
    split = lambda x: x.view(b, -1, attn.heads, c // attn.heads).transpose(1, 2)
    out = F.scaled_dot_product_attention(split(q), split(k), split(v), attn_mask=mask)
    return attn.to_out[0](out.transpose(1, 2).reshape(b, n, c))


class Mix:
    """The music UNet's cross-attention, joined to the picture."""

    def __init__(self, world, site, alpha):
        self.world, self.site, self.alpha = world, site, alpha

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        text, w = encoder_hidden_states, self.world
        k, v = attn.to_k(text), attn.to_v(text)
        image, states = w["kept"][self.site]
        pooled = torch.zeros(len(states), TOKENS, states.shape[-1])
        for i, length in enumerate(w["lengths"]):
            pooled[i, :length] = F.adaptive_avg_pool1d(states[i].T[None], length)[0].T
        ki, vi = image.to_k(pooled), image.to_v(pooled)
        k, v = k + self.alpha * (ki - k), v + self.alpha * (vi - v)
        return attend(attn, attn.to_q(hidden_states), k, v, w["mask"])


def schedule():
    betas = np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2
    return np.cumprod(1 - betas)


# ---- data ------------------------------------------------------------------------------------

def make_data():
    """Of a seed with which no alpha's first slopes are far smaller than its usual ones: the sign of such a
    one decides AdamW's first steps, and bf16 would decide the sign."""
    rng = np.random.RandomState(12)
    normal = lambda *s: torch.tensor(rng.standard_normal(s).astype(np.float32))
    return dict(latents=normal(ITEMS, *LATENT), text_states=normal(ITEMS, TOKENS, WIDTH),
                text_length=torch.tensor([[6], [3], [4], [2], [5]], dtype=torch.int32),
                trajectory=normal(ITEMS, len(TIMES), *IMAGE)), dict(
                    null_text=normal(NULL_TOKENS, WIDTH),
                    image_null_text=normal(IMAGE_TOKENS, 10),
                    trajectory_times=torch.tensor(TIMES, dtype=torch.int32))


def sha256(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def write_part(folder, net, name):
    os.makedirs(f"{folder}/{name}", exist_ok=True)
    tensors = {k: v.detach().clone().contiguous() for k, v in net.state_dict().items()}
    save_file(tensors, f"{folder}/{name}/diffusion_pytorch_model.safetensors")
    config = {k: net.config[k] for k in (
        "sample_size", "in_channels", "out_channels", "block_out_channels", "down_block_types",
        "layers_per_block", "norm_num_groups", "attention_head_dim", "cross_attention_dim",
        "use_linear_projection")}
    json.dump({"_class_name": "UNet2DConditionModel", **config},
              open(f"{folder}/{name}/config.json", "w"), indent=1)


def write_shards(folder, data, constants, image_unet_sha256):
    os.makedirs(folder, exist_ok=True)
    save_file(data, f"{folder}/00000.safetensors")
    save_file(constants, f"{folder}/constants.safetensors")
    json.dump({
        "melkit_shards": 1, "models": {"image_unet": image_unet_sha256},
        "constants_sha256": sha256(f"{folder}/constants.safetensors"),
        "files": [{"file": "00000.safetensors", "items": ITEMS,
                   "sha256": sha256(f"{folder}/00000.safetensors")}],
        "items": [{"key": f"item:{i}", "text": "a text"} for i in range(ITEMS)]},
        open(f"{folder}/index.json", "w"), indent=1)


# ---- training --------------------------------------------------------------------------------

def make_batch(step, data, constants, alpha_bar):
    rows = dict(z=[], wanted=[], t=[], weight=[], text=[], length=[], image=[], image_t=[])
    for i in range(BATCH):
        number = step * BATCH + i
        item, stream = order(number), number * 2 + 1000
        t = Rng(SEED, stream).int(1000)
        dropped = Rng(SEED, stream, 1).uniform() < DROPOUT
        rng = Rng(SEED, stream, 2)
        noise = np.array([rng.normal() for _ in range(math.prod(LATENT))], dtype=np.float32)
        noise, x0 = torch.tensor(noise).view(LATENT), data["latents"][item]
        a = alpha_bar[t]
        signal, sigma = math.sqrt(a), math.sqrt(1 - a)
        snr = a / (1 - a)
        text = torch.zeros(TOKENS, WIDTH)
        if dropped:
            text[:NULL_TOKENS] = constants["null_text"]
        else:
            text = data["text_states"][item]
        nearest = min(range(len(TIMES)), key=lambda k: (abs(TIMES[k] - t), k))
        rows["z"].append(signal * x0 + sigma * noise)
        rows["wanted"].append(signal * noise - sigma * x0)
        rows["t"].append(t)
        rows["weight"].append(min(snr, GAMMA) / (snr + 1))
        rows["text"].append(text)
        rows["length"].append(NULL_TOKENS if dropped else int(data["text_length"][item]))
        rows["image"].append(data["trajectory"][item][nearest])
        rows["image_t"].append(TIMES[nearest])
    return rows


def forward(batch, image, music, world, constants):
    nchw = lambda x: torch.stack(x).permute(0, 3, 1, 2)
    world["kept"].clear()
    world["lengths"] = batch["length"]
    mask = torch.zeros(BATCH, 1, 1, TOKENS)
    for i, length in enumerate(batch["length"]):
        mask[i, ..., length:] = -10000
    world["mask"] = mask
    with torch.no_grad():
        image(nchw(batch["image"]), torch.tensor(batch["image_t"]),
              constants["image_null_text"][None].repeat(BATCH, 1, 1))
    world["kept"][:] = [(attn, s) for name, (attn, s) in zip(world["names"], world["kept"])
                        if name.startswith("up_blocks.1")]
    out = music(nchw(batch["z"]), torch.tensor(batch["t"]), torch.stack(batch["text"])).sample
    far = (out - nchw(batch["wanted"])) ** 2
    return (far.mean(dim=(1, 2, 3)) * torch.tensor(batch["weight"], dtype=torch.float32)).mean()


class Masked:
    """The music UNet's other cross-attentions."""

    def __init__(self, world):
        self.world = world

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        text = encoder_hidden_states
        return attend(attn, attn.to_q(hidden_states), attn.to_k(text), attn.to_v(text),
                      self.world["mask"])


def join(image, music, world):
    alphas = {}
    order_of_run = ["down_blocks.0.attentions.0", "mid_block.attentions.0",
                    "up_blocks.1.attentions.0", "up_blocks.1.attentions.1"]
    world["names"] = order_of_run
    for name in order_of_run:
        block = f"{name}.transformer_blocks.0"
        image.get_submodule(f"{block}.attn1").set_processor(Capture(world["kept"]))
        attn2 = music.get_submodule(f"{block}.attn2")
        if not name.startswith("up_blocks.1"):
            attn2.set_processor(Masked(world))
            continue
        alpha = torch.nn.Parameter(torch.zeros(1))
        attn2.set_processor(Mix(world, len(alphas), alpha))
        alphas[f"{block}.attn2.alpha"] = alpha
    return alphas


def rate(step):
    return (step + 1) / WARMUP if step < WARMUP else (STEPS - step) / (STEPS - WARMUP)


def main(folder):
    image, music = unet(3, 10, 1), unet(4, WIDTH, 2)
    data, constants = make_data()
    write_part(f"{folder}/model", image, "image_unet")
    write_part(f"{folder}/model", music, "unet")
    os.makedirs(f"{folder}/model/scheduler", exist_ok=True)
    json.dump(dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                   num_train_timesteps=1000, prediction_type="v_prediction"),
              open(f"{folder}/model/scheduler/scheduler_config.json", "w"))
    weights = f"{folder}/model/image_unet/diffusion_pytorch_model.safetensors"
    write_shards(f"{folder}/shards", data, constants, sha256(weights))
    world = {"kept": []}
    alphas = join(image, music, world)
    optimizer = torch.optim.AdamW([
        dict(params=list(music.parameters()), lr=RATE, weight_decay=0.01),
        dict(params=list(alphas.values()), lr=ALPHA_RATE, weight_decay=0.0)])
    alpha_bar, losses = schedule(), []
    for step in range(STEPS):
        for group, full in zip(optimizer.param_groups, (RATE, ALPHA_RATE)):
            group["lr"] = full * rate(step)
        loss = forward(make_batch(step, data, constants, alpha_bar), image, music, world,
                       constants)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*music.parameters(), *alphas.values()], CLIP)
        optimizer.step()
        losses.append(loss.item())
    print("losses", losses, "alphas", [a.item() for a in alphas.values()])
    expected = {k: v.detach().clone().contiguous() for k, v in music.state_dict().items()}
    expected.update({k: v.detach().clone() for k, v in alphas.items()})
    expected["losses"] = torch.tensor(losses)
    save_file(expected, f"{folder}/expected.safetensors")


main(sys.argv[1])
