/* SPDX-License-Identifier: Apache-2.0
 *
 * Which key does what, and the person's own keys. */
#ifndef MEL_ANNOTATOR_KEYS_H
#define MEL_ANNOTATOR_KEYS_H

#include "base/base.h"

typedef enum KeyCommand {
#define KEY(name, label, keys) COMMAND_##name,
#include "annotator/core/keys.def"
#undef KEY
    COMMANDS
} KeyCommand;

const char *key_command_name(KeyCommand command);  /* "frame_back" */
const char *key_command_label(KeyCommand command); /* in English: for gettext */

typedef struct Keymap Keymap;

/* The usual keys, changed by the file where there is one: {"play": "space F13", …}. ERR_FORMAT
 * names an unknown command, a key that is none, or one that two commands want. */
MEL_MUST_CHECK bool keymap_load(const char *path, Keymap **out, Err *err);
void keymap_free(Keymap *keymap);                                  /* NULL is fine */
const char *keymap_keys(const Keymap *keymap, KeyCommand command); /* "space F13" */

/* Changes a command's keys and keeps them in the file; refused as above, then nothing changes. */
MEL_MUST_CHECK bool keymap_change(Keymap *keymap, KeyCommand command, const char *keys, Err *err);

/* A key as it was pressed. */
typedef struct KeyPress {
    const char *name; /* GDK's, of the key without Shift */
    unsigned code;    /* the hardware's */
    bool shift, ctrl;
} KeyPress;

bool keymap_find(const Keymap *keymap, const KeyPress *press, KeyCommand *out);

#endif
