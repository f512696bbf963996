/* SPDX-License-Identifier: Apache-2.0
 *
 * All commands with their keys, which may be changed there. */
#ifndef MEL_ANNOTATOR_KEYS_WINDOW_H
#define MEL_ANNOTATOR_KEYS_WINDOW_H

#include "annotator/core/keys.h"

#include <gtk/gtk.h>

/* The keymap is borrowed until the window is closed. */
void mel_keys_window_present(GtkWindow *parent, Keymap *keymap);

#endif
