# SPDX-License-Identifier: Apache-2.0
"""What the demo asks of the music model, as lines for 'mel generate --batch': every held-out picture
and text with each seed, in the given kinds.

usage: requests.py DEMO COUNT SEEDS KIND…
"""
import json
import os
import sys


def main():
    demo, count, seeds, kinds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    with open(os.path.join(demo, "held-out.jsonl"), encoding="utf-8") as file:
        triplets = [json.loads(line) for line in file][:count]
    for seed in range(1, seeds + 1):
        for kind in kinds:
            os.makedirs(os.path.join(demo, "generated", str(seed), kind), exist_ok=True)
    for number, triplet in enumerate(triplets):
        for seed in range(1, seeds + 1):
            for kind in kinds:
                name = triplet["id"].replace(":", "_") + ".wav"
                request = {"out": os.path.join(demo, "generated", str(seed), kind, name),
                           "seed": seed * 1000 + number}
                if kind != "image":
                    request["text"] = triplet["text"]
                if kind != "text":
                    request["image"] = os.path.join(demo, "dataset", triplet["image_path"])
                print(json.dumps(request))


if __name__ == "__main__":
    main()
