/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/translation.h"

#include "annotator/data_folder.h"
#include "base/base.h"

#include <gtk/gtk.h>
#include <libintl.h>
#include <locale.h>

static const char *text(const char *english)
{
    return gettext(english);
}

static const char *count(const char *one, const char *many, unsigned long n)
{
    return ngettext(one, many, n);
}

void mel_translation_init(void)
{
    const char *told = g_getenv("MEL_LOCALEDIR");
    char *folder = told ? g_strdup(told) : mel_data_folder("annotator/locale", "share/locale");
    if (!setlocale(LC_ALL, "")) g_message("this system does not have the locale that is asked for");
    setlocale(LC_NUMERIC, "C");
    gtk_disable_setlocale(); /* which would take the decimal comma again */
    bindtextdomain(GETTEXT_PACKAGE, folder);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);
    mel_translate_by(&(Translator){text, count}); /* what the libraries say */
    g_free(folder);
}
