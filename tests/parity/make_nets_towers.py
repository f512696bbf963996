#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small CLIP, T5 and CLAP checkpoints with inputs and outputs into tests/data/nets/.

Needs torch, transformers and safetensors: these are the reference."""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import (ClapConfig, ClapModel, CLIPConfig, CLIPModel, T5Config, T5EncoderModel)

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "nets"
torch.manual_seed(5)


def shake(module):
    """Norms, biases and tables that do something."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            norm = name.endswith("weight") or "layer_norm.weight" in name
            parameter.data = torch.randn_like(parameter) * 0.2 + (1 if norm else 0)
        elif parameter.ndim > 1:
            parameter.data = torch.randn_like(parameter) * (0.3 / parameter[0].numel() ** 0.5 + 0.15)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.3)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return module.eval()


def keep(name, arrays):
    arrays = {k: (v.int() if not v.is_floating_point() else v).contiguous() for k, v in arrays.items()}
    save_file(arrays, out / f"{name}.io.safetensors")


def weights(net, name):
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("embed_tokens.weight")}
    save_file({k: v.contiguous().clone() for k, v in state.items()}, out / f"{name}.safetensors")


def clip(name, act):
    tower = dict(num_hidden_layers=2, num_attention_heads=4, hidden_act=act, projection_dim=20)
    net = shake(CLIPModel(CLIPConfig(
        text_config=dict(tower, vocab_size=40, hidden_size=16, intermediate_size=32,
                         max_position_embeddings=9, eos_token_id=39, bos_token_id=38, pad_token_id=39),
        vision_config=dict(tower, hidden_size=24, intermediate_size=48, image_size=32, patch_size=8),
        projection_dim=20)))
    ids = torch.tensor([[38, 5, 7, 9, 39, 39, 39, 39, 39], [38, 1, 2, 3, 4, 5, 6, 8, 39]])
    pictures = torch.randn(2, 3, 32, 32)
    text = net.text_model(ids)
    keep(name, {"ids": ids, "ends": torch.tensor([4, 9 + 8]), "states": text.last_hidden_state,
                "text": net.text_projection(text.pooler_output),
                "pictures": pictures.permute(0, 2, 3, 1),
                "vision": net.visual_projection(net.vision_model(pictures).pooler_output)})
    weights(net, name)


def t5():
    net = shake(T5EncoderModel(T5Config(
        vocab_size=50, d_model=16, d_kv=6, num_heads=4, d_ff=24, num_layers=3,
        feed_forward_proj="gated-gelu", relative_attention_num_buckets=32,
        relative_attention_max_distance=128)))
    ids = torch.randint(2, 50, (2, 150))
    mask = torch.ones(2, 150, dtype=torch.long)
    mask[1, 40:] = 0
    states = net(ids, attention_mask=mask).last_hidden_state
    keep("t5", {"ids": ids, "mask": ((1 - mask.float()) * -1e9)[:, None, None],
                "first": states[:1], "second": states[1:, :40]})
    weights(net, "t5")


def clap():
    net = shake(ClapModel(ClapConfig(
        text_config=dict(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
                         intermediate_size=32, max_position_embeddings=20, projection_dim=12,
                         layer_norm_eps=1e-12, type_vocab_size=1, pad_token_id=1),
        audio_config=dict(spec_size=64, num_mel_bins=16, window_size=4, patch_size=4,
                          patch_stride=[4, 4], patch_embeds_hidden_size=8, hidden_size=32,
                          depths=[2, 2, 2], num_attention_heads=[2, 4, 8], projection_dim=12,
                          enable_fusion=False, num_classes=4),
        projection_dim=12)))
    mel = torch.randn(2, 1, 250, 16)
    ids = torch.tensor([[0, 5, 9, 33, 2, 1, 1], [0, 7, 8, 11, 12, 13, 2]])
    mask = (ids != 1).long()
    positions = torch.cumsum(mask, 1) * mask + 1
    audio = net.audio_model(input_features=mel).pooler_output
    text = net.text_model(ids, attention_mask=mask).pooler_output
    keep("clap", {"log_mel": mel[:, 0], "ids": ids, "positions": positions,
                  "mask": ((1 - mask.float()) * -1e9)[:, None, None], "pooled": audio,
                  "audio": net.audio_projection(audio), "text": net.text_projection(text)})
    weights(net, "clap")


with torch.no_grad():
    clip("clip", "quick_gelu")
    clip("openclip", "gelu")
    t5()
    clap()
for path in out.iterdir():
    path.chmod(0o644)
