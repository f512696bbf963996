#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small UNets, VAEs and a HiFi-GAN with inputs and outputs into tests/data/nets/.

Needs torch, diffusers, transformers and safetensors: these are the reference."""
import pathlib

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "nets"
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(4)


def shake(module):
    """Norms and biases that do something."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            parameter.data = torch.randn_like(parameter) * 0.2 + (1 if name.endswith("weight") else 0)
    return module.eval()


def nhwc(x):
    return x.permute(0, 2, 3, 1).contiguous()


def keep(name, arrays):
    save_file({k: v.contiguous() for k, v in arrays.items()}, out / f"{name}.io.safetensors")


def unet(name, channels, heads, text_width, linear, size, masked, as_bin=False):
    net = shake(UNet2DConditionModel(
        sample_size=8, in_channels=channels, out_channels=channels, layers_per_block=2,
        block_out_channels=(8, 16, 16, 16), norm_num_groups=4, attention_head_dim=heads,
        cross_attention_dim=text_width, use_linear_projection=linear, upcast_attention=linear))
    x, t = torch.randn(2, channels, *size), torch.tensor([7.0, 911.0])
    text = torch.randn(2, 6, text_width)
    arrays = {"x": nhwc(x), "timesteps": t, "text": text}
    mask = None
    if masked:
        mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]], dtype=torch.bool)
        arrays["mask"] = ((1 - mask.float()) * -10000.0)[:, None, None]
    arrays["y"] = nhwc(net(x, t, text, encoder_attention_mask=mask).sample)
    keep(name, arrays)
    if as_bin:
        torch.save(net.state_dict(), out / f"{name}.bin")
    else:
        save_file(net.state_dict(), out / f"{name}.safetensors")


def vae(name, channels, latent, widths, size, old_names=False):
    net = shake(AutoencoderKL(
        in_channels=channels, out_channels=channels, latent_channels=latent, layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths), block_out_channels=widths,
        norm_num_groups=4))
    x = torch.randn(1, channels, *size)
    posterior = net.encode(x).latent_dist
    z = torch.randn_like(posterior.mean)
    keep(name, {"x": nhwc(x), "mean": nhwc(posterior.mean), "log_variance": nhwc(posterior.logvar),
                "z": nhwc(z), "y": nhwc(net.decode(z).sample)})
    state = net.state_dict()
    if old_names:  # as the published files of Stable Diffusion have them
        for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"),
                         ("to_out.0", "proj_attn")):
            state = {k.replace(f".{new}.", f".{old}."): v for k, v in state.items()}
    save_file(state, out / f"{name}.safetensors")


with torch.no_grad():
    unet("unet_sd15", 4, 4, 12, False, (16, 8), False)
    unet("unet_sd21", 4, (1, 2, 4, 4), 24, True, (8, 8), False, as_bin=True)
    unet("unet_tango", 8, (2, 4, 4, 4), 24, True, (32, 8), True)
    vae("vae_sd", 3, 4, (8, 16, 16, 16), (32, 24), old_names=True)
    vae("vae_audioldm", 1, 8, (8, 16, 16), (32, 16))
    vocoder = shake(SpeechT5HifiGan(SpeechT5HifiGanConfig(
        model_in_dim=10, upsample_initial_channel=32, upsample_rates=[5, 4, 2, 2, 2],
        upsample_kernel_sizes=[16, 16, 8, 4, 4], resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5]] * 3, normalize_before=False)))
    mel = torch.randn(2, 9, 10)
    keep("hifigan", {"mel": mel, "samples": vocoder(mel)})
    save_file(vocoder.state_dict(), out / "hifigan.safetensors")
