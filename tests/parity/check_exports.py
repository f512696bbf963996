#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads exports with the libraries that people use for them, and compares with the JSON lines.

Run by hand; needs pyarrow, pandas, datasets, webdataset, soundfile and Pillow:

    python3 -m venv venv && venv/bin/pip install pyarrow pandas datasets webdataset soundfile pillow
    for f in webdataset parquet jsonl csv musiccaps melfusion; do
        mel -C DATASET export --split NAME --format $f OUT/$f; done
    venv/bin/python tests/parity/check_exports.py OUT

OUT/musiccaps may be missing (it takes YouTube clips only). Prints a line a check; exits 1 when one
fails."""

import ast
import csv
import glob
import hashlib
import io
import json
import os
import sys


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def read_jsonl(folder):
    clips = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        with open(path, encoding="utf-8") as file:
            for line in file:
                clip = json.loads(line)
                clip["side"] = os.path.basename(path)[: -len(".jsonl")]
                clips[clip["key"]] = clip
    assert clips, "no JSON lines"
    return clips


def check_media(clip, audio, image):
    import soundfile
    from PIL import Image

    assert sha256(audio) == clip["provenance"]["audio_sha256"], clip["key"]
    assert sha256(image) == clip["provenance"]["image_sha256"], clip["key"]
    samples, rate = soundfile.read(io.BytesIO(audio))
    assert rate == clip["sample_rate_hz"] and len(samples) == clip["samples"], clip["key"]
    assert Image.open(io.BytesIO(image)).size == (clip["width"], clip["height"]), clip["key"]


def check_jsonl(out, clips):
    folder = os.path.join(out, "jsonl")
    for clip in clips.values():
        with open(os.path.join(folder, clip["audio_path"]), "rb") as audio:
            with open(os.path.join(folder, clip["image_path"]), "rb") as image:
                check_media(clip, audio.read(), image.read())


def check_jsonl_datasets(out, clips):
    import datasets

    loaded = datasets.load_dataset(os.path.join(out, "jsonl"))
    assert set(loaded) == {clip["side"] for clip in clips.values()}
    for side in loaded:
        for row in loaded[side]:
            assert row == clips[row["key"]] and row["side"] == side, row


def check_webdataset(out, clips):
    import webdataset

    seen = set()
    for path in sorted(glob.glob(os.path.join(out, "webdataset", "*.tar"))):
        sizes = json.load(open(os.path.join(out, "webdataset", "sizes.json")))
        before = len(seen)
        for sample in webdataset.WebDataset(path, shardshuffle=False):
            clip = clips[sample["__key__"]]
            assert {k for k in sample if not k.startswith("__")} == {"flac", "jpg", "json", "txt"}
            check_media(clip, sample["flac"], sample["jpg"])
            assert sample["txt"].decode() == clip["caption"]
            about = json.loads(sample["json"])
            assert about["genre"] == clip["genre"] and about["side"] == clip["side"]
            seen.add(sample["__key__"])
        assert sizes[os.path.basename(path)] == len(seen) - before
    assert seen == set(clips)


def without_torchcodec(datasets):
    """What is encoded here is bytes already: the decoder, a large package, is not needed."""
    try:
        import torchcodec  # noqa: F401
    except ImportError:
        datasets.Audio.encode_example = lambda self, value: value


def check_webdataset_datasets(out, clips):
    import datasets

    without_torchcodec(datasets)
    loaded = datasets.load_dataset(os.path.join(out, "webdataset"))
    seen = set()
    for side in loaded:
        features = loaded[side].features
        assert type(features["flac"]).__name__ == "Audio", features
        assert type(features["jpg"]).__name__ == "Image", features
        table = loaded[side].cast_column("flac", datasets.Audio(decode=False))
        for row in table.cast_column("jpg", datasets.Image(decode=False)):
            clip = clips[row["__key__"]]
            assert clip["side"] == side and row["txt"] == clip["caption"]
            assert row["json"] == {k: v for k, v in clip.items() if k[6:] != "path"}, row["json"]
            assert sha256(row["flac"]["bytes"]) == clip["provenance"]["audio_sha256"]
            seen.add(row["__key__"])
    assert seen == set(clips)


def check_parquet_row(row, clips):
    clip = clips[row["key"]]
    check_media(clip, row["audio"]["bytes"], row["image"]["bytes"])
    for name in ("caption", "genre", "tempo", "bpm", "relevance", "start_s", "end_s", "id"):
        assert row[name] == clip[name], (name, row[name], clip[name])
    for name in ("moods", "voices", "instruments", "aspects", "audioset_labels"):
        assert list(row[name]) == clip[name], (name, row[name], clip[name])
    assert json.loads(row["provenance"]) == clip["provenance"]
    return row["key"]


def check_parquet_pyarrow(out, clips):
    import pyarrow.parquet

    seen = set()
    for path in sorted(glob.glob(os.path.join(out, "parquet", "data", "*.parquet"))):
        file = pyarrow.parquet.ParquetFile(path)
        for group in range(file.num_row_groups):
            assert file.metadata.row_group(group).total_byte_size < 100_000_000
        for row in file.read().to_pylist():
            seen.add(check_parquet_row(row, clips))
    assert seen == set(clips)


def check_parquet_pandas(out, clips):
    import pandas

    seen = set()
    for path in sorted(glob.glob(os.path.join(out, "parquet", "data", "*.parquet"))):
        frame = pandas.read_parquet(path)
        assert frame["sample_rate_hz"].dtype == "int64" and frame["start_s"].dtype == "float64"
        seen |= set(frame["key"])
    assert seen == set(clips)


def check_parquet_datasets(out, clips):
    import datasets

    loaded = datasets.load_dataset(os.path.join(out, "parquet"))
    rates = {clip["sample_rate_hz"] for clip in clips.values()}
    seen = set()
    for side in loaded:
        features = loaded[side].features
        assert type(features["audio"]).__name__ == "Audio", features
        assert type(features["image"]).__name__ == "Image", features
        assert features["audio"].sampling_rate == (rates.copy().pop() if len(rates) == 1 else None)
        table = loaded[side].cast_column("audio", datasets.Audio(decode=False))
        for row in table.cast_column("image", datasets.Image(decode=False)):
            assert clips[row["key"]]["side"] == side
            seen.add(check_parquet_row(row, clips))
        assert loaded[side].remove_columns("audio")[0]["image"].size[0] > 0
    assert seen == set(clips)


def check_csv(out, clips):
    import pandas

    seen = set()
    for path in sorted(glob.glob(os.path.join(out, "csv", "*.csv"))):
        for _, row in pandas.read_csv(path).iterrows():
            clip = clips[row["id"].replace(":", "_")]
            assert row["caption"].lstrip("'") == clip["caption"].lstrip("'")
            assert abs(row["start_s"] - clip["start_s"]) < 1e-6
            assert os.path.exists(os.path.join(out, "csv", row["audio_path"]))
            seen.add(clip["key"])
    assert seen == set(clips)


def check_musiccaps(out, clips):
    columns = ["ytid", "start_s", "end_s", "audioset_positive_labels", "aspect_list", "caption",
               "author_id", "is_balanced_subset", "is_audioset_eval"]
    rows = 0
    for path in sorted(glob.glob(os.path.join(out, "musiccaps", "*.csv"))):
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            assert reader.fieldnames == columns
            for row in reader:
                aspects = ast.literal_eval(row["aspect_list"])
                clip = next(c for c in clips.values()
                            if c["provenance"]["locator"] == row["ytid"]
                            and abs(c["start_s"] - float(row["start_s"])) < 1e-6)
                assert aspects == clip["aspects"] and repr(aspects) == row["aspect_list"]
                assert row["caption"] == clip["caption"]
                assert row["is_audioset_eval"] in ("True", "False")
                rows += 1
    assert rows == len(clips)


def check_melfusion(out, clips):
    import datasets

    folder = os.path.join(out, "melfusion")
    files = {os.path.basename(p)[: -len(".json")]: p for p in glob.glob(os.path.join(folder, "*.json"))
             if "." not in os.path.basename(p)[: -len(".json")]}
    loaded = datasets.load_dataset("json", data_files=files)
    names = set()
    for side in loaded:
        assert set(loaded[side].column_names) == {"dataset", "location", "captions", "img_path"}
        for row in loaded[side]:
            key = os.path.basename(row["location"]).rsplit(".", 1)[0]
            assert row["captions"] == clips[key]["caption"]
            with open(os.path.join(folder, row["location"]), "rb") as audio:
                with open(os.path.join(folder, row["img_path"]), "rb") as image:
                    check_media(clips[key], audio.read(), image.read())
            names.add(key)
    assert names == set(clips)


def check_croissant(out, clips):
    import mlcroissant

    for folder in sorted(glob.glob(os.path.join(out, "*"))):
        card = os.path.join(folder, "dataset.croissant.json")
        dataset = mlcroissant.Dataset(card)
        assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.report()
        for name in [r.uuid for r in dataset.metadata.record_sets][:1]:
            rows = list(dataset.records(name))
            assert rows, folder


CHECKS = {
    "jsonl": [check_jsonl, check_jsonl_datasets],
    "webdataset": [check_webdataset, check_webdataset_datasets],
    "parquet": [check_parquet_pyarrow, check_parquet_pandas, check_parquet_datasets],
    "csv": [check_csv],
    "musiccaps": [check_musiccaps],
    "melfusion": [check_melfusion],
}


def main(out):
    failed = 0
    clips = read_jsonl(os.path.join(out, "jsonl"))
    todo = [c for name, checks in CHECKS.items() if os.path.isdir(os.path.join(out, name))
            for c in checks]
    try:
        import mlcroissant  # noqa: F401
        todo.append(check_croissant)
    except ImportError:
        print("skip  croissant: pip install mlcroissant")
    for check in todo:
        try:
            check(out, clips)
            print("ok   ", check.__name__, len(clips), "clips", flush=True)
        except Exception as error:  # a check that cannot run has failed
            failed += 1
            print("FAIL ", check.__name__, type(error).__name__, str(error)[:2000], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
