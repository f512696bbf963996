/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/keys.h"

#include <stdlib.h>
#include <string.h>

#define N_(text) text

enum { FILE_BYTES_MAX = 1 << 16, KEY_NAME_MAX = 32 };

typedef struct CommandDef {
    const char *name, *label, *keys;
} CommandDef;

static const CommandDef defs[COMMANDS] = {
#define KEY(name, label, keys) [COMMAND_##name] = {#name, label, keys},
#include "annotator/core/keys.def"
#undef KEY
};

struct Keymap {
    char *path;
    char *keys[COMMANDS];
};

const char *key_command_name(KeyCommand command)
{
    return defs[command].name;
}

const char *key_command_label(KeyCommand command)
{
    return defs[command].label;
}

const char *keymap_keys(const Keymap *keymap, KeyCommand command)
{
    return keymap->keys[command];
}

/* ---- one key -------------------------------------------------------------------------------- */

typedef struct Key {
    char name[KEY_NAME_MAX];
    unsigned code; /* 0: by name */
    bool shift, ctrl;
} Key;

/* The next key of a list; false at its end. */
static bool next_key(const char **list, Key *out)
{
    const char *at = *list + strspn(*list, " ");
    size_t n = strcspn(at, " ");
    if (!n) return false;
    *list = at + n;
    *out = (Key){0};
    for (;;) {
        if (n > 6 && strncmp(at, "shift+", 6) == 0) {
            out->shift = true;
            at += 6, n -= 6;
        } else if (n > 5 && strncmp(at, "ctrl+", 5) == 0) {
            out->ctrl = true;
            at += 5, n -= 5;
        } else {
            break;
        }
    }
    snprintf(out->name, sizeof out->name, "%.*s", (int)n, at);
    if (strncmp(out->name, "code:", 5) == 0) out->code = (unsigned)strtoul(out->name + 5, NULL, 10);
    return true;
}

static bool same_key(const Key *a, const Key *b)
{
    return a->shift == b->shift && a->ctrl == b->ctrl && strcmp(a->name, b->name) == 0;
}

/* The command, other than `but`, that has the key already; COMMANDS for none. */
static KeyCommand owner(const Keymap *keymap, const Key *key, KeyCommand but)
{
    Key other;
    for (int i = 0; i < COMMANDS; i++) {
        const char *list = keymap->keys[i];
        while (i != (int)but && next_key(&list, &other))
            if (same_key(key, &other)) return (KeyCommand)i;
    }
    return COMMANDS;
}

static bool check_keys(const Keymap *keymap, KeyCommand command, const char *keys, Err *err)
{
    Key key;
    for (const char *list = keys; next_key(&list, &key);) {
        KeyCommand other = owner(keymap, &key, command);
        if (strncmp(key.name, "code:", 5) == 0 && !key.code)
            return mel_err(err, ERR_FORMAT, "'%s' is no key: 'code:' wants a number", key.name);
        if (other == COMMANDS) continue;
        mel_err(err, ERR_FORMAT, "the key '%s' is wanted for '%s' and for '%s'", key.name,
                defs[command].name, defs[other].name);
        return mel_err_hint(err, "give one of them another key");
    }
    return true;
}

/* ---- the file ------------------------------------------------------------------------------- */

static KeyCommand command_of(const char *name)
{
    int i = 0;
    while (i < COMMANDS && strcmp(defs[i].name, name) != 0)
        i++;
    return (KeyCommand)i;
}

static bool apply(Keymap *keymap, const json_t *object, Err *err)
{
    const char *name;
    json_t *keys;
    json_object_foreach((json_t *)object, name, keys)
    {
        KeyCommand command = command_of(name);
        if (command == COMMANDS || !json_is_string(keys))
            return mel_err(err, ERR_FORMAT, "'%.40s' is no command, or its keys are no text", name);
        free(keymap->keys[command]);
        keymap->keys[command] = mel_strdup(json_string_value(keys));
    }
    for (int i = 0; i < COMMANDS; i++) /* all of them: two may have changed places */
        if (!check_keys(keymap, (KeyCommand)i, keymap->keys[i], err)) return false;
    return true;
}

bool keymap_load(const char *path, Keymap **out, Err *err)
{
    Keymap *keymap = mel_alloc(sizeof *keymap);
    keymap->path = mel_strdup(path);
    for (int i = 0; i < COMMANDS; i++)
        keymap->keys[i] = mel_strdup(defs[i].keys);
    bool there = mel_path_exists(path);
    json_t *object = there ? mel_json_load(path, FILE_BYTES_MAX, err) : NULL;
    bool ok = !there || (object && apply(keymap, object, err));
    json_decref(object);
    if (ok)
        *out = keymap;
    else
        keymap_free(keymap);
    return ok || mel_err_wrap(err, "'%s'", path);
}

void keymap_free(Keymap *keymap)
{
    if (!keymap) return;
    for (int i = 0; i < COMMANDS; i++)
        free(keymap->keys[i]);
    free(keymap->path);
    free(keymap);
}

static bool save(const Keymap *keymap, Err *err)
{
    json_t *object = json_object();
    for (int i = 0; i < COMMANDS; i++)
        if (!mel_equal(keymap->keys[i], defs[i].keys))
            mel_json_set_text(object, defs[i].name, keymap->keys[i]);
    char *text = json_dumps(object, JSON_INDENT(2)), *folder = mel_path_dir(keymap->path);
    bool ok = mel_make_dirs(folder, err) && mel_write_file(keymap->path, text, strlen(text), err);
    free(text);
    free(folder);
    json_decref(object);
    return ok;
}

bool keymap_change(Keymap *keymap, KeyCommand command, const char *keys, Err *err)
{
    if (!check_keys(keymap, command, keys, err)) return false;
    char *before = keymap->keys[command];
    keymap->keys[command] = mel_strdup(keys);
    if (save(keymap, err)) {
        free(before);
        return true;
    }
    free(keymap->keys[command]);
    keymap->keys[command] = before;
    return false;
}

bool keymap_find(const Keymap *keymap, const KeyPress *press, KeyCommand *out)
{
    Key key;
    for (int i = 0; i < COMMANDS; i++)
        for (const char *list = keymap->keys[i]; next_key(&list, &key);) {
            bool same = key.code ? key.code == press->code : mel_equal(key.name, press->name);
            if (!same || key.shift != press->shift || key.ctrl != press->ctrl) continue;
            *out = (KeyCommand)i;
            return true;
        }
    return false;
}
