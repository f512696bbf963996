/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/data_folder.h"

#include <glib.h>

/* The program is <root>/bin/<program>, in a build folder and when installed. */
static char *root_folder(void)
{
    char *program = g_file_read_link("/proc/self/exe", NULL);
    if (!program) return g_strdup("/usr");
    char *bin = g_path_get_dirname(program), *root = g_path_get_dirname(bin);
    g_free(program);
    g_free(bin);
    return root;
}

char *mel_data_folder(const char *built, const char *installed)
{
    char *root = root_folder();
    char *path = g_build_filename(root, built, NULL);
    if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
        g_free(path);
        path = g_build_filename(root, installed, NULL);
    }
    g_free(root);
    return path;
}
