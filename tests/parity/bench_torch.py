#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: bench_torch.py NAME f32|bf16 ROUNDS [cpu|cuda [eager|compiled]]

Prints the median milliseconds of a forward pass by PyTorch, and how many MB of a GPU it had at most: the networks of tests/bench/bench_engine.c
with random weights, on as many threads as the process has cores, in channels_last where that is
faster. Needs torch, diffusers and transformers; nothing is downloaded."""
import ctypes
import os
import signal
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
PR_SET_PDEATHSIG = 1  # a bench that is killed leaves nothing behind
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
import torch

name, kind, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
device, way = sys.argv[4:6] if len(sys.argv) > 5 else ("cpu", "eager")
torch.set_default_device(device)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.manual_seed(0)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[kind]


def large_unet(channels):
    from diffusers import UNet2DConditionModel
    net = UNet2DConditionModel(
        sample_size=64, in_channels=channels, out_channels=channels, cross_attention_dim=1024,
        attention_head_dim=(5, 10, 20, 20), use_linear_projection=True)
    return net.to(dtype).to(memory_format=torch.channels_last).eval()


def picture_of_noise(batch, channels, size):
    return torch.randn(batch, channels, *size, dtype=dtype).to(memory_format=torch.channels_last)


def unet(size, channels, tokens, batch=1):
    net, x = large_unet(channels), picture_of_noise(batch, channels, size)
    text = torch.randn(batch, tokens, 1024, dtype=dtype)
    if way == "compiled":
        net = torch.compile(net, mode="max-autotune-no-cudagraphs" if device == "cpu" else "max-autotune")
    return lambda: net(x, torch.tensor(500), encoder_hidden_states=text).sample


def attend(attn, q, k, v):
    split = lambda x: x.view(x.shape[0], -1, attn.heads, x.shape[-1] // attn.heads).transpose(1, 2)
    out = torch.nn.functional.scaled_dot_product_attention(split(q), split(k), split(v))
    return attn.to_out[0](out.transpose(1, 2).flatten(2))


class Capture:
    """Self-attention of the picture's UNet: keeps what keys and values are made of."""

    def __init__(self, kept, name):
        self.kept, self.name = kept, name

    def __call__(self, attn, states, encoder_hidden_states=None, attention_mask=None, **_):
        self.kept[self.name] = (attn, states)
        return attend(attn, attn.to_q(states), attn.to_k(states), attn.to_v(states))


class Mix:
    """Cross-attention of the music's UNet, joined to the picture, with an alpha of its own."""

    def __init__(self, kept, name):
        self.kept, self.name, self.alpha = kept, name, torch.tensor(0.1, dtype=dtype)

    def __call__(self, attn, states, encoder_hidden_states=None, attention_mask=None, **_):
        k, v = attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states)
        image, there = self.kept[self.name]
        pooled = torch.nn.functional.adaptive_avg_pool1d(there.mT, k.shape[1]).mT
        k, v = torch.lerp(k, image.to_k(pooled), self.alpha), torch.lerp(v, image.to_v(pooled), self.alpha)
        return attend(attn, attn.to_q(states), k, v)


def generation():
    image, music, kept = large_unet(4), large_unet(8), {}
    for name, _ in image.named_modules():
        if name.startswith("up_blocks") and name.endswith("transformer_blocks.0"):
            image.get_submodule(f"{name}.attn1").set_processor(Capture(kept, name))
            music.get_submodule(f"{name}.attn2").set_processor(Mix(kept, name))
    picture, picture_text = picture_of_noise(1, 4, (64, 64)), torch.randn(1, 77, 1024, dtype=dtype)
    x, text = picture_of_noise(2, 8, (256, 16)), torch.randn(2, 64, 1024, dtype=dtype)

    def step():
        image(picture, torch.tensor(500), encoder_hidden_states=picture_text)
        return music(x, torch.tensor(500), encoder_hidden_states=text).sample
    return torch.compile(step) if way == "compiled" else step


def clip():
    from transformers import CLIPConfig, CLIPModel
    net = CLIPModel(CLIPConfig(
        text_config=dict(hidden_size=512, intermediate_size=2048, num_attention_heads=8),
        vision_config=dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12,
                           patch_size=32), projection_dim=512)).to(dtype).eval()
    return net


def clip_picture():
    net, x = clip(), torch.randn(8, 3, 224, 224, dtype=dtype)
    return lambda: net.get_image_features(pixel_values=x)


def clip_text():
    net, ids = clip(), torch.randint(0, 49000, (8, 77))
    return lambda: net.get_text_features(input_ids=ids)


