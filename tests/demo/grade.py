# SPDX-License-Identifier: Apache-2.0
"""Compares what Melkit found with what the world generator planted.

usage: grade.py WORLD CLIPS.jsonl DUPLICATES.jsonl
Prints one line a kind of fault: clips planted, found, and sound clips that were found as well. Exits 1
when a fault that curation can see was missed, or a sound clip was kept out.
"""
import csv
import json
import os
import sys

# Which pass or failure finds which fault. "mismatch" is found by purity, once there is a model
FINDERS = {
    "silent": {"silent"},
    "no-sound": {"media.no_audio"},
    "truncated": {"media.truncated", "media.damaged"},
    "not-media": {"media.container", "media.open"},
    "clipped": {"clipped"},
    "black-picture": {"black"},
    "static-picture": {"static"},
    "low-bandwidth": {"narrow"},
    "fake-stereo": {"fake-stereo"},
    "dropouts": {"dropouts"},
    "late-sound": {"late"},
    "past-end": {"media.past_end"},
    "partly-past-end": {"late", "media.past_end"},
}
LATER = {"mismatch"}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main():
    world, clips_path, pairs_path = sys.argv[1:]
    with open(os.path.join(world, "truth.json"), encoding="utf-8") as file:
        truth = json.load(file)
    clips = {}
    for row in lines(clips_path):
        words = set((row["excluded_by"] or "").split(",")) - {""}
        if row["reason"]:
            words.add(row["reason"])
        clips[(row["locator"], round(row["start_s"] * 1000))] = (row["id"], words)
    pairs = {(p["kind"], frozenset((p["a"], p["b"]))) for p in lines(pairs_path)}

    def key(clip):
        return (os.path.abspath(os.path.join(world, clip["path"])), round(clip["start_s"] * 1000))

    with open(os.path.join(world, "list.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for fault in truth["row_faults"]:
        row = rows[fault["line"] - 2]
        try:
            fault["clips"] = [{"path": row["path"], "start_s": float(row["start_s"])}]
        except ValueError:
            fault["clips"] = []
    planted = {}
    for fault in truth["faults"] + truth["row_faults"]:
        planted.setdefault(fault["kind"], []).append(fault)
    spoiled = {key(c) for f in truth["faults"] + truth["row_faults"]
               if f["kind"] != "duplicate-row" for c in f["clips"]}
    spoiled |= {key(c) for f in truth["faults"] for c in f.get("partner_clips", [])}
    missed = alarms = 0
    print(f"    {'fault':<18}{'planted':>9}{'found':>8}{'missed':>8}{'false alarms':>14}")
    for kind, faults in sorted(planted.items()):
        if kind in ("reupload", "same-picture"):
            want = "audio" if kind == "reupload" else "picture"
            total, found = len(faults), 0
            for fault in faults:
                a = {clips[key(c)][0] for c in fault["clips"] if key(c) in clips}
                b = {clips[key(c)][0] for c in fault["partner_clips"] if key(c) in clips}
                found += any((want, frozenset((x, y))) in pairs for x in a for y in b)
            false = sum(1 for k, _ in pairs if k == want) if found == 0 else 0
            unit = " sources"
        elif kind in FINDERS:
            places = [key(c) for f in faults for c in f["clips"]]
            total = len(places)
            found = sum(1 for p in places if p in clips and clips[p][1] & FINDERS[kind])
            false = sum(1 for p, (_, words) in clips.items()
                        if words & FINDERS[kind] and p not in spoiled)
            unit = ""
        elif kind in LATER:
            total = sum(len(f["clips"]) for f in faults)
            print(f"    {kind:<18}{total:>9}       -       -             -   (purity, below)")
            continue
        else:  # rows that import refuses, or folds into one
            total = len(faults)
            wanted = 1 if kind == "duplicate-row" else 0
            found = sum(all((key(c) in clips) == wanted for c in f["clips"]) for f in faults)
            false = 0
            unit = " rows"
        missed += total - found
        alarms += false
        print(f"    {kind:<18}{total:>9}{found:>8}{total - found:>8}{false:>14}{unit}")
    untouched = sum(1 for p, (_, words) in clips.items() if p not in spoiled and not words)
    sound = sum(1 for p in clips if p not in spoiled)
    print(f"    {untouched} of {sound} clips without a planted fault came through untouched")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
