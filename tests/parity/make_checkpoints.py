#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/checkpoints: small files as PyTorch and safetensors write them.

usage: make_checkpoints.py [FOLDER]        needs torch, numpy and safetensors

The numbers are formulas that tests/engine/test_torch_files.c repeats.
"""
import argparse
import collections
import datetime
import json
import pathlib
import sys

import numpy
import safetensors.torch
import torch


def weights():
    """Every type, and every way in which a tensor can lie in its storage."""
    base = (torch.arange(24, dtype=torch.float32) / 8).reshape(4, 6)
    counted = torch.arange(-3, 5)
    state = collections.OrderedDict()
    state["base.weight"] = base
    state["tied.weight"] = base
    state["transposed"] = base.t()
    state["row"] = base[2]
    state["column"] = base[:, 1]
    state["window"] = base[1:3, 2:5]
    state["expanded"] = base[1, 1:2].expand(3)
    state["channels_last"] = (
        torch.arange(48, dtype=torch.float32).reshape(2, 3, 2, 4).to(memory_format=torch.channels_last)
    )
    state["parameter"] = torch.nn.Parameter(torch.ones(2) / 4)
    state["half"] = (counted / 4).to(torch.float16)
    state["bfloat16"] = (counted / 4).to(torch.bfloat16)
    state["double"] = counted.to(torch.float64) / 3
    state["long"] = counted * 2**40
    state["int"] = (counted * 2**20).to(torch.int32)
    state["short"] = (counted * 2**10).to(torch.int16)
    state["char"] = counted.to(torch.int8)
    state["byte"] = torch.arange(250, 256, dtype=torch.uint8)
    state["bool"] = counted > 0
    state["half.transposed"] = (torch.arange(6) / 4).to(torch.float16).reshape(2, 3).t()
    state["num_batches_tracked"] = torch.tensor(7)
    state["empty"] = torch.zeros(0, 3)
    return state


class Callback:
    """Stands for the objects of other programs that Lightning keeps in its checkpoints."""

    def __init__(self):
        self.monitor = "loss"
        self.best = {"path": pathlib.PurePosixPath("a/b.ckpt"), "tensor": torch.zeros(1)}
        self.slots = {1, 2, 3}


def cycles():
    """Tuples that hold themselves, which a pickler has to unwind."""
    short, long = ([],), ([], 1, 2, 3)
    short[0].append(short)
    long[0].append(long)
    return [short, long]


def lightning():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape))
    return {
        "epoch": 3,
        "global_step": 2**40,
        "pytorch-lightning_version": "1.5.0",
        "state_dict": model.state_dict(),
        "callbacks": {Callback: {"best_model_score": torch.tensor(0.5)}, "other": Callback()},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "hyper_parameters": argparse.Namespace(
            rate=numpy.float64(0.1),
            steps=numpy.arange(3),
            device=torch.device("cpu"),
            dtype=torch.float16,
            size=torch.Size([2, 3]),
            started=datetime.datetime(2024, 6, 17),
            payload=[b"\x00\xff", b"\x80" * 300, bytearray(b"abc")],
            cycles=cycles(),
            names=frozenset(["a"]),
            big=2**80,
        ),
    }


def shards(folder):
    folder.mkdir(exist_ok=True)
    state = {name: tensor.contiguous().clone() for name, tensor in weights().items()}
    names = sorted(state)
    files = {"model-00001-of-00002.safetensors": names[:9], "model-00002-of-00002.safetensors": names[9:]}
    index = {"metadata": {"total_size": sum(t.nbytes for t in state.values())}, "weight_map": {}}
    for file, members in files.items():
        part = {name: state[name] for name in members}
        safetensors.torch.save_file(part, folder / file, metadata={"format": "pt"})
        index["weight_map"].update({name: file for name in members})
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / "model.safetensors.index.json").write_text(text)
    for file in files:
        (folder / file).chmod(0o644)


def main():
    default = pathlib.Path(__file__).parent.parent / "data" / "checkpoints"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    state = weights()
    nested = {"iteration": 120000, "model": state, "sampler": {"random_state": (1, [2, 3])}}
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "protocol5.pth", pickle_protocol=5)
    torch.save(nested, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(lightning(), folder / "lightning.ckpt")
    torch.save(lightning(), folder / "lightning_protocol5.ckpt", pickle_protocol=5)
    torch.save(torch.nn.Linear(2, 1), folder / "module.pth")
    torch.save({"c": torch.zeros(2, dtype=torch.complex64)}, folder / "complex.pth")
    torch.save({"a": torch.zeros(2), "s": torch.eye(3).to_sparse()}, folder / "sparse.pth")
    torch.save({"a": torch.zeros(2), "f": torch.zeros(4, dtype=torch.uint16)}, folder / "uint16.pth")
    torch.serialization.set_crc32_options(False)
    torch.save({"a": torch.arange(3)}, folder / "without_crc.pth")
    torch.serialization.set_crc32_options(True)
    shards(folder / "sharded")


if __name__ == "__main__":
    main()
