/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain lists: what a column is by its name, and the row that the columns make. */
#include "curator/source_list_internal.h"

#include <string.h>
#include <strings.h>

typedef enum ColumnRole {
    ROLE_LOCATOR,
    ROLE_START,
    ROLE_END,
    ROLE_DURATION,
    ROLE_CAPTION,
    ROLE_TITLE,
    ROLE_CHANNEL,
    ROLE_LICENSE,
    ROLE_AUTHOR,
    ROLE_SPLIT,
    ROLE_COUNT,
} ColumnRole;

typedef struct ColumnKind {
    const char *name;
    ColumnRole role;
    LocatorHint hint; /* of locators */
    double unit_s;    /* of times */
} ColumnKind;

/* Of several columns with one role, the first here that is filled in counts; the others are kept
 * as extra. */
static const ColumnKind kinds[] = {
    {"url",           ROLE_LOCATOR,  LOCATOR_ANY,     0    },
    {"path",          ROLE_LOCATOR,  LOCATOR_FILE,    0    },
    {"file",          ROLE_LOCATOR,  LOCATOR_FILE,    0    },
    {"location",      ROLE_LOCATOR,  LOCATOR_FILE,    0    },
    {"ytid",          ROLE_LOCATOR,  LOCATOR_YOUTUBE, 0    },
    {"youtube_id",    ROLE_LOCATOR,  LOCATOR_YOUTUBE, 0    },
    {"id",            ROLE_LOCATOR,  LOCATOR_ANY,     0    },
    {"source",        ROLE_LOCATOR,  LOCATOR_ANY,     0    },
    {"start_s",       ROLE_START,    LOCATOR_ANY,     1    },
    {"start",         ROLE_START,    LOCATOR_ANY,     1    },
    {"start_seconds", ROLE_START,    LOCATOR_ANY,     1    },
    {"start_ms",      ROLE_START,    LOCATOR_ANY,     0.001},
    {"end_s",         ROLE_END,      LOCATOR_ANY,     1    },
    {"end",           ROLE_END,      LOCATOR_ANY,     1    },
    {"end_seconds",   ROLE_END,      LOCATOR_ANY,     1    },
    {"end_ms",        ROLE_END,      LOCATOR_ANY,     0.001},
    {"duration_s",    ROLE_DURATION, LOCATOR_ANY,     1    },
    {"caption",       ROLE_CAPTION,  LOCATOR_ANY,     0    },
    {"captions",      ROLE_CAPTION,  LOCATOR_ANY,     0    },
    {"text",          ROLE_CAPTION,  LOCATOR_ANY,     0    },
    {"description",   ROLE_CAPTION,  LOCATOR_ANY,     0    },
    {"title",         ROLE_TITLE,    LOCATOR_ANY,     0    },
    {"channel",       ROLE_CHANNEL,  LOCATOR_ANY,     0    },
    {"license",       ROLE_LICENSE,  LOCATOR_ANY,     0    },
    {"licence",       ROLE_LICENSE,  LOCATOR_ANY,     0    },
    {"author",        ROLE_AUTHOR,   LOCATOR_ANY,     0    },
    {"split",         ROLE_SPLIT,    LOCATOR_ANY,     0    },
};
_Static_assert(MEL_COUNT(kinds) == LIST_COLUMN_KINDS, "PlainRow has one value a kind");

static int find_kind(const char *name)
{
    for (int i = 0; i < LIST_COLUMN_KINDS; i++)
        if (strcasecmp(kinds[i].name, name) == 0) return i;
    return -1;
}

bool mel_list_column_is_locator(const char *name)
{
    int kind = find_kind(name);
    return kind >= 0 && kinds[kind].role == ROLE_LOCATOR;
}

