/* SPDX-License-Identifier: Apache-2.0
 *
 * mel list: a page of a public view. Pages follow the ids (the next one begins behind the last id
 * shown), so that the millionth page costs what the first one does. */
#include "cli/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct ListOptions {
    const char *where, *columns, *view, *after, *sort;
    int64_t limit;
    bool count, columns_help;
} ListOptions;

enum { PAGE_ROWS = 100, COLUMNS_MAX = 128 };

static const struct {
    const char *name, *columns; /* shown by default */
    const char *order, *also;   /* the key that pages follow, and what lies behind ?1 */
} views[] = {
    {"clips",       "id,state,reason,included,genre,loudness_lufs,imsm,title",    "id",        "id > ?1"                  },
    {"annotations", "clip,annotator,rev,state,genre,tempo,bpm,relevance,text,id", "id",        "id > ?1"                  },
    {"triplets",    "id,included,genre,tempo,bpm,imsm,text",                      "id",        "id > ?1"                  },
    {"scores",      "clip,name,value,model,is_current,created_at,id",             "id",        "id > ?1"                  },
    {"splits",      "split,id,side,group_key",                                    "split, id", "(split || '/' || id) > ?1"},
};
enum { VIEW_COUNT = MEL_COUNT(views) };

static int find_view(const char *name, Err *err)
{
    const char *names[VIEW_COUNT];
    for (int i = 0; i < VIEW_COUNT; i++) {
        names[i] = views[i].name;
        if (mel_equal(name, names[i])) return i;
    }
    const char *nearest = mel_did_you_mean(name, names, VIEW_COUNT);
    mel_err(err, ERR_USAGE, "there is no view '%s'", name);
    if (nearest)
        mel_err_hint(err, "did you mean '%s'?", nearest);
    else
        mel_err_hint(err, "the views are clips, annotations, triplets, scores and splits");
    return -1;
}

/* ---- columns ----------------------------------------------------------------------------------
 */

typedef struct Columns {
    Arena arena;
    const char *all[COLUMNS_MAX]; /* of the view */
    size_t all_count;
    const char *shown[COLUMNS_MAX];
    size_t count;
} Columns;

static bool take_column(void *ctx, const char *name)
{
    Columns *columns = ctx;
    if (columns->all_count == COLUMNS_MAX) return false;
    columns->all[columns->all_count++] = mel_arena_strdup(&columns->arena, name);
    return true;
}

static const char *known_column(const Columns *columns, const char *view, const char *name,
                                Err *err)
{
    for (size_t i = 0; i < columns->all_count; i++)
        if (mel_equal(columns->all[i], name)) return columns->all[i];
    const char *nearest = mel_did_you_mean(name, columns->all, columns->all_count);
    mel_err(err, ERR_USAGE, "the view '%s' has no column '%s'", view, name);
    if (nearest)
        mel_err_hint(err, "did you mean '%s'?", nearest);
    else
        mel_err_hint(err, "'mel list --view %s --columns-help' tells them all", view);
    return NULL;
}

/* Fills what is shown from "a, b,c"; every name is checked, so that only names reach the query. */
static bool choose_columns(Columns *columns, const char *view, const char *list, Err *err)
{
    char *text = mel_strdup(list), *rest = text, *part;
    bool ok = true;
    while (ok && (part = strsep(&rest, ","))) {
        const char *name = known_column(columns, view, mel_trim(part), err);
        ok = name && (columns->count < COLUMNS_MAX ||
                      mel_err(err, ERR_USAGE, "more than %d columns are asked for", COLUMNS_MAX));
        if (ok) columns->shown[columns->count++] = name;
    }
    free(text);
    return ok;
}

