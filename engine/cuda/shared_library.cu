/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cuda/shared_library.h"

#include <dlfcn.h>

bool shared_library_open(const char *what, const char *const *names, const Symbol *symbols,
                         int count, Err *err)
{
    void *library = NULL;
    for (int i = 0; names[i] && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        mel_err(err, ERR_DEVICE, "%s is not there: %s cannot be opened", what, names[0]);
        return mel_err_hint(err, "install it, or name its folder in LD_LIBRARY_PATH");
    }
    for (int i = 0; i < count; i++) {
        *symbols[i].to = dlsym(library, symbols[i].name);
        if (!*symbols[i].to)
            return mel_err(err, ERR_DEVICE, "%s is too old: it has no %s", what, symbols[i].name);
    }
    return true;
}
