# SPDX-License-Identifier: Apache-2.0
"""The demo's page: what purity found, how well pictures come back from noise, the paper's Table 4 in
small, and held-out pictures with the music that was made for them.

usage: page.py DEMO CURATION_SECONDS TRAINING_SECONDS [quick]    writes DEMO/index.html
       page.py --table DEMO                                      prints Table 4 in small
       page.py --reconstructed FILE                              prints the reconstructions
"""
import html
import json
import os
import statistics
import subprocess
import sys

import purity

# Guided: the half of the guidance that lacks the text lacks the picture too.
KINDS = {"text": "text only", "image": "image only", "both": "both", "guided": "both, guided"}
JOINED = ("both", "guided")
METRICS = {"fad": ("FAD", 2, -1), "fd": ("FD", 1, -1), "kl": ("KL", 3, -1), "imsm": ("IMSM", 4, 1)}
SHOWN = 8


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# ---- numbers ---------------------------------------------------------------------------------


def evaluated(demo):
    """kind -> metric -> its values, one a seed."""
    folder = os.path.join(demo, "evaluated")
    found = {kind: {metric: [] for metric in METRICS} for kind in KINDS}
    for name in sorted(os.listdir(folder)):
        kind = name.split("-")[1].split(".")[0]
        for metric in METRICS:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found[kind][metric].append(json.loads(file.read())[metric])
    return found


def spread(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0


def cell(values, digits):
    text = f"{statistics.mean(values):.{digits}f}"
    return text + (f" ± {spread(values):.{digits}f}" if len(values) > 1 else "")


def verdict(found, kind, metric):
    """Does it beat 'text only' by more than the seeds differ?"""
    name, digits, sign = METRICS[metric]
    both, text = found[kind][metric], found["text"][metric]
    gain = sign * (statistics.mean(both) - statistics.mean(text))
    noise = max(spread(both), spread(text))
    way = "better" if gain >= 0 else "worse"
    if len(both) < 2:
        return f"{name}: {way} by {abs(gain):.{digits}f} (one seed: no spread)"
    word = "more than" if abs(gain) > noise else "less than"
    return f"{name}: {way} by {abs(gain):.{digits}f}, {word} the spread of {noise:.{digits}f}"


def print_table(demo):
    found = evaluated(demo)
    print("    " + f"{'':<12}" + "".join(f"{name:>18}" for name, _, _ in METRICS.values()))
    for kind, title in KINDS.items():
        print("    " + f"{title:<12}" + "".join(
            f"{cell(found[kind][metric], digits):>18}"
            for metric, (_, digits, _) in METRICS.items()))
    for kind in JOINED:
        print(f"    {KINDS[kind].capitalize()}, beside text only: " +
              "; ".join(verdict(found, kind, m) for m in METRICS))


def print_reconstructed(path):
    for row in lines(path):
        print(f"    convention '{row['convention']}': latent {row['latent_db']:.1f} dB "
              f"(wanted: at least 30), picture {row['picture_db']:.1f} dB of the "
              f"{row['autoencoder_db']:.1f} dB that the autoencoder allows")


# ---- the page --------------------------------------------------------------------------------

STYLE = """
:root { --paper: #fcfbf8; --ink: #1c1e22; --muted: #61656d; --rule: #dddad2; --mark: #b4532a; --card: #f4f2ec; --bar: #2f5f8f; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e7e5df; --muted: #9c9fa6; --rule: #33363b; --mark: #e89766; --card: #1e2125; --bar: #7fb1dd; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3.5rem 1.5rem 4rem; max-width: 82rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; }
h1, h2 { font-family: Palatino, "Book Antiqua", Georgia, "Noto Serif", serif; font-weight: 500; line-height: 1.2; }
h1 { font-size: 2.6rem; margin: 0.1rem 0 0.3rem; }
h2 { font-size: 1.55rem; margin: 3rem 0 1.2rem; padding-top: 1.1rem; border-top: 1px solid var(--rule); }
p { margin: 0 0 1rem; max-width: 46rem; } a { color: var(--bar); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-bottom: 1rem; }
th, td { text-align: right; padding: 0.35rem 1.4rem 0.35rem 0; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; } th { color: var(--muted); font-weight: 500; font-size: 0.9rem; }
td b { font-weight: 600; }
pre { background: var(--card); padding: 1rem; overflow-x: auto; font-size: 0.82rem; line-height: 1.45; }
.item { display: grid; grid-template-columns: 15rem 1fr; gap: 1.5rem; padding: 1.4rem 0; border-top: 1px solid var(--rule); }
.item img.still { width: 100%; display: block; } .item p { font-size: 0.92rem; margin: 0.6rem 0 0; }
.takes { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 1rem; align-content: start; }
.takes div { min-width: 0; } .takes b { font-weight: 500; font-size: 0.85rem; color: var(--muted); }
.takes img { width: 100%; display: block; background: #000; } audio { width: 100%; height: 2rem; margin-top: 0.3rem; }
.note { color: var(--muted); font-size: 0.9rem; }
@media (max-width: 72rem) { .takes { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (max-width: 46rem) { .item { grid-template-columns: 1fr; } .takes { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
"""


def spectrogram(demo, sound, name):
    """A picture of the sound's first ten seconds; its path below the demo's folder."""
    path = os.path.join("spectrograms", name + ".png")
    full = os.path.join(demo, path)
    if not os.path.exists(full):
        os.makedirs(os.path.dirname(full), exist_ok=True)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", sound, "-lavfi",
                        "atrim=end=10,aresample=16000,aformat=channel_layouts=mono,"
                        "showspectrumpic=s=320x160:legend=0:color=magma:scale=log", full],
                       check=True)
    return path


