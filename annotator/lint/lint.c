/* SPDX-License-Identifier: Apache-2.0
 *
 * One reading of an answer: the text into words and mentions, then each check in turn. */
#include "annotator/lint/lint_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool lint_is(const LintWord *word, LintWordKind role)
{
    return (word->roles & 1u << role) != 0;
}

bool lint_list_has(const char *list, const char *id, size_t n)
{
    for (const char *at = list; n && *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == n && memcmp(at, id, n) == 0) return true;
        at += length;
    }
    return false;
}

bool lint_lists_meet(const char *a, const char *b)
{
    for (; *a; a += strspn(a, " ")) {
        size_t length = strcspn(a, " ");
        if (lint_list_has(b, a, length)) return true;
        a += length;
    }
    return false;
}

const char *lint_chosen(Lint *lint, const char *field)
{
    const Annotation *a = lint->input->annotation;
    Str list = {0};
    if (mel_equal(field, "genre") && a->genre) mel_str_add(&list, a->genre);
    for (size_t i = 0; i < a->term_count; i++)
        if (mel_equal(a->terms[i].field, field) && a->terms[i].term)
            mel_str_addf(&list, "%s%s", list.length ? " " : "", a->terms[i].term);
    const char *kept = mel_arena_strdup(&lint->scratch, mel_str_text(&list));
    mel_str_clear(&list);
    return kept;
}

const LintMention *lint_mention_of(const Lint *lint, LintWordKind kind, const char *ids,
                                   bool negated)
{
    for (size_t i = 0; i < lint->mention_count; i++) {
        const LintMention *mention = &lint->mentions[i];
        if (mention->entry->kind == kind && mention->negated == negated &&
            (!ids || lint_lists_meet(mention->entry->value, ids)))
            return mention;
    }
    return NULL;
}

const char *lint_quote(Lint *lint, const LintMention *mention)
{
    const LintWord *first = &lint->text.words[mention->first];
    const LintWord *last = first + mention->count - 1;
    return mel_arena_strndup(&lint->scratch, lint->text.bytes + first->start,
                             last->end - first->start);
}

bool lint_before_noun(const Lint *lint, const LintMention *mention, LintWordKind role, size_t ahead)
{
    size_t at = mention->first + mention->count;
    for (size_t i = at; i < lint->text.count && i < at + ahead; i++) {
        if (lint->text.words[i].parted) return false;
        if (lint_is(&lint->text.words[i], role)) return true;
    }
    return false;
}

LintFinding *lint_add(Lint *lint, LintKind kind, const char *field, size_t start, size_t end,
                      const char *format, ...)
{
    LintFindings *findings = lint->findings;
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    MEL_ASSERT(length >= 0);
    mel_grow(&findings->items, &findings->capacity, findings->count + 1, sizeof *findings->items);
    LintFinding *finding = &findings->items[findings->count++];
    *finding = (LintFinding){.kind = kind,
                             .severity = LINT_ADVICE,
                             .field = field,
                             .start = start,
                             .end = end,
                             .message = mel_arena_strdup(&findings->arena, text)};
    free(text);
    return finding;
}

LintFinding *lint_add_mention(Lint *lint, LintKind kind, const char *field,
                              const LintMention *mention, const char *format, ...)
{
    const LintWord *first = &lint->text.words[mention->first];
    const LintWord *last = first + mention->count - 1;
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    MEL_ASSERT(length >= 0);
    LintFinding *finding = lint_add(lint, kind, field, first->start, last->end, "%s", text);
    free(text);
    return finding;
}

const char *mel_lint_kind_name(LintKind kind)
{
    static const char *const names[LINT_KIND_COUNT] = {
        [LINT_SENTENCES] = "sentences",
        [LINT_SPELLING] = "spelling",
        [LINT_HEDGE] = "hedge",
        [LINT_LEAK] = "leak",
        [LINT_CONTRADICTION] = "contradiction",
        [LINT_UNLISTED] = "unlisted",
        [LINT_CONTENT] = "content",
        [LINT_REQUIRED] = "required",
    };
    MEL_ASSERT(kind < LINT_KIND_COUNT);
    return names[kind];
}

static int by_urgency(const void *a, const void *b)
{
    const LintFinding *p = a, *q = b;
    if (p->severity != q->severity) return p->severity > q->severity ? -1 : 1;
    bool p_placed = p->end > p->start, q_placed = q->end > q->start;
    if (p_placed != q_placed) return p_placed ? -1 : 1;
    if (p->start != q->start) return p->start < q->start ? -1 : 1;
    if (p->kind != q->kind) return p->kind < q->kind ? -1 : 1;
    return strcmp(p->message, q->message);
}

static void read_answer(Lint *lint)
{
    const LintLexicon *lexicon = lint->input->lexicon;
    const char *text = lint->input->annotation->text;
    lint_text_read(&lint->text, text ? text : "", &lint->scratch);
    lint_lexicon_mark(lexicon, &lint->text);
    lint_sentences_split(lexicon, &lint->text);
    lint_lexicon_find(lexicon, &lint->text, &lint->mentions, &lint->mention_count,
                      &lint->mention_capacity);
}

void mel_lint(const LintInput *input, LintFindings *findings)
{
    static void (*const checks[])(Lint *) = {
        lint_check_sentences,   lint_check_spelling, lint_check_hedges,   lint_check_leaks,
        lint_check_genre,       lint_check_mood,     lint_check_tempo,    lint_check_voices,
        lint_check_instruments, lint_check_content,  lint_check_required,
    };
    Lint lint = {.input = input, .findings = findings};
    findings->count = 0;
    mel_arena_clear(&findings->arena);
    read_answer(&lint);
    for (size_t i = 0; i < MEL_COUNT(checks); i++)
        checks[i](&lint);
    if (findings->count > 1)
        qsort(findings->items, findings->count, sizeof *findings->items, by_urgency);
    free(lint.mentions);
    lint_text_clear(&lint.text);
    mel_arena_clear(&lint.scratch);
}

void mel_lint_findings_clear(LintFindings *findings)
{
    free(findings->items);
    mel_arena_clear(&findings->arena);
    *findings = (LintFindings){0};
}
