/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the program's own data lie: beside it, so that a build folder and an installed tree work
 * wherever they are moved to. */
#ifndef MEL_ANNOTATOR_DATA_FOLDER_H
#define MEL_ANNOTATOR_DATA_FOLDER_H

/* `built` below the build folder ("annotator/locale") where the program runs from one, else
 * `installed` below the prefix ("share/locale"). A path, whether or not it is there; yours to
 * g_free. */
char *mel_data_folder(const char *built, const char *installed);

#endif
