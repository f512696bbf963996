/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of a person's taste, by GSettings. Where its schema is not installed the
 * program runs on the usual values, and forgets at the end what is changed. */
#ifndef MEL_ANNOTATOR_SETTINGS_H
#define MEL_ANNOTATOR_SETTINGS_H

#include <gio/gio.h>

typedef enum MelSetting {
#define SETTING(name, key, usual) SETTING_##name,
#include "annotator/settings.def"
#undef SETTING
    MEL_SETTINGS
} MelSetting;

typedef struct MelSettings MelSettings;

/* The schema is looked for in the build folder or the installed tree that the program runs from,
 * then where GSettings looks by itself. Never NULL; yours to free. */
MelSettings *mel_settings_new(void);
void mel_settings_free(MelSettings *settings); /* NULL is fine; what is bound stays bound */

/* Whether what is set is kept for the next start. */
gboolean mel_settings_are_kept(const MelSettings *settings);

/* The value, of the type that settings.def says; a text is yours to g_free. */
gboolean mel_settings_flag(const MelSettings *settings, MelSetting setting);
int mel_settings_number(const MelSettings *settings, MelSetting setting);
char *mel_settings_text(const MelSettings *settings, MelSetting setting);

/* FALSE, and nothing changes: the schema does not allow the value. Takes a floating value over. */
gboolean mel_settings_set(MelSettings *settings, MelSetting setting, GVariant *value);

/* The object's property takes the value now; where settings are kept, changes of either reach the
 * other for as long as the object lives. */
void mel_settings_bind(MelSettings *settings, MelSetting setting, gpointer object,
                       const char *property);

const char *mel_setting_key(MelSetting setting);
GVariant *mel_setting_usual(MelSetting setting); /* yours to unref */

#endif
