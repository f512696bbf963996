/* SPDX-License-Identifier: Apache-2.0 */
#include "base/translate.h"

static Translator translator;

void mel_translate_by(const Translator *by)
{
    translator = *by;
}

/* gettext takes "" for a catalogue's own head. */
const char *mel_text(const char *english)
{
    return translator.text && *english ? translator.text(english) : english;
}

const char *mel_text_count(const char *one, const char *many, unsigned long n)
{
    if (translator.count) return translator.count(one, many, n);
    return n == 1 ? one : many;
}
