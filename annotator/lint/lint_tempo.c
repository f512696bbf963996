/* SPDX-License-Identifier: Apache-2.0
 *
 * Tempo three times over: words of the text, a number of the text, and the fields. Numbers agree
 * within a tolerance and up to a factor of two, as the same music is felt at either pulse. */
#include "annotator/lint/lint_internal.h"

#include <math.h>
#include <string.h>

/* The classes' bounds in BPM, as the vocabulary's labels say them. */
static const struct {
    const char *id;
    double low, high;
} classes[] = {
    {"very-slow", 0,   60  },
    {"slow",      60,  80  },
    {"moderate",  80,  112 },
    {"fast",      112, 145 },
    {"very-fast", 145, 1000},
};

static const double tolerance = 0.08;
static const double factors[] = {0.5, 1, 2};

static bool near_bpm(double said, double wanted)
{
    for (size_t i = 0; i < MEL_COUNT(factors); i++)
        if (fabs(said * factors[i] - wanted) <= tolerance * wanted) return true;
    return false;
}

static bool in_class(double bpm, const char *id)
{
    for (size_t c = 0; c < MEL_COUNT(classes); c++)
        for (size_t i = 0; mel_equal(id, classes[c].id) && i < MEL_COUNT(factors); i++)
            if (bpm * factors[i] >= classes[c].low * (1 - tolerance) &&
                bpm * factors[i] <= classes[c].high * (1 + tolerance))
                return true;
    return false;
}

static bool is_class(const char *id)
{
    for (size_t c = 0; c < MEL_COUNT(classes); c++)
        if (mel_equal(id, classes[c].id)) return true;
    return false;
}

/* "slow" is a tempo in "a slow song" and in "the tempo is slow", not in "a slow attack". */
static bool is_tempo(const Lint *lint, const LintMention *mention)
{
    enum { AHEAD = 2, BACK = 4 };
    if (mention->negated) return false;
    if (mention->entry->kind == KIND_TEMPO) return true;
    if (mention->entry->kind != KIND_TEMPO_WORD) return false;
    if (lint_before_noun(lint, mention, KIND_TEMPO_NOUN, AHEAD)) return true;
    for (size_t back = 0; back < BACK && mention->first > back; back++) {
        const LintWord *word = &lint->text.words[mention->first - back - 1];
        if (word[1].parted) return false;
        if (mel_equal(word->folded, "tempo") || mel_equal(word->folded, "pace")) return true;
    }
    return false;
}

/* One word that fits is enough: a clip may change. */
static void check_words(Lint *lint, const char *tempo)
{
    const LintMention *wrong = NULL;
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        if (!is_tempo(lint, mention)) continue;
        if (lint_list_has(mention->entry->value, tempo, strlen(tempo))) return;
        if (!wrong) wrong = mention;
    }
    if (!wrong) return;
    lint_add_mention(lint, LINT_CONTRADICTION, "tempo", wrong,
                     _("The text says '%s', the chosen tempo is %s."), lint_quote(lint, wrong),
                     lint_lexicon_label(lint->input->lexicon, "tempo", tempo));
}

/* The number that starts a word: "140" and "140bpm"; 0 when there is none. */
static double number_of(const LintWord *word)
{
    char digits[16] = "";
    size_t n = strspn(word->folded, "0123456789.");
    double value;
    if (n == 0 || n >= sizeof digits) return 0;
    memcpy(digits, word->folded, n);
    return mel_parse_f64(digits, &value) ? value : 0;
}

static bool says(const LintText *text, size_t i, const char *a, const char *b, const char *c)
{
    const char *const wanted[] = {a, b, c};
    for (size_t w = 0; w < 3 && wanted[w]; w++)
        if (i + w >= text->count || !mel_equal(text->words[i + w].folded, wanted[w])) return false;
    return true;
}

/* The word that gives a tempo in BPM: "140 BPM", "140bpm", "120 beats per minute", "BPM of 90". */
static bool gives_bpm(const LintText *text, size_t i)
{
    const LintWord *word = &text->words[i];
    if (number_of(word) <= 0) return false;
    if (mel_ends_with(word->folded, "bpm") || says(text, i + 1, "bpm", NULL, NULL)) return true;
    if (says(text, i + 1, "beats", "per", "minute")) return true;
    return (i >= 2 && says(text, i - 2, "bpm", "of", NULL)) ||
           (i >= 1 && says(text, i - 1, "bpm", NULL, NULL));
}

static bool fits(const Annotation *a, double said)
{
    if (isfinite(a->bpm) && a->bpm > 0) return near_bpm(said, a->bpm);
    return !a->tempo || !is_class(a->tempo) || in_class(said, a->tempo);
}

static void check_numbers(Lint *lint)
{
    const Annotation *a = lint->input->annotation;
    bool by_bpm = isfinite(a->bpm) && a->bpm > 0;
    for (size_t i = 0; i < lint->text.count; i++) {
        const LintWord *word = &lint->text.words[i];
        if (!gives_bpm(&lint->text, i)) continue;
        bool range = i > 0 && word->glued && number_of(word - 1) > 0; /* "120-130 BPM" */
        if (fits(a, number_of(word)) || (range && fits(a, number_of(word - 1)))) continue;
        LintMention mention = {.first = i, .count = 1};
        lint_add_mention(lint, LINT_CONTRADICTION, by_bpm ? "bpm" : "tempo", &mention,
                         _("The text gives %g BPM, which is not what the field says."),
                         number_of(word));
        return;
    }
}

void lint_check_tempo(Lint *lint)
{
    const Annotation *a = lint->input->annotation;
    bool classed = a->tempo && is_class(a->tempo);
    if (classed) check_words(lint, a->tempo);
    check_numbers(lint);
    if (classed && isfinite(a->bpm) && a->bpm > 0 && !in_class(a->bpm, a->tempo))
        lint_add(lint, LINT_CONTRADICTION, "bpm", 0, 0, _("%g BPM is not %s, at no pulse."), a->bpm,
                 lint_lexicon_label(lint->input->lexicon, "tempo", a->tempo));
}
