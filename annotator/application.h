/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-annotator [FOLDER] [--annotator NAME] [--audio pulse|silent|virtual] */
#ifndef MEL_ANNOTATOR_APPLICATION_H
#define MEL_ANNOTATOR_APPLICATION_H

#include "annotator/window.h"

/* Opens a dataset for a person. The window, or NULL with err. Files of the person's own (keys,
 * place) lie below config_folder. */
GtkWidget *mel_annotator_open(GtkApplication *application, const char *folder,
                              const char *annotator, const char *audio, const char *config_folder,
                              Err *err);

int mel_annotator_main(int argc, char **argv);

#endif
