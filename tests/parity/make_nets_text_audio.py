#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes CLAP with the published depths and windows, and TANGO's file with its T5 inside.

Both are torch files, as published, with inputs and outputs beside them in tests/data/nets/. Needs
torch, transformers and safetensors: these are the reference."""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import ClapConfig, ClapModel, T5Config, T5EncoderModel

here = pathlib.Path(__file__).resolve().parent
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "data" / "nets"
torch.manual_seed(11)


def shake(module):
    """Norms, biases and tables that do something."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            parameter.data = torch.randn_like(parameter) * 0.3 + float(name.endswith("weight"))
        elif parameter.ndim > 1:
            table = "embed" in name or "table" in name or "relative" in name
            size = 0.6 if table else 1.2 / parameter[0].numel() ** 0.5
            parameter.data = torch.randn_like(parameter) * size
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-40, -20)
        if name.endswith("running_var"):
            buffer.uniform_(100, 300)
    return module.eval()


def keep(name, state, arrays):
    torch.save(state, out / f"{name}.bin")
    arrays = {k: (v if v.is_floating_point() else v.int()).contiguous() for k, v in arrays.items()}
    save_file(arrays, out / f"{name}.io.safetensors")
    for end in ("bin", "io.safetensors"):
        (out / f"{name}.{end}").chmod(0o644)


def decibels():
    """Two sounds of ten seconds that have little in common, as whole decibels in f16."""
    t, f = torch.arange(1001)[:, None] / 1001, torch.arange(64)[None] / 64
    sweep = -40 + 25 * torch.sin(40 * t * (1 + 2 * f))
    bursts = -60 + 50 * (t > 0.4) * torch.cos(9 * f + 30 * t)
    return (torch.stack([sweep, bursts]) + 4 * torch.randn(2, 1001, 64)).round().half()


def clap():
    net = shake(ClapModel(ClapConfig(
        text_config=dict(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
                         intermediate_size=32, max_position_embeddings=20, projection_dim=12,
                         layer_norm_eps=1e-12, type_vocab_size=1, pad_token_id=1),
        audio_config=dict(spec_size=256, num_mel_bins=64, window_size=8, patch_size=4,
                          patch_stride=[4, 4], patch_embeds_hidden_size=4, hidden_size=32,
                          depths=[2, 2, 6, 2], num_attention_heads=[1, 2, 4, 8],
                          projection_dim=12, enable_fusion=False, num_classes=4),
        projection_dim=12)))
    # Tokens so quiet that the norms' epsilon counts.
    net.audio_model.audio_encoder.patch_embed.proj.weight.data *= 0.01
    net.audio_model.audio_encoder.patch_embed.proj.bias.data *= 0.01
    mel = decibels()
    short = mel[:1, 400:500].clone()
    short[:, [0, -1]] = 10  # ends that stand out
    ids = torch.tensor([[0, 5, 9, 33, 2, 1, 1], [0, 7, 8, 11, 12, 13, 2]])
    mask = (ids != 1).long()
    audio, short_audio = (net.audio_projection(
        net.audio_model(input_features=x[:, None].float()).pooler_output) for x in (mel, short))
    text = net.text_model(ids, attention_mask=mask).pooler_output
    # Every block has the same [64, 64] of whole numbers: one of them shows that it is passed over.
    state = {k: v for k, v in net.state_dict().items()
             if not k.endswith("relative_position_index") or "layers.0.blocks.0." in k}
    keep("clap_windows", state,
         {"log_mel": mel, "audio": audio, "short": short, "short_audio": short_audio, "ids": ids,
          "text": net.text_projection(text)})


def tango():
    net = shake(T5EncoderModel(T5Config(
        vocab_size=50, d_model=16, d_kv=6, num_heads=4, d_ff=24, num_layers=3,
        feed_forward_proj="gated-gelu", relative_attention_num_buckets=32,
        relative_attention_max_distance=128)))
    ids = torch.randint(2, 50, (2, 30))
    ids[:, -1] = 1
    state = {"text_encoder." + k: v for k, v in net.state_dict().items()}
    state["unet.conv_in.bias"] = torch.randn(4)
    keep("tango_t5", state, {"ids": ids, "states": net(ids).last_hidden_state})


with torch.no_grad():
    clap()
    tango()
