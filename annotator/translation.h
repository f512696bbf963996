/* SPDX-License-Identifier: Apache-2.0
 *
 * The person's language. */
#ifndef MEL_ANNOTATOR_TRANSLATION_H
#define MEL_ANNOTATOR_TRANSLATION_H

/* Takes the language from the environment, and texts from $MEL_LOCALEDIR, else from the build
 * folder or the installed tree that the program runs from. Numbers keep the decimal point: those
 * that are stored are read by programs. Call it before GTK is initialised. */
void mel_translation_init(void);

#endif
