/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config_reader.h"

enum { LISTED_MAX = 1 << 14 };

ConfigReader config_below(const ConfigReader *whole, const char *key)
{
    return (ConfigReader){.object = json_object_get(whole->object, key),
                          .where = key,
                          .err = whole->err,
                          .ok = whole->ok};
}

static void refuse(ConfigReader *r, const char *key, long long least, long long most)
{
    if (r->ok)
        mel_err(r->err, ERR_FORMAT, "'%s' of %s is not a whole number from %lld to %lld", key,
                r->where, least, most);
    r->ok = false;
}

int64_t config_whole(ConfigReader *r, const char *key, int64_t fallback, int64_t most)
{
    const json_t *value = json_object_get(r->object, key);
    if (!value || json_is_null(value)) return fallback;
    int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;
    if (n < 1 || n > most) refuse(r, key, 1, most);
    return n < 1 ? 1 : n > most ? most : n;
}

void config_wholes(ConfigReader *r, const char *key, int *out, int count)
{
    const json_t *list = json_object_get(r->object, key);
    if (!list) return;
    for (int i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;
        if (n < 1 || n > LISTED_MAX) refuse(r, key, 1, LISTED_MAX);
        out[i] = n < 1 || n > LISTED_MAX ? 1 : (int)n;
    }
}

int config_count(ConfigReader *r, const char *key, int fallback, int most)
{
    const json_t *list = json_object_get(r->object, key);
    if (!list) return fallback;
    size_t n = json_is_array(list) ? json_array_size(list) : 0;
    if (r->ok && (n < 1 || n > (size_t)most))
        r->ok =
            mel_err(r->err, ERR_FORMAT, "'%s' of %s is not a list of 1 to %d", key, r->where, most);
    return n < 1 || n > (size_t)most ? 1 : (int)n;
}

void config_refuse(ConfigReader *r, const char *key, const char *why)
{
    if (r->ok) mel_err(r->err, ERR_FORMAT, "'%s' of %s: %s", key, r->where, why);
    r->ok = false;
}

TowerConfig config_tower(ConfigReader *r, TowerConfig fallback)
{
    TowerConfig t = {.width = config_whole(r, "hidden_size", fallback.width, 1 << 14),
                     .layers = (int)config_whole(r, "num_hidden_layers", fallback.layers, 256),
                     .heads = (int)config_whole(r, "num_attention_heads", fallback.heads, 1024),
                     .hidden = config_whole(r, "intermediate_size", fallback.hidden, 1 << 16)};
    if (r->ok && t.width % t.heads)
        r->ok = mel_err(r->err, ERR_FORMAT, "%s: a width of %lld for %d heads", r->where,
                        (long long)t.width, t.heads);
    return t;
}
