/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static Jail *jail;

bool mel_guard_start(Err *err)
{
    MEL_ASSERT(!jail);
    return mel_jail_start(NULL, &jail, err);
}

void mel_guard_stop(void)
{
    mel_jail_stop(jail);
    jail = NULL;
}

bool mel_guard_check(ProductKind kind, const char *path, Err *err)
{
    struct stat st;
    CheckResult result;
    Err why = {0};
    if (!jail) return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for a writer */
    if (fd < 0) return true;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
                  ? mel_jail_check(jail, kind, fd, &result, &why)
                  : mel_err(&why, ERR_MEDIA, "it is no file");
    close(fd);
    return ok || mel_err(err, ERR_MEDIA, "'%s' is not opened: %s", path, why.message);
}
