/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences for people are written in English where they arise, and shown in the person's language:
 *
 *     mel_str_addf(&out, mel_text("%s agree on %s"), who, mel_text(what));
 *
 * A program that speaks other languages says once how they are translated; in every other one, and
 * in tests, the English stands. */
#ifndef MEL_BASE_TRANSLATE_H
#define MEL_BASE_TRANSLATE_H

typedef struct Translator {
    const char *(*text)(const char *english);
    const char *(*count)(const char *one, const char *many, unsigned long n);
} Translator;

/* Both give a text that lives on, with the conversions of the English. Called once, before there
 * are threads. */
void mel_translate_by(const Translator *translator);

/* The text in the person's language, "" for "". */
const char *mel_text(const char *english) __attribute__((format_arg(1)));

/* The one for that number of things. */
const char *mel_text_count(const char *one, const char *many, unsigned long n)
    __attribute__((format_arg(1), format_arg(2)));

#endif
