/* SPDX-License-Identifier: Apache-2.0
 *
 * vocab.json: one object from pieces to ids. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct Entry {
    const char *text; /* NULL for a free slot */
    size_t length;
    int32_t id;
} Entry;

struct Vocabulary {
    Arena arena;
    char *path;
    Entry *slots;      /* open-addressed */
    size_t slot_count; /* a power of two */
    int32_t size;
};

/* FNV-1a. */
static size_t slot_of(const Vocabulary *v, const char *text, size_t n)
{
    uint64_t hash = 0xCBF29CE484222325U;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001B3U;
    return (size_t)(hash ^ hash >> 32) & (v->slot_count - 1);
}

/* The entry of a piece, or the free slot for it. */
static Entry *find(const Vocabulary *v, const char *text, size_t n)
{
    size_t slot = slot_of(v, text, n);
    while (v->slots[slot].text &&
           (v->slots[slot].length != n || memcmp(v->slots[slot].text, text, n) != 0))
        slot = (slot + 1) & (v->slot_count - 1);
    return &v->slots[slot];
}

/* Text that can only be one flat object with few enough members: a parser takes a hundred times
 * the bytes of "[[],[],…". */
static bool check_flat(const char *text, size_t n, Err *err)
{
    size_t commas = 0, nested = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') quoted = !quoted;
        if (quoted && text[i] == '\\') i++;
        if (quoted) continue;
        commas += text[i] == ',';
        nested += text[i] == '{' || text[i] == '[';
    }
    if (nested > 1) return mel_err(err, ERR_FORMAT, "it is more than one flat JSON object");
    if (commas >= VOCABULARY_MAX)
        return mel_err(err, ERR_LIMIT, "it has more than %d pieces", VOCABULARY_MAX);
    return true;
}

static bool add_entry(Vocabulary *v, const char *text, const json_t *value, bool *taken, Err *err)
{
    if (!json_is_integer(value))
        return mel_err(err, ERR_FORMAT, "the id of '%.40s' is no whole number", text);
    json_int_t id = json_integer_value(value);
    if (id < 0 || id >= v->size)
        return mel_err(err, ERR_FORMAT, "the id of '%.40s' is %lld, %d pieces have ids 0 to %d",
                       text, (long long)id, v->size, v->size - 1);
    if (taken[id])
        return mel_err(err, ERR_FORMAT, "the id of '%.40s', %lld, is another piece's", text,
                       (long long)id);
    taken[id] = true;
    const char *copy = mel_arena_strdup(&v->arena, text);
    *find(v, text, strlen(text)) = (Entry){.text = copy, .length = strlen(copy), .id = (int32_t)id};
    return true;
}

static bool fill(Vocabulary *v, const json_t *object, Err *err)
{
    const char *text;
    json_t *value;
    bool ok = true;
    if (!json_is_object(object) || json_object_size(object) == 0)
        return mel_err(err, ERR_FORMAT, "it is no JSON object with pieces");
    v->size = (int32_t)json_object_size(object);
    for (v->slot_count = 64; v->slot_count < 2 * (size_t)v->size;)
        v->slot_count *= 2;
    v->slots = mel_alloc(v->slot_count * sizeof *v->slots);
    bool *taken = mel_alloc((size_t)v->size * sizeof *taken);
    json_object_foreach((json_t *)object, text, value)
    {
        ok = add_entry(v, text, value, taken, err);
        if (!ok) break;
    }
    free(taken);
    return ok;
}

bool vocabulary_read(const char *path, Vocabulary **out, Err *err)
{
    bool ok = false;
    char *text = NULL;
    size_t n;
    json_t *object = NULL;
    Vocabulary *v = mel_alloc(sizeof *v);
    v->path = mel_strdup(path);
    if (!mel_read_file(path, VOCABULARY_BYTES_MAX, &text, &n, err)) goto out;
    if (check_flat(text, n, err)) object = mel_json_parse(text, n, "it", err);
    ok = object && fill(v, object, err);
    if (!ok) mel_err_wrap(err, "'%s'", path);
out:
    json_decref(object);
    free(text);
    if (ok)
        *out = v;
    else
        vocabulary_free(v);
    return ok;
}

void vocabulary_free(Vocabulary *vocabulary)
{
    if (!vocabulary) return;
    mel_arena_clear(&vocabulary->arena);
    free(vocabulary->slots);
    free(vocabulary->path);
    free(vocabulary);
}

int32_t vocabulary_size(const Vocabulary *vocabulary)
{
    return vocabulary->size;
}

int32_t vocabulary_find(const Vocabulary *vocabulary, const char *text, size_t n)
{
    const Entry *entry = find(vocabulary, text, n);
    return entry->text ? entry->id : -1;
}

bool vocabulary_need(const Vocabulary *vocabulary, const char *text, int32_t *id, Err *err)
{
    int32_t found = vocabulary_find(vocabulary, text, strlen(text));
    if (found < 0)
        return mel_err(err, ERR_FORMAT, "'%s': there is no piece '%s'", vocabulary->path, text);
    *id = found;
    return true;
}