def clap():
    from transformers import ClapConfig, ClapModel
    net = ClapModel(ClapConfig()).to(dtype).eval()
    x = torch.randn(4, 1, 1001, 64, dtype=dtype)
    return lambda: net.get_audio_features(input_features=x, is_longer=torch.zeros(4, 1, dtype=torch.bool))


def t5():
    from transformers import T5Config, T5EncoderModel
    net = T5EncoderModel(T5Config(
        vocab_size=32128, d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16,
        feed_forward_proj="gated-gelu")).to(dtype).eval()
    ids = torch.randint(0, 32000, (1, 64))
    return lambda: net(input_ids=ids).last_hidden_state


def cnn14():
    from torch import nn

    def block(a, b):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(),
                             nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
    widths = [1, 64, 128, 256, 512, 1024, 2048]
    blocks = nn.ModuleList(block(a, b) for a, b in zip(widths, widths[1:])).to(dtype).eval()
    blocks = blocks.to(memory_format=torch.channels_last)
    fc1, fc2 = nn.Linear(2048, 2048).to(dtype), nn.Linear(2048, 527).to(dtype)
    x = torch.randn(1, 1, 1001, 64, dtype=dtype).to(memory_format=torch.channels_last)

    def run():
        y = x
        for i, b in enumerate(blocks):
            y = b(y)
            if i < 5:
                y = torch.nn.functional.avg_pool2d(y, 2)
        y = y.mean(3)
        return fc2(torch.relu(fc1(y.amax(2) + y.mean(2))))
    return run


def vae():
    from diffusers import AutoencoderKL
    net = AutoencoderKL(in_channels=1, out_channels=1, latent_channels=8, layers_per_block=2,
                        down_block_types=("DownEncoderBlock2D",) * 3,
                        up_block_types=("UpDecoderBlock2D",) * 3, block_out_channels=(128, 256, 512))
    net = net.to(dtype).to(memory_format=torch.channels_last).eval()
    x = torch.randn(1, 8, 256, 16, dtype=dtype).to(memory_format=torch.channels_last)
    return lambda: net.decode(x).sample


def vocoder():
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig
    net = SpeechT5HifiGan(SpeechT5HifiGanConfig(
        model_in_dim=64, sampling_rate=16000, upsample_initial_channel=1024,
        upsample_rates=[5, 4, 2, 2, 2], upsample_kernel_sizes=[16, 16, 8, 4, 4],
        resblock_kernel_sizes=[3, 7, 11], resblock_dilation_sizes=[[1, 3, 5]] * 3,
        normalize_before=False)).to(dtype).eval()
    x = torch.randn(1, 1024, 64, dtype=dtype)
    return lambda: net(x)


def train(net, x, t, text):
    net = net.to(dtype).to(memory_format=torch.channels_last).train()
    x = x.to(dtype).to(memory_format=torch.channels_last)

    if way == "compiled":
        net = torch.compile(net)

    def run():
        net.zero_grad(set_to_none=False)
        (net(x, t, encoder_hidden_states=text.to(dtype)).sample.float() ** 2).mean().backward()
    return run


def train_unet():
    from diffusers import UNet2DConditionModel
    return train(UNet2DConditionModel(
        sample_size=64, cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20),
        use_linear_projection=True), torch.randn(1, 4, 64, 64), torch.tensor(500),
        torch.randn(1, 77, 1024))


def train_small():
    from diffusers import UNet2DConditionModel
    return train(UNet2DConditionModel(
        in_channels=8, out_channels=8, block_out_channels=(32, 64, 128), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8, cross_attention_dim=128, attention_head_dim=(2, 2, 4),
        use_linear_projection=True), torch.randn(4, 8, 256, 16), torch.tensor([500] * 4),
        torch.randn(4, 24, 128))


nets = {"train-unet": train_unet, "train-small": train_small, "unet": lambda: unet((64, 64), 4, 77),
        "unet-tango": lambda: unet((256, 16), 8, 64),
        "unet-guided": lambda: unet((256, 16), 8, 64, batch=2),
        "generation": generation,
        "clip": clip_picture, "clip-text": clip_text, "clap": clap, "t5": t5, "cnn14": cnn14,
        "vae": vae, "vocoder": vocoder}
with torch.set_grad_enabled(name.startswith("train")):
    run = nets[name]()
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(3 if device == "cuda" else 1):
        run()
    wait()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        run()
        wait()
        times.append((time.perf_counter() - begin) * 1e3)
print(statistics.median(times), torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else 0)
