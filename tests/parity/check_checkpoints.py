#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads with Python's safetensors what Melkit rewrote from PyTorch's files, and compares each number
with torch.load of the original: the readers and the writer at once.

Run by hand; needs torch and safetensors. PROGRAM is the test that rewrites the files:

    venv/bin/python tests/parity/check_checkpoints.py build/bin/engine_test_torch_files

Prints a line a file; exits 1 when one differs."""

import os
import pathlib
import subprocess
import sys
import tempfile

import safetensors
import safetensors.torch
import torch

DATA = pathlib.Path(__file__).parent.parent / "data" / "checkpoints"


class Callback:
    """lightning.ckpt names it as __main__.Callback."""


def original(name):
    path = DATA / name
    if path.is_dir():
        state = {}
        for shard in sorted(path.glob("*.safetensors")):
            state.update(safetensors.torch.load_file(shard))
        return state
    state = torch.load(path, weights_only=False)
    return state.get("state_dict", state.get("model", state))


def compare(name, path):
    wanted = original(name)
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata == {"made from": name, "format": "pt"}, metadata
    read = safetensors.torch.load_file(path)
    assert sorted(read) == sorted(wanted), set(read) ^ set(wanted)
    for key, tensor in wanted.items():
        assert read[key].dtype == tensor.dtype, key
        assert read[key].shape == tensor.shape, key
        assert torch.equal(read[key], tensor), key
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert (8 + header) % 64 == 0, header
    return len(wanted)


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, MEL_REWRITE_TO=folder)
        subprocess.run([sys.argv[1]], env=environment, check=True, capture_output=True)
        files = sorted(pathlib.Path(folder).glob("*.safetensors"))
        assert files, "nothing was written"
        for path in files:
            try:
                print(f"ok: {path.stem}, {compare(path.stem, path)} tensors")
            except AssertionError as problem:
                print(f"differs: {path.stem}: {problem!r}")
                failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
