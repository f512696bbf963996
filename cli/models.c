/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/models.h"

#include <stdlib.h>

static char *users_own(void)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && *data == '/') return mel_asprintf("%s/melkit/models", data);
    return mel_asprintf("%s/.local/share/melkit/models", home && *home == '/' ? home : "");
}

void cli_model_places(const char *dataset, bool (*fn)(void *ctx, const char *place), void *ctx)
{
    const char *variable = getenv("MELKIT_MODELS");
    char *own = users_own(), *local = dataset ? mel_path_join(dataset, "models") : NULL;
    const char *const places[] = {variable && *variable ? variable : NULL, local, own};
    bool more = true;
    for (size_t i = 0; i < MEL_COUNT(places) && more; i++)
        if (places[i]) more = fn(ctx, places[i]);
    free(own);
    free(local);
}

static bool take_first(void *ctx, const char *place)
{
    *(char **)ctx = mel_strdup(place);
    return false;
}

char *cli_model_home(const char *dataset)
{
    char *home = NULL;
    cli_model_places(dataset, take_first, &home);
    return home;
}

typedef struct Search {
    const char *name;
    char *found;
    Str seen;
} Search;

static bool look(void *ctx, const char *place)
{
    Search *search = ctx;
    char *folder = mel_path_join(place, search->name);
    mel_str_addf(&search->seen, "%s%s", search->seen.length ? ", " : "", place);
    if (mel_path_is_dir(folder)) search->found = mel_strdup(folder);
    free(folder);
    return !search->found;
}

char *cli_model_find(const char *dataset, const char *name, Err *err)
{
    Search search = {.name = name};
    if (mel_path_is_dir(name)) return mel_strdup(name);
    cli_model_places(dataset, look, &search);
    if (!search.found) {
        mel_err(err, ERR_NOT_FOUND, "there is no model '%s' (looked in %s)", name,
                mel_str_text(&search.seen));
        mel_err_hint(err, "'mel model pull %s' gets it; a folder may be named, too", name);
    }
    mel_str_clear(&search.seen);
    return search.found;
}
