#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small UNets, VAEs and a HiFi-GAN with inputs and outputs into tests/data/nets/.

Needs torch, diffusers, transformers and safetensors: these are the reference. Another folder may be
given as the argument."""
import pathlib
import re
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (convert_ldm_unet_checkpoint,
                                                 convert_ldm_vae_checkpoint)
from safetensors.torch import save_file
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "nets"
if len(sys.argv) > 1:
    out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(4)


def shake(module):
    """Norms and biases that do something."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            middle = 1 if name.endswith("weight") else 0
            parameter.data = torch.randn_like(parameter) * 0.2 + middle
    return module.eval()


def quieten(module):
    """Values so small that the constant under a norm's root counts, but for those that meet a
    GELU, which are so large that its kind counts."""
    for name, layer in module.named_modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)) and not re.search(
                r"to_[qkv]|linear_[12]$|quant_conv", name):
            for parameter in layer.parameters():
                loud = {"ff.net.0.proj": 5, "ff.net.2": 0.5}
                factor = next((loud[end] for end in loud if name.endswith(end)), 0.03)
                parameter.data = parameter.data * factor
    return module


def enliven(vocoder):
    """Signals that keep their size, where the default weights leave little but the last bias."""
    for name, parameter in vocoder.named_parameters():
        if parameter.ndim == 3:
            up = "upsampler" in name  # [in, out, kernel], of which a fourth meets one sample
            fan_in = parameter.shape[0 if up else 1] * parameter.shape[2] / (4 if up else 1)
            parameter.data = torch.randn_like(parameter) * (0.5 / fan_in) ** 0.5
    return vocoder


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


def new_vae(channels, latent, widths):
    return shake(AutoencoderKL(
        in_channels=channels, out_channels=channels, latent_channels=latent, layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths), block_out_channels=widths,
        norm_num_groups=4))


def vae_arrays(net, size):
    x = torch.randn(1, net.config.in_channels, *size)
    posterior = net.encode(x).latent_dist
    z = torch.randn_like(posterior.mean)
    return {"x": nhwc(x), "mean": nhwc(posterior.mean), "log_variance": nhwc(posterior.logvar),
            "z": nhwc(z), "y": nhwc(net.decode(z).sample)}


def vae(name, channels, latent, widths, size, old_names=False):
    net = new_vae(channels, latent, widths)
    keep(name, vae_arrays(net, size))
    state = net.state_dict()
    if old_names:  # as the published files of Stable Diffusion have them
        for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"),
                         ("to_out.0", "proj_attn")):
            state = {k.replace(f".{new}.", f".{old}."): v for k, v in state.items()}
    save_file(state, out / f"{name}.safetensors")


def new_vocoder(mel_bins, width, rates, kernels):
    return enliven(shake(SpeechT5HifiGan(SpeechT5HifiGanConfig(
        model_in_dim=mel_bins, upsample_initial_channel=width, upsample_rates=rates,
        upsample_kernel_sizes=kernels, resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5]] * 3, normalize_before=False))))


def with_words(key, words):
    for ours, theirs in words:
        key = key.replace(ours, theirs)
    return key