def take(demo, title, sound, name):
    picture = spectrogram(demo, sound, name)
    relative = os.path.relpath(sound, demo)
    return (f'<div><b>{title}</b><img src="{picture}" alt="spectrogram" loading="lazy">'
            f'<audio controls preload="none" src="{html.escape(relative)}"></audio></div>')


def item(demo, triplet, sound):
    name = triplet["id"].replace(":", "_")
    takes = [take(demo, "the real music", sound, f"real-{name}")]
    for kind, title in KINDS.items():
        path = os.path.join(demo, "generated", "1", kind, name + ".wav")
        takes.append(take(demo, title, path, f"{kind}-{name}"))
    still = html.escape(os.path.join("dataset", triplet["image_path"]))
    return (f'<div class="item"><div><img class="still" src="{still}" alt="the picture">'
            f'<p>{html.escape(triplet["text"])}</p>'
            f'<p class="note">what the picture knows: {html.escape(triplet["moods"])}</p></div>'
            f'<div class="takes">{"".join(takes)}</div></div>')


def table(head, rows):
    out = ["<table><tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    for row in rows:
        out.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    return "".join(out) + "</table>"


def marked(found, kind, metric):
    """A cell of Table 4, in bold where it is the best of its column."""
    _, digits, sign = METRICS[metric]
    best = max(found, key=lambda k: sign * statistics.mean(found[k][metric]))
    text = cell(found[kind][metric], digits)
    return f"<b>{text}</b>" if kind == best else text


def losses(demo):
    rows = []
    for name in ("clip", "cnn14", "vggish", "sound", "image_vae", "image", "vae", "music"):
        steps = [r for r in lines(os.path.join(demo, "runs", name, "metrics.jsonl"))]
        trained = [r for r in steps if "loss" in r]
        checked = [r["validation_loss"] for r in steps if "validation_loss" in r]
        seconds = sum(r["seconds"] for r in trained)
        rows.append([name, len(trained), f"{trained[0]['loss']:.3f}", f"{trained[-1]['loss']:.3f}",
                     f"{checked[-1]:.3f}" if checked else "", f"{seconds:.0f} s"])
    return table(["network", "steps", "first loss", "last loss", "validation", "time"], rows)


def music_of(demo):
    """clip -> its sound's path."""
    mel = ["build/bin/mel", "-C", os.path.join(demo, "dataset"), "--json", "list", "--view",
           "triplets", "--columns", "id,audio_path", "--where", "included"]
    out = subprocess.run(mel, check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return {row["id"]: os.path.join(demo, "dataset", row["audio_path"]) for row in rows}


def minutes_heard(demo):
    with open(os.path.join(demo, "shards", "moods", "index.json"), encoding="utf-8") as file:
        return round(len(json.load(file)["items"]) / 6)


def write_page(demo, curation_s, training_s, quick):
    found = evaluated(demo)
    matched, mismatched = purity.read(os.path.join(demo, "purity.jsonl"))
    area = purity.area(matched, mismatched)
    sounds = music_of(demo)
    held_out = [t for t in lines(os.path.join(demo, "held-out.jsonl"))
                if os.path.exists(os.path.join(demo, "generated", "1", "both",
                                               t["id"].replace(":", "_") + ".wav"))]
    with open(os.path.join(demo, "faults.txt"), encoding="utf-8") as file:
        faults = html.escape(file.read())
    rows = [[title] + [marked(found, kind, metric) for metric in METRICS]
            for kind, title in KINDS.items()]
    heads = [""] + [name + (" ↑" if sign > 0 else " ↓") for name, _, sign in METRICS.values()]
    back = [[row["convention"], f"{row['latent_db']:.1f} dB", f"{row['picture_db']:.1f} dB",
             f"{row['autoencoder_db']:.1f} dB"]
            for row in lines(os.path.join(demo, "reconstructed.jsonl"))]
    parts = [
        f"<h1>A world from nothing to music</h1><p>Curated in {curation_s} s, trained, generated "
        f"and judged in {training_s} s, on this machine's processor, without a downloaded weight. "
        "It shows that the machinery works, and says nothing of how good music gets: the networks "
        "have less than a hundredth of the published ones' weights, and heard " + str(minutes_heard(demo)) +
        " minutes of synthetic music. " + ("<b>This was a first look, --quick: everything stopped "
        "at an eighth of its training. Nothing is to be heard and no number means anything before "
        "the whole demo.</b> " if quick else "") + 'The dataset has <a href="report.html">a report of its own</a>.</p>',
        "<h2>Table 4 in small</h2><p>The picture of a source knows its mood, which is in the "
        "music's mode, brightness, warmth, swell and room; the text knows genre, tempo and "
        "instruments. Whoever has both should do better; the lines below the table say whether that "
        "is so. Guidance strengthens what the text says; where it is said to be guided, also what the "
        "picture says. Everything below was made for sources that no network heard in training.</p>",
        table(heads, rows),
        "".join(f"<p>{KINDS[kind].capitalize()}, beside text only. " +
                ". ".join(verdict(found, kind, m) for m in METRICS) + ".</p>" for kind in JOINED),
        f'<p class="note">Means over {len(found["both"]["fad"])} seed(s) of sampling, ± one standard deviation; '
        "every sound, made or real, was scaled to a peak of 0.5, the level that the model is taught "
        "at; judged by a VGGish (FAD), a Cnn14 (FD, KL) and towers (IMSM) that were trained here as "
        "well: comparable within this table only.</p>",
        "<h2>Pictures and the music made for them</h2>",
        "".join(item(demo, t, sounds[t["id"]]) for t in held_out[:SHOWN]),
        f"<h2>Purity</h2><p>{len(matched)} matched pairs that no training saw have a mean purity of "
        f"{statistics.mean(matched):.4f}, {len(mismatched)} planted mismatches one of "
        f"{statistics.mean(mismatched):.4f}. The area under the ROC curve is {area:.3f}.</p>",
        "<h2>A picture into noise and back</h2><p>50 steps of DDIM inversion and 50 back, in the "
        "latents of held-out pictures.</p>",
        table(["convention", "latent", "picture", "autoencoder alone"], back),
        "<h2>What was trained</h2>", losses(demo),
        "<h2>Planted faults</h2><pre>" + faults + "</pre>",
    ]
    page = ('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width, initial-scale=1"><meta name="color-scheme" content='
            f'"light dark"><title>Melkit: from nothing to music</title><style>{STYLE}</style></head>'
            f'<body>{"".join(parts)}</body></html>\n')
    with open(os.path.join(demo, "index.html"), "w", encoding="utf-8") as file:
        file.write(page)


def main():
    if sys.argv[1] == "--table":
        print_table(sys.argv[2])
    elif sys.argv[1] == "--reconstructed":
        print_reconstructed(sys.argv[2])
    else:
        write_page(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), len(sys.argv) > 4)


if __name__ == "__main__":
    main()