bool mel_list_plain_set(ListRun *run, PlainRow *plain, const char *column, const char *text,
                        Err *problem)
{
    int kind = find_kind(column);
    if (kind < 0) return mel_list_row_other(run, column, text, problem);
    if (plain->values[kind])
        return mel_err_reason(problem, ERR_FORMAT, "list.duplicate_key", "'%s' is given twice",
                              kinds[kind].name);
    plain->values[kind] = text;
    return true;
}

static bool set_text(ListRun *run, ColumnRole role, const char *text, Err *problem)
{
    ListRow *row = &run->row;
    switch (role) {
    case ROLE_CAPTION:
        return mel_list_row_text(run, &row->caption, text, problem);
    case ROLE_TITLE:
        return mel_list_row_text(run, &row->title, text, problem);
    case ROLE_CHANNEL:
        return mel_list_row_text(run, &row->channel, text, problem);
    case ROLE_LICENSE:
        return mel_list_row_text(run, &row->license, text, problem);
    case ROLE_AUTHOR:
        return mel_list_row_text(run, &row->author, text, problem);
    case ROLE_SPLIT:
        if (!mel_name_valid(text))
            return mel_err_reason(problem, ERR_FORMAT, "list.bad_split",
                                  "the split is no plain word");
        return mel_list_row_text(run, &row->published_split, text, problem);
    default:
        return true;
    }
}

static bool set_span(ListRun *run, const int chosen[ROLE_COUNT], const PlainRow *plain,
                     Err *problem)
{
    int64_t times[3] = {-1, -1, -1};
    for (int i = 0; i < 3; i++) {
        int kind = chosen[ROLE_START + i];
        if (kind < 0) continue;
        double unit_s = kinds[kind].unit_s;
        if (!mel_list_time(plain->values[kind], unit_s, unit_s == 1, &times[i], problem))
            return false;
    }
    if (times[0] < 0 && times[1] >= 0)
        return mel_err_reason(problem, ERR_FORMAT, "list.bad_time", "an end without a start");
    if (times[0] >= 0 && times[1] < 0 && times[2] >= 0) times[1] = times[0] + times[2];
    return mel_list_row_span(run, times[0], times[1], problem);
}

/* What was not needed is kept: a second caption, an id beside an address, the length of a whole
 * file (a duration without a start). */
static bool keep_rest(ListRun *run, const int chosen[ROLE_COUNT], const PlainRow *plain,
                      Err *problem)
{
    for (int i = 0; i < LIST_COLUMN_KINDS; i++) {
        const char *text = plain->values[i];
        ColumnRole role = kinds[i].role;
        bool idle = role == ROLE_DURATION && (chosen[ROLE_START] < 0 || chosen[ROLE_END] >= 0);
        if (!text || !*text || (chosen[role] == i && !idle)) continue;
        if (!mel_list_text_clean(text, problem) ||
            !mel_list_row_extra(run, kinds[i].name, json_string(text), problem))
            return false;
    }
    return true;
}

bool mel_list_plain_end(ListRun *run, PlainRow *plain, Err *problem)
{
    int chosen[ROLE_COUNT];
    for (int role = 0; role < ROLE_COUNT; role++)
        chosen[role] = -1;
    for (int i = LIST_COLUMN_KINDS - 1; i >= 0; i--)
        if (plain->values[i] && *plain->values[i]) chosen[kinds[i].role] = i;
    if (chosen[ROLE_LOCATOR] < 0)
        return mel_err_reason(problem, ERR_FORMAT, "list.missing_source",
                              "the row names no source");
    const ColumnKind *locator = &kinds[chosen[ROLE_LOCATOR]];
    if (!mel_list_row_locator(run, locator->hint, plain->values[chosen[ROLE_LOCATOR]], problem) ||
        !set_span(run, chosen, plain, problem))
        return false;
    for (int role = ROLE_CAPTION; role < ROLE_COUNT; role++)
        if (chosen[role] >= 0 &&
            !set_text(run, (ColumnRole)role, plain->values[chosen[role]], problem))
            return false;
    return keep_rest(run, chosen, plain, problem);
}
