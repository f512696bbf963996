/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the clips went, from the list to the split: counted once over all of them. */
#include "curator/export_internal.h"

#include <stdlib.h>
#include <string.h>

void mel_tally_add(Tally *tally, Arena *arena, const char *name, int64_t more)
{
    size_t first = 0, end = tally->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        int order = strcmp(tally->rows[middle].name, name);
        if (order == 0) {
            tally->rows[middle].count += more;
            return;
        }
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    mel_grow(&tally->rows, &tally->capacity, tally->count + 1, sizeof *tally->rows);
    memmove(tally->rows + first + 1, tally->rows + first,
            (tally->count - first) * sizeof *tally->rows);
    tally->rows[first] = (TallyRow){.name = mel_arena_strdup(arena, name), .count = more};
    tally->count++;
}

void mel_tally_clear(Tally *tally)
{
    free(tally->rows);
    *tally = (Tally){0};
}

static bool take_clip(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    ExportRun *run = ctx;
    Attrition *a = &run->attrition;
    const char *state = mel_row_text(row, "state", "");
    a->listed++;
    a->waiting += mel_equal(state, "new");
    a->ready += mel_equal(state, "ready");
    if (mel_equal(state, "failed")) {
        a->failed++;
        mel_tally_add(&a->reasons, &run->arena, mel_row_text(row, "reason", "unknown"), 1);
    }
    a->annotated += mel_row_i64(row, "annotation_count", 0) > 0;
    a->settled += mel_equal(mel_row_text(row, "settled_state", ""), "settled");
    return true;
}

static bool take_pass(void *ctx, const PassRow *row, Err *err)
{
    (void)err;
    ExportRun *run = ctx;
    Attrition *a = &run->attrition;
    if (row->undone_at) return true;
    const char *name = mel_arena_printf(&run->arena, "%s: %s", row->name, row->condition);
    mel_tally_add(&a->passes, &run->arena, name, row->excluded);
    return true;
}

bool mel_export_count(ExportRun *run, Err *err)
{
    Attrition *a = &run->attrition;
    const ViewQuery clips = {.view = "clips",
                             .columns = "state, reason, annotation_count, settled_state"};
    const ViewQuery triplets = {.view = "triplets", .columns = "count(*)"};
    const ViewQuery included = {.view = "triplets", .columns = "count(*)", .also = "included"};
    return mel_query(run->db, &clips, take_clip, run, err) &&
           mel_pass_each(run->db, take_pass, run, err) &&
           mel_query_i64(run->db, &triplets, &a->triplets, err) &&
           mel_query_i64(run->db, &included, &a->included, err);
}

void mel_export_attrition_clear(Attrition *attrition)
{
    mel_tally_clear(&attrition->reasons);
    mel_tally_clear(&attrition->passes);
    *attrition = (Attrition){0};
}