def ldm_unet_name(key):
    """The name in the original code; of blocks with two layers."""
    if block := re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", key):
        side, level, kind, i, rest = block[1], int(block[2]), block[3], int(block[4]), block[5]
        at, part = level * 3 + i + (side == "down"), int(kind == "attentions")
        if kind == "downsamplers":
            at, rest = level * 3 + 3, rest.replace("conv.", "op.")
        if kind == "upsamplers":
            at, part = level * 3 + 2, 2 if level else 1
        key = f"{'input' if side == 'down' else 'output'}_blocks.{at}.{part}.{rest}"
        if kind != "resnets":
            return key
    elif key.startswith("mid_block.attentions.0."):
        return key.replace("mid_block.attentions.0.", "middle_block.1.")
    key = with_words(key, (("time_embedding.linear_1", "time_embed.0"),
                           ("time_embedding.linear_2", "time_embed.2"),
                           ("mid_block.resnets.0", "middle_block.0"),
                           ("mid_block.resnets.1", "middle_block.2"), ("conv_norm_out", "out.0"),
                           ("conv_in", "input_blocks.0.0"), ("conv_out", "out.2")))
    return with_words(key, (("norm1", "in_layers.0"), ("conv1", "in_layers.2"),
                            ("time_emb_proj", "emb_layers.1"), ("norm2", "out_layers.0"),
                            ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection")))


def ldm_vae_name(key, levels):
    key = re.sub(r"up_blocks\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}", key)
    return with_words(key, (("down_blocks", "down"), ("mid_block.resnets.0", "mid.block_1"),
                            ("mid_block.resnets.1", "mid.block_2"), ("resnets", "block"),
                            ("mid_block.attentions.0", "mid.attn_1"), ("group_norm", "norm"),
                            ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"),
                            ("conv_shortcut", "nin_shortcut"), ("downsamplers.0", "downsample"),
                            ("upsamplers.0", "upsample"), ("conv_norm_out", "norm_out")))


def ldm_state(net, prefix=""):
    """The net's state under the original names, of which diffusers makes its own again."""
    state, levels = net.state_dict(), len(net.config.block_out_channels)
    is_vae = isinstance(net, AutoencoderKL)
    named = {}
    for key, array in state.items():
        name = ldm_vae_name(key, levels) if is_vae else ldm_unet_name(key)
        if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name):
            array = array[:, :, None, None]
        named[prefix + name] = array
    convert = convert_ldm_vae_checkpoint if is_vae else convert_ldm_unet_checkpoint
    again = convert(dict(named), dict(net.config))
    assert again.keys() == state.keys() and all(again[k].equal(state[k]) for k in state)
    return named


def stable_diffusion_ckpt():
    """One file of everything in half precision, as v1-5-pruned-emaonly is."""
    net = quieten(shake(UNet2DConditionModel(
        sample_size=8, layers_per_block=2, block_out_channels=(4, 8, 8), norm_num_groups=2,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2, cross_attention_dim=6))).half().float()
    first_stage = quieten(new_vae(3, 4, (4, 8, 8))).half().float()
    x, t, text = torch.randn(2, 4, 8, 8), torch.tensor([3.0, 640.0]), torch.randn(2, 5, 6)
    unet_arrays = {"unet.x": nhwc(x), "timesteps": t, "text": text,
                   "unet.y": nhwc(net(x, t, text).sample)}
    keep("sd", {**unet_arrays, **vae_arrays(first_stage, (16, 8))})
    state = {"betas": torch.linspace(0, 1, 10),
             **ldm_state(net, "model.diffusion_model."),
             **ldm_state(first_stage, "first_stage_model."),
             "cond_stage_model.transformer.text_model.embeddings.position_ids":
                 torch.arange(5)[None]}
    state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    torch.save({"epoch": 1, "global_step": 470000, "state_dict": state}, out / "sd.ckpt")


def tango_vae_bin():
    """The autoencoder and the vocoder in one file, under the names of AudioLDM's code."""
    net, vocoder = new_vae(1, 8, (4, 4, 8)), new_vocoder(6, 8, [5, 4, 2], [16, 16, 8])
    mel = torch.randn(2, 7, 6)
    keep("tango_vae", {**vae_arrays(net, (16, 8)), "mel": mel, "samples": vocoder(mel)})
    voice = {"vocoder." + k.replace("upsampler.", "ups."): v
             for k, v in vocoder.state_dict().items() if k not in ("mean", "scale")}
    torch.save({**ldm_state(net), **voice}, out / "tango_vae.bin")


with torch.no_grad():
    unet("unet_sd15", 4, 4, 12, False, (16, 8), False)
    unet("unet_sd21", 4, (1, 2, 4, 4), 24, True, (8, 8), False, as_bin=True)
    unet("unet_tango", 8, (2, 4, 4, 4), 24, True, (32, 8), True)
    vae("vae_sd", 3, 4, (8, 16, 16, 16), (32, 24), old_names=True)
    vae("vae_audioldm", 1, 8, (8, 16, 16), (32, 16))
    vocoder = new_vocoder(10, 32, [5, 4, 2, 2, 2], [16, 16, 8, 4, 4])
    mel = torch.randn(2, 9, 10)
    keep("hifigan", {"mel": mel, "samples": vocoder(mel)})
    save_file(vocoder.state_dict(), out / "hifigan.safetensors")
    stable_diffusion_ckpt()
    tango_vae_bin()
