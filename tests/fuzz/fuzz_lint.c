/* SPDX-License-Identifier: Apache-2.0
 *
 * mel_lint on any bytes: the first line is a title and a channel, the rest a text. Findings lie
 * inside the text and on whole characters of it. */
#include "annotator/annotator.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_finding(const LintFinding *finding, const char *text, bool valid)
{
    MEL_ASSERT(finding->start <= finding->end && finding->end <= strlen(text));
    MEL_ASSERT(finding->kind < LINT_KIND_COUNT && *finding->message);
    if (valid) {
        MEL_ASSERT(((unsigned char)text[finding->start] & 0xC0) != 0x80);
        MEL_ASSERT(((unsigned char)text[finding->end] & 0xC0) != 0x80);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static LintLexicon *lexicon;
    static const AnnotationTerm terms[] = {
        {"voice",      "none",  ""    },
        {"mood",       "happy", ""    },
        {"instrument", "drums", "lead"}
    };
    if (!lexicon) lexicon = mel_lint_lexicon_new(NULL, 0);
    char *title = mel_strndup((const char *)data, size), *newline = strchr(title, '\n');
    const char *text = newline ? newline + 1 : title;
    if (newline) *newline = '\0';
    Annotation annotation;
    LintFindings findings = {0};
    mel_annotation_init(&annotation);
    annotation.text = text;
    annotation.genre = "jazz", annotation.tempo = "slow", annotation.bpm = 70;
    annotation.terms = terms, annotation.term_count = MEL_COUNT(terms);
    mel_lint(&(LintInput){.annotation = &annotation,
                          .lexicon = lexicon,
                          .title = title,
                          .channel = text,
                          .names = (const char *const[]){title},
                          .name_count = 1},
             &findings);
    for (size_t i = 0; i < findings.count; i++)
        check_finding(&findings.items[i], text, mel_utf8_valid(text, strlen(text)));
    mel_lint_findings_clear(&findings);
    free(title);
    return 0;
}
