/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/person.h"

#include <stdlib.h>
#include <string.h>

const char *cli_person(const char *given)
{
    const char *name = given;
    if (!name) name = getenv("MEL_ANNOTATOR");
    if (!name) name = getenv("LOGNAME");
    if (!name) name = getenv("USER");
    return name ? name : "someone";
}

int cli_words(const char *list, Arena *arena, const char **words, int capacity, Err *err)
{
    int count = 0;
    char *rest = mel_arena_strdup(arena, list ? list : "");
    for (char *part; (part = strsep(&rest, ",")) != NULL;) {
        if (!*mel_trim(part)) continue;
        if (count == capacity) {
            mel_err(err, ERR_LIMIT, "more than %d words in '%.40s...'", capacity, list);
            return -1;
        }
        words[count++] = mel_trim(part);
    }
    return count;
}
