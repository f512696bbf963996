/* SPDX-License-Identifier: Apache-2.0
 *
 * For who starts the program from the desktop, where no working folder is a dataset and nobody
 * reads standard error. */
#ifndef MEL_ANNOTATOR_WELCOME_H
#define MEL_ANNOTATOR_WELCOME_H

#include "base/base.h"

#include <gtk/gtk.h>

/* `folder` is borrowed for the call. */
typedef void (*MelFolderChosen)(GApplication *application, const char *folder, gpointer data);

/* Asks for the folder of a dataset; the application lives until there is an answer. `chosen` is not
 * called where none is given. */
void mel_welcome_choose(GApplication *application, MelFolderChosen chosen, gpointer data);

/* Shows what went wrong and what to do, until it is closed. */
void mel_welcome_complain(GApplication *application, const Err *err);

#endif
