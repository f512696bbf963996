#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: full_size.py FOLDER [NAME ...]

Writes networks at their full published sizes, with random weights as their makers initialise them,
and inputs and outputs, below FOLDER: NAME.safetensors and NAME.io.safetensors. mel-parity then
compares. Needs torch, diffusers, transformers and safetensors; 7 GB of disk for all."""
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from safetensors.torch import save_file

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def save(name, net, arrays):
    own = {k: v.contiguous() for k, v in net.state_dict().items()}
    save_file(own, folder / f"{name}.safetensors")
    save_file({k: v.contiguous() for k, v in arrays.items()}, folder / f"{name}.io.safetensors")


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def unet():
    from diffusers import UNet2DConditionModel
    net = UNet2DConditionModel(
        sample_size=64, in_channels=4, out_channels=4, cross_attention_dim=1024,
        attention_head_dim=(5, 10, 20, 20), use_linear_projection=True).eval()
    x, text, t = torch.randn(1, 4, 64, 64), torch.randn(1, 77, 1024), torch.tensor([321.0])
    y = net(x, t, encoder_hidden_states=text).sample
    save("unet", net, {"x": nhwc(x), "t": t, "text": text, "out": nhwc(y)})


def t5():
    from transformers import T5Config, T5EncoderModel
    net = T5EncoderModel(T5Config(
        vocab_size=32128, d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False)).eval()
    ids = torch.randint(0, 32000, (1, 64))
    y = net(input_ids=ids).last_hidden_state
    weights = {k: v for k, v in net.state_dict().items() if k != "encoder.embed_tokens.weight"}
    save_file({k: v.contiguous() for k, v in weights.items()}, folder / "t5.safetensors")
    save_file({"ids": ids.int(), "out": y.contiguous()}, folder / "t5.io.safetensors")


def vae():
    from diffusers import AutoencoderKL
    net = AutoencoderKL(in_channels=1, out_channels=1, latent_channels=8, layers_per_block=2,
                        down_block_types=("DownEncoderBlock2D",) * 3,
                        up_block_types=("UpDecoderBlock2D",) * 3,
                        block_out_channels=(128, 256, 512)).eval()
    x = torch.randn(1, 8, 256, 16)
    save("vae", net, {"x": nhwc(x), "out": nhwc(net.decode(x).sample)})


def clip():
    from transformers import CLIPConfig, CLIPModel
    net = CLIPModel(CLIPConfig(
        text_config=dict(hidden_size=512, intermediate_size=2048, num_attention_heads=8),
        vision_config=dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12,
                           patch_size=32), projection_dim=512)).eval()
    x = torch.randn(2, 3, 224, 224)
    pooled = net.vision_model(pixel_values=x).pooler_output
    save("clip", net, {"x": nhwc(x), "out": net.visual_projection(pooled)})


torch.manual_seed(0)
with torch.no_grad():
    for name in sys.argv[2:] or ["clip", "t5", "vae", "unet"]:
        {"unet": unet, "t5": t5, "vae": vae, "clip": clip}[name]()
        print(name, "made", flush=True)