static int print_columns_help(const Cli *cli, const Columns *columns, const char *view)
{
    static const char *const names[] = {"column", "unit", "meaning"};
    Table *table = cli->json ? NULL : cli_table_new(3, names);
    for (size_t i = 0; i < columns->all_count; i++) {
        const ColumnNote *note = cli_column_note(view, columns->all[i]);
        const char *unit = note ? note->unit : "", *meaning = note ? note->meaning : "";
        if (table) {
            cli_table_add(table, (const char *[]){columns->all[i], unit, meaning});
            continue;
        }
        json_t *object = json_object();
        mel_json_set_text(object, "view", view);
        mel_json_set_text(object, "column", columns->all[i]);
        mel_json_set_text(object, "unit", unit);
        mel_json_set_text(object, "meaning", meaning);
        cli_json_line(object);
    }
    if (table) cli_table_print(table);
    return EXIT_DONE;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

typedef struct Listing {
    const Cli *cli;
    const Columns *columns;
    Table *table; /* on a terminal; NULL: rows are printed as they come */
    bool by_split;
    int64_t page, shown; /* page 0 = no limit */
    bool more;
    char last[CLIP_ID_SIZE + NAME_MAX_BYTES + 2];
} Listing;

static bool is_flag(const char *column)
{
    static const char *const flags[] = {"included", "duplicated", "duplicate_of_earlier",
                                        "is_current"};
    for (size_t i = 0; i < MEL_COUNT(flags); i++)
        if (mel_equal(column, flags[i])) return true;
    return false;
}

static void add_cell(Str *out, const char *name, const Cell *cell, int digits)
{
    if (cell->type == CELL_TEXT) cli_add_clean(out, cell->text);
    if (cell->type == CELL_F64) cli_add_number(out, cell->f64, digits);
    if (cell->type == CELL_I64 && is_flag(name))
        mel_str_add(out, cell->i64 ? "yes" : "no");
    else if (cell->type == CELL_I64)
        mel_str_addf(out, "%lld", (long long)cell->i64);
}

static void print_row(Listing *listing, const ViewRow *row)
{
    Str line = {0};
    const char *cells[COLUMNS_MAX];
    size_t starts[COLUMNS_MAX], n = listing->columns->count;
    for (size_t i = 0; i < n; i++) {
        if (i) mel_str_add_char(&line, listing->table ? '\0' : '\t');
        starts[i] = line.length;
        add_cell(&line, row->names[i], &row->cells[i], listing->table ? 5 : 9);
    }
    for (size_t i = 0; i < n; i++)
        cells[i] = mel_str_text(&line) + starts[i];
    if (listing->table)
        cli_table_add(listing->table, cells);
    else
        puts(mel_str_text(&line));
    mel_str_clear(&line);
}

/* The keys of the page lie behind the shown columns. */
static bool take_row(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Listing *listing = ctx;
    if (listing->page && listing->shown == listing->page) {
        listing->more = true;
        return false;
    }
    int n = (int)listing->columns->count;
    const char *split = row->cells[n + 1].text;
    snprintf(listing->last, sizeof listing->last, "%s%s%s", listing->by_split ? split : "",
             listing->by_split ? "/" : "", row->cells[n].text);
    listing->shown++;
    const ViewRow shown = {.count = n, .names = row->names, .cells = row->cells};
    if (listing->cli->json)
        cli_json_line(mel_row_json(&shown));
    else
        print_row(listing, &shown);
    return !ferror(stdout);
}

static char *column_list(const Columns *columns, bool by_split)
{
    Str text = {0};
    for (size_t i = 0; i < columns->count; i++)
        mel_str_addf(&text, "%s, ", columns->shown[i]);
    mel_str_add(&text, by_split ? "id, split" : "id, ''");
    return mel_str_take(&text);
}

/* "loudness_lufs" or "-loudness_lufs"; unknown values last. */
static char *sort_order(const Columns *columns, const char *view, const char *sort, const char *key,
                        Err *err)
{
    bool down = sort[0] == '-';
    const char *column = known_column(columns, view, sort + down, err);
    if (!column) return NULL;
    return mel_asprintf("%s IS NULL, %s%s, %s", column, column, down ? " DESC" : "", key);
}

static void say_how_to_go_on(const ListOptions *o, const Listing *listing)
{
    if (!listing->more || o->limit >= 0) return;
    if (o->sort)
        mel_log_info("the first %lld are shown; '--limit N' shows more, '--limit 0' all",
                     (long long)listing->shown);
    else
        mel_log_info("the first %lld are shown; go on with '--after %s', or '--limit 0' for all",
                     (long long)listing->shown, listing->last);
}

static int print_list(const Cli *cli, Db *db, const ListOptions *o, int view,
                      const Columns *columns, Err *err)
{
    /* before the line of names is out */
    if (o->where && !mel_query_check(db, o->view, o->where, err)) return RUN_ERROR;
    bool people = !cli->json && isatty(STDOUT_FILENO);
    Listing listing = {.cli = cli,
                       .columns = columns,
                       .by_split = mel_equal(o->view, "splits"),
                       .page = o->limit >= 0 ? o->limit
                               : people      ? PAGE_ROWS
                                             : 0};
    char *list = column_list(columns, listing.by_split);
    char *order = o->sort ? sort_order(columns, o->view, o->sort, views[view].order, err)
                          : mel_strdup(views[view].order);
    ViewQuery query = {.view = o->view,
                       .columns = list,
                       .where = o->where,
                       .also = o->after ? views[view].also : NULL,
                       .args = {o->after},
                       .arg_count = o->after ? 1 : 0,
                       .order = order,
                       .limit = listing.page ? listing.page + 1 : 0};
    if (people) listing.table = cli_table_new((int)columns->count, columns->shown);
    for (size_t i = 0; order && !people && !cli->json && i < columns->count; i++)
        printf("%s%c", columns->shown[i], i + 1 < columns->count ? '\t' : '\n');
    bool ok = order && mel_query(db, &query, take_row, &listing, err);
    if (listing.table) cli_table_print(listing.table);
    if (ok) say_how_to_go_on(o, &listing);
    free(list);
    free(order);
    return ok ? EXIT_DONE : RUN_ERROR;
}

static int print_count(const Cli *cli, Db *db, const ListOptions *o, Err *err)
{
    const ViewQuery query = {.view = o->view, .columns = "count(*)", .where = o->where};
    int64_t count;
    if (!mel_query_i64(db, &query, &count, err)) return RUN_ERROR;
    if (!cli->json) {
        printf("%lld\n", (long long)count);
        return EXIT_DONE;
    }
    json_t *object = json_object();
    mel_json_set_text(object, "view", o->view);
    mel_json_set_text(object, "where", o->where);
    mel_json_set_i64(object, "count", count);
    cli_json_line(object);
    return EXIT_DONE;
}

static bool check_options(const ListOptions *o, Err *err)
{
    if (o->limit < -1)
        return mel_err(err, ERR_USAGE, "'--limit' wants 0 (all) or more, not '%lld'",
                       (long long)o->limit);
    if (o->after && o->sort) {
        mel_err(err, ERR_USAGE, "'--after' follows the ids and cannot go with '--sort'");
        return mel_err_hint(err, "raise '--limit', or narrow with '--where'");
    }
    return true;
}

static int list_run(Cli *cli, const void *options, Err *err)
{
    const ListOptions *o = options;
    Columns columns = {0};
    Db *db = NULL;
    int code = RUN_ERROR, view = find_view(o->view, err);
    if (view < 0 || !check_options(o, err)) return RUN_ERROR;
    if (!cli_open(cli, DB_READ, &db, err)) return RUN_ERROR;
    if (!mel_query_columns(db, o->view, take_column, &columns, err)) goto out;
    if (o->columns_help || mel_equal(o->columns, "help")) {
        code = print_columns_help(cli, &columns, o->view);
        goto out;
    }
    if (o->count) {
        code = print_count(cli, db, o, err);
        goto out;
    }
    if (cli->json && !o->columns) {
        memcpy(columns.shown, columns.all, sizeof columns.all);
        columns.count = columns.all_count;
    } else if (!choose_columns(&columns, o->view, o->columns ? o->columns : views[view].columns,
                               err)) {
        goto out;
    }
    code = print_list(cli, db, o, view, &columns, err);
out:
    mel_arena_clear(&columns.arena);
    mel_db_close(db);
    return code;
}

static const ListOptions list_defaults = {.view = "clips", .limit = -1};

static const CliOption list_options[] = {
    CLI_TEXT('w', "where", ListOptions, where, "COND", "only rows that meet this SQL condition"),
    CLI_TEXT('c', "columns", ListOptions, columns, "A,B,C",
             "these columns ('help' or --columns-help names them)"),
    CLI_FLAG(0, "columns-help", ListOptions, columns_help, "every column, its unit and meaning"),
    CLI_TEXT(0, "view", ListOptions, view, "VIEW",
             "clips (default), annotations, triplets, scores or splits"),
    CLI_INT('n', "limit", ListOptions, limit, "N",
            "at most N rows; 0 = all (default: 100 on a terminal, else all)"),
    CLI_TEXT(0, "after", ListOptions, after, "ID", "begin behind this id: the next page"),
    CLI_TEXT('s', "sort", ListOptions, sort, "COLUMN", "by this column; -COLUMN: downwards"),
    CLI_FLAG(0, "count", ListOptions, count, "only say how many there are"),
    CLI_END,
};

const CliCommand cmd_list = {
    .name = "list",
    .summary = "what there is: clips, annotations, triplets, scores, splits",
    .usage = "list [--view VIEW] [--where COND] [--columns A,B,C] [--limit N] [--after ID]",
    .details =
        "A table on a terminal, tab-separated with a first line of names elsewhere (flags as yes\n"
        "and no, unknown values empty), JSON Lines with --json (all columns unless some are\n"
        "chosen, flags as 1 and 0, unknown values null).\n\n"
        "  mel list --where \"state = 'failed' AND failure_class = 'transient'\"\n"
        "  mel list --where \"genre = 'jazz' AND loudness_lufs < -30\" --sort loudness_lufs\n"
        "  mel list --view triplets --columns id,genre,imsm --sort imsm --limit 20",
    .options = list_options,
    .defaults = &list_defaults,
    .size = sizeof(ListOptions),
    .max_args = 0,
    .run = list_run,
};
