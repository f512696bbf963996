/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static Arena names;

char *test_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = mel_asprintf("%s/melkit-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

void test_folder_remove(char *folder)
{
    Err err = {0};
    CHECK_OK(mel_remove_tree(folder, &err));
    free(folder);
}

static char *format_name(const char *format, va_list args)
{
    char *text = NULL;
    assert_true(vasprintf(&text, format, args) >= 0);
    char *kept = mel_arena_strdup(&names, text);
    free(text);
    return kept;
}

const char *test_path(const char *folder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *name = format_name(format, args);
    va_end(args);
    return mel_arena_printf(&names, "%s/%s", folder, name);
}

void test_write(const char *path, const void *bytes, size_t n)
{
    Err err = {0};
    CHECK_OK(mel_write_file(path, bytes, n, &err));
}

int test_shell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *command = format_name(format, args);
    va_end(args);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
