#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/front/: filter banks, log-mel spectrograms, resized pictures, resampled sounds.

Needs numpy, librosa, torch, torchaudio, Pillow and transformers. CLAP's spectrogram is
transformers' own; the formulas of torchlibrosa, AudioLDM's stft.py and torchvggish are written out
here in double. Of a filter bank only the numbers from the first to the last that is not 0 are kept,
row by row: first, count, numbers."""
import json
import pathlib

import librosa
import numpy as np
import torch
import torchaudio
from PIL import Image
from transformers import ClapFeatureExtractor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

out = pathlib.Path(__file__).resolve().parent.parent / "data" / "front"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(5)
numbers, pictures, index = [], [], {"arrays": {}, "pictures": []}


def keep(name, array):
    array = np.ascontiguousarray(array, dtype="<f4")
    index["arrays"][name] = {"at": sum(a.size for a in numbers), "count": array.size}
    numbers.append(array)


def keep_bytes(array):
    pictures.append(np.ascontiguousarray(array, dtype=np.uint8))
    return sum(a.size for a in pictures[:-1])


def keep_bank(name, bank):
    rows = []
    for row in bank.astype(np.float32):
        used = np.flatnonzero(row)
        first, last = (used[0], used[-1] + 1) if len(used) else (0, 0)
        rows += [[first, last - first], row[first:last]]
    keep("bank " + name, np.concatenate(rows))


# A chord, a sweep, noise that fades, a click, and true silence.
def make_wave(n):
    t = np.arange(n) / 16000
    x = 0.2 * np.sin(2 * np.pi * 440 * t) + 0.15 * np.sin(2 * np.pi * 1319.3 * t)
    x += 0.2 * np.sin(2 * np.pi * (200 + 3000 * t) * t)
    x += rng.normal(size=n) * 0.1 * np.exp(-3 * t)
    x[n // 2] += 0.5
    x[-n // 5:] = 0
    return x.astype(np.float32)


wave = make_wave(16400)
keep("wave", wave)


def spectrum(x, window, hop, fft, centred):
    x = np.pad(x.astype(np.float64), fft // 2, mode="reflect") if centred else x.astype(np.float64)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = np.lib.stride_tricks.sliding_window_view(x, window)[::hop]
    return np.abs(np.fft.rfft(frames * hann, fft))


def librosa_bank(rate, fft, low, high):
    return librosa.filters.mel(sr=rate, n_fft=fft, n_mels=64, fmin=low, fmax=high)


def decibels(mel):
    return 10 * np.log10(np.maximum(mel, 1e-10))


bank = librosa_bank(16000, 1024, 0, 8000)
keep_bank("audioldm", bank)
mel = spectrum(wave, 1024, 160, 1024, True) @ bank.T.astype(np.float64)
keep("mel audioldm", np.log(np.maximum(mel, 1e-5))[:len(wave) // 160])

keep_bank("clap", librosa_bank(48000, 1024, 50, 14000))
clap = ClapFeatureExtractor(frequency_min=50, frequency_max=14000, truncation="rand_trunc")
keep("mel clap", clap(wave, max_length=len(wave), sampling_rate=48000,
                      return_tensors="np")["input_features"][0, 0])

for name, rate, fft, hop, high in [("cnn14 16k", 16000, 512, 160, 8000),
                                   ("cnn14 32k", 32000, 1024, 320, 14000),
                                   ("msclap", 44100, 1024, 320, 14000)]:
    bank = librosa_bank(rate, fft, 50, high)
    keep_bank(name, bank)
    mel = spectrum(wave, fft, hop, fft, True) ** 2 @ bank.T.astype(np.float64)
    keep("mel " + name, decibels(mel))


def vggish_bank():
    def mel_of(hz):
        return 1127 * np.log(1 + hz / 700)
    edges = np.linspace(mel_of(125.0), mel_of(7500.0), 66)
    bins = mel_of(np.linspace(0, 8000, 257))
    up = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    bank = np.maximum(0, np.minimum(up, down))
    bank[:, 0] = 0
    return bank


keep_bank("vggish", vggish_bank())
keep("mel vggish", np.log(spectrum(wave, 400, 160, 512, False) @ vggish_bank().T + 0.01))
keep_bank("htk", librosa.filters.mel(sr=22050, n_fft=256, n_mels=20, fmin=30, fmax=10000, htk=True,
                                     norm=None))

# ---- sounds at another rate
for before, after, n in [(44100, 16000, 1500), (48000, 16000, 700), (16000, 48000, 400),
                         (22050, 16000, 600), (32000, 44100, 300), (44100, 48000, 5),
                         (8000, 8000, 20), (48000, 32000, 1)]:
    x = rng.normal(size=n).astype(np.float32) * 0.3
    y = torchaudio.functional.resample(torch.from_numpy(x), before, after).numpy()
    name = f"resample {before} {after}"
    keep(name + " in", x)
    keep(name + " out", y)

# ---- pictures


def make_picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    across = 255 * x / max(1, width - 1)
    picture = np.stack([across, 127 + 120 * np.sin(x * y / 7), 255 * y / height], 2)
    picture += rng.normal(size=picture.shape) * 40
    picture[height // 3:height // 2, width // 4:width // 2] = [255, 0, 255]
    return np.clip(picture, 0, 255).astype(np.uint8)


# One pass a call: Pillow 13 may go down first when it does both (its pull request 9549).
def across_then_down(picture, size):
    across = picture.resize((size[0], picture.height), Image.Resampling.BICUBIC)
    return across.resize(size, Image.Resampling.BICUBIC)


for (width, height), sizes in {(37, 23): [(9, 7), (37, 40), (11, 23), (64, 5), (37, 23), (1, 1),
                                          (75, 46)],
                               (8, 61): [(3, 4), (16, 122), (7, 60)], (1, 1): [(5, 3)],
                               (130, 2): [(13, 3)]}.items():
    picture = make_picture(width, height)
    at = keep_bytes(picture)
    for size in sizes:
        resized = np.asarray(across_then_down(Image.fromarray(picture), size))
        index["pictures"].append({"from": [width, height], "at": at, "to": list(size),
                                  "result": keep_bytes(resized)})

for width, height in [(55, 34), (20, 47), (16, 16)]:
    picture = make_picture(width, height)
    side = 16
    size = (side * width // min(width, height), side * height // min(width, height))
    resized = across_then_down(Image.fromarray(picture), size)
    clip = CLIPImageProcessorPil(do_resize=False, crop_size={"height": side, "width": side})
    values = clip(resized, return_tensors="np")["pixel_values"][0]
    keep(f"clip {width} {height}", values.transpose(1, 2, 0))
    index[f"clip {width} {height}"] = keep_bytes(picture)

np.concatenate([a.ravel() for a in numbers]).tofile(out / "numbers.f32")
np.concatenate([a.ravel() for a in pictures]).tofile(out / "pictures.u8")
(out / "index.json").write_text(json.dumps(index, indent=1) + "\n")
