/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Gather {
    Selection *selection;
    const char *folder, *text;
} Gather;

/* ---- texts ---------------------------------------------------------------------------------- */

/* Lists of terms get their blanks; the settled text stays as it is. */
static void add_cell(Str *text, const char *name, const Cell *cell)
{
    bool list = !mel_equal(name, "text");
    if (cell->type == CELL_I64) mel_str_addf(text, "%lld", (long long)cell->i64);
    if (cell->type == CELL_F64) mel_str_addf(text, "%g", cell->f64);
    if (cell->type != CELL_TEXT) return;
    for (const char *c = cell->text; *c; c++) {
        mel_str_add_char(text, *c);
        if (list && *c == ',' && c[1] != ' ') mel_str_add_char(text, ' ');
    }
}

static bool add_field(Str *text, const char *name, size_t n, const ViewRow *row, Err *err)
{
    char key[32] = "";
    snprintf(key, sizeof key, "%.*s", (int)n, name);
    const Cell *cell = mel_row_cell(row, key);
    if (!cell) {
        mel_err(err, ERR_USAGE, "a triplet has no field '%s' for its text", key);
        return mel_err_hint(err, "'mel list --view triplets --columns-help' names them");
    }
    add_cell(text, key, cell);
    return true;
}

static bool expand(const char *template, const ViewRow *row, Str *text, Err *err)
{
    for (const char *c = template; *c;) {
        size_t plain = strcspn(c, "{");
        mel_str_addf(text, "%.*s", (int)plain, c);
        c += plain;
        if (!*c) break;
        size_t n = strcspn(++c, "}");
        if (!c[n]) return mel_err(err, ERR_USAGE, "'%s' opens a brace and closes none", template);
        if (!add_field(text, c, n, row, err)) return false;
        c += n + 1;
    }
    return true;
}

/* ---- triplets ------------------------------------------------------------------------------- */

static bool add(void *ctx, const ViewRow *row, Err *err)
{
    const Gather *gather = ctx;
    Selection *s = gather->selection;
    char sha256[SHA256_HEX_SIZE];
    Str text = {0};
    if (!expand(gather->text, row, &text, err)) {
        mel_str_clear(&text);
        return false;
    }
    mel_sha256_hex(text.text ? text.text : "", text.length, sha256);
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
        .text = mel_arena_strdup(&s->arena, text.text ? text.text : ""),
    };
    mel_str_clear(&text);
    return true;
}

bool cli_select(Db *db, const Choice *choice, Selection *out, Err *err)
{
    Selection s = {0};
    const char *where = choice->where, *split = choice->split, *side = choice->side;
    Gather gather = {.selection = &s,
                     .folder = mel_db_folder(db),
                     .text = choice->text ? choice->text : "{text}"};
    const ViewQuery query = {
        .view = "triplets",
        .columns = choice->text ? NULL  /* any of them */
                                : "id, image_path, image_sha256, audio_path, audio_sha256, text",
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
