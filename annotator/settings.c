/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/settings.h"

#include "annotator/data_folder.h"

#define SCHEMA "org.melkit.Annotator"

struct MelSettings {
    GSettings *kept;                /* NULL: there is no schema */
    GVariant *values[MEL_SETTINGS]; /* where there is none */
};

static const struct {
    const char *key, *usual;
} defs[MEL_SETTINGS] = {
#define SETTING(name, key, usual) [SETTING_##name] = {key, usual},
#include "annotator/settings.def"
#undef SETTING
};

const char *mel_setting_key(MelSetting setting)
{
    return defs[setting].key;
}

GVariant *mel_setting_usual(MelSetting setting)
{
    GError *error = NULL;
    GVariant *value = g_variant_parse(NULL, defs[setting].usual, NULL, NULL, &error);
    if (!value) g_error("settings.def: '%s': %s", defs[setting].key, error->message);
    return value;
}

/* ---- the schema ------------------------------------------------------------------------------ */

/* NULL: it is nowhere. g_settings_new would end the program then. */
static GSettingsSchema *find_schema(void)
{
    GSettingsSchemaSource *usual = g_settings_schema_source_get_default();
    char *folder = mel_data_folder("annotator/schemas", "share/glib-2.0/schemas");
    GSettingsSchemaSource *own =
        g_settings_schema_source_new_from_directory(folder, usual, TRUE, NULL);
    GSettingsSchemaSource *source = own ? own : usual;
    GSettingsSchema *schema = source ? g_settings_schema_source_lookup(source, SCHEMA, TRUE) : NULL;
    g_clear_pointer(&own, g_settings_schema_source_unref);
    g_free(folder);
    return schema;
}

/* An older schema that is installed may lack a key, and asking for one would end the program. */
static gboolean has_all_keys(GSettingsSchema *schema)
{
    for (int i = 0; i < MEL_SETTINGS; i++)
        if (!g_settings_schema_has_key(schema, defs[i].key)) return FALSE;
    return TRUE;
}

MelSettings *mel_settings_new(void)
{
    MelSettings *settings = g_new0(MelSettings, 1);
    GSettingsSchema *schema = find_schema();
    if (schema && has_all_keys(schema))
        settings->kept = g_settings_new_full(schema, NULL, NULL);
    else
        for (int i = 0; i < MEL_SETTINGS; i++)
            settings->values[i] = mel_setting_usual((MelSetting)i);
    g_clear_pointer(&schema, g_settings_schema_unref);
    return settings;
}

void mel_settings_free(MelSettings *settings)
{
    if (!settings) return;
    g_clear_object(&settings->kept);
    for (int i = 0; i < MEL_SETTINGS; i++)
        g_clear_pointer(&settings->values[i], g_variant_unref);
    g_free(settings);
}

gboolean mel_settings_are_kept(const MelSettings *settings)
{
    return settings->kept != NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static GVariant *value_of(const MelSettings *settings, MelSetting setting)
{
    return settings->kept ? g_settings_get_value(settings->kept, defs[setting].key)
                          : g_variant_ref(settings->values[setting]);
}

gboolean mel_settings_flag(const MelSettings *settings, MelSetting setting)
{
    GVariant *value = value_of(settings, setting);
    gboolean flag = g_variant_get_boolean(value);
    g_variant_unref(value);
    return flag;
}

int mel_settings_number(const MelSettings *settings, MelSetting setting)
{
    GVariant *value = value_of(settings, setting);
    int number = g_variant_get_int32(value);
    g_variant_unref(value);
    return number;
}

char *mel_settings_text(const MelSettings *settings, MelSetting setting)
{
    GVariant *value = value_of(settings, setting);
    char *text = g_variant_dup_string(value, NULL);
    g_variant_unref(value);
    return text;
}

static gboolean allows(GSettings *kept, const char *key, GVariant *value)
{
    GSettingsSchema *schema = NULL;
    g_object_get(kept, "settings-schema", &schema, NULL);
    GSettingsSchemaKey *def = g_settings_schema_get_key(schema, key);
    gboolean allowed = g_settings_schema_key_range_check(def, value);
    g_settings_schema_key_unref(def);
    g_settings_schema_unref(schema);
    return allowed;
}

static gboolean keep(MelSettings *settings, MelSetting setting, GVariant *value)
{
    if (settings->kept)
        return allows(settings->kept, defs[setting].key, value) &&
               g_settings_set_value(settings->kept, defs[setting].key, value);
    g_variant_unref(settings->values[setting]);
    settings->values[setting] = g_variant_ref(value);
    return TRUE;
}

gboolean mel_settings_set(MelSettings *settings, MelSetting setting, GVariant *value)
{
    GVariant *before = value_of(settings, setting);
    g_variant_ref_sink(value);
    gboolean ok =
        g_variant_is_of_type(value, g_variant_get_type(before)) && keep(settings, setting, value);
    g_variant_unref(before);
    g_variant_unref(value);
    return ok;
}

/* Without a schema nothing is kept: the property only starts with the value. */
void mel_settings_bind(MelSettings *settings, MelSetting setting, gpointer object,
                       const char *property)
{
    if (settings->kept) {
        g_settings_bind(settings->kept, defs[setting].key, object, property,
                        G_SETTINGS_BIND_DEFAULT);
        return;
    }
    GValue value = G_VALUE_INIT;
    g_dbus_gvariant_to_gvalue(settings->values[setting], &value);
    g_object_set_property(object, property, &value);
    g_value_unset(&value);
}
