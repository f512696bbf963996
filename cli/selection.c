/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/selection.h"

#include <stdlib.h>
#include <string.h>

typedef struct Gather {
    Selection *selection;
    const char *folder;
} Gather;

static bool add(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    const Gather *gather = ctx;
    Selection *s = gather->selection;
    char sha256[SHA256_HEX_SIZE];
    const char *text = mel_row_text(row, "text", "");
    mel_sha256_hex(text, strlen(text), sha256);
    mel_grow(&s->items, &s->capacity, (size_t)s->count + 1, sizeof *s->items);
    s->items[s->count++] = (Triplet){
        .id = mel_arena_strdup(&s->arena, mel_row_text(row, "id", "")),
        .picture = mel_arena_printf(&s->arena, "%s/%s", gather->folder,
                                    mel_row_text(row, "image_path", "")),
        .sound = mel_arena_printf(&s->arena, "%s/%s", gather->folder,
                                  mel_row_text(row, "audio_path", "")),
        .picture_sha256 = mel_arena_strdup(&s->arena, mel_row_text(row, "image_sha256", "")),
        .sound_sha256 = mel_arena_strdup(&s->arena, mel_row_text(row, "audio_sha256", "")),
        .text_sha256 = mel_arena_strdup(&s->arena, sha256),
        .text = mel_arena_strdup(&s->arena, text),
    };
    return true;
}

bool cli_select(Db *db, const char *where, const char *split, const char *side, Selection *out,
                Err *err)
{
    Selection s = {0};
    Gather gather = {.selection = &s, .folder = mel_db_folder(db)};
    const ViewQuery query = {
        .view = "triplets",
        .columns = "id, image_path, image_sha256, audio_path, audio_sha256, text",
        .where = where,
        .also = split ? "id IN (SELECT id FROM splits WHERE split = ?1 AND side = ?2)" : NULL,
        .args = {split, side},
        .arg_count = split ? 2 : 0,
        .order = "id"
    };
    bool ok = mel_query(db, &query, add, &gather, err);
    if (ok && s.count == 0) {
        ok = split ? mel_err(err, ERR_NOT_FOUND, "the split '%s' has no side '%s'", split, side)
                   : mel_err(err, ERR_NOT_FOUND, "no triplet meets '%s'", where);
        mel_err_hint(err, "a triplet is a ready clip with a settled text: see 'mel list --view "
                          "triplets'");
    }
    if (ok)
        *out = s;
    else
        cli_selection_clear(&s);
    return ok;
}

void cli_selection_clear(Selection *selection)
{
    free(selection->items);
    mel_arena_clear(&selection->arena);
    *selection = (Selection){0};
}
