/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void cli_json_line(json_t *take)
{
    char *line = mel_json_line(take);
    puts(line);
    free(line);
    json_decref(take);
}

struct Table {
    int columns;
    Arena arena;
    const char **cells; /* row after row; the first holds the names */
    size_t rows, capacity;
};

Table *cli_table_new(int columns, const char *const *names)
{
    Table *table = mel_alloc(sizeof *table);
    table->columns = columns;
    cli_table_add(table, names);
    return table;
}

void cli_table_add(Table *table, const char *const *cells)
{
    size_t n = (size_t)table->columns;
    mel_grow(&table->cells, &table->capacity, (table->rows + 1) * n, sizeof *table->cells);
    for (size_t i = 0; i < n; i++)
        table->cells[table->rows * n + i] =
            mel_arena_strdup(&table->arena, cells[i] ? cells[i] : "");
    table->rows++;
}

/* Characters, not bytes: good enough for alignment of Latin text. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += (*text & 0xC0) != 0x80;
    return width;
}

static void print_cut(const char *text, int width, bool last)
{
    int shown = 0;
    bool cut = width_of(text) > width;
    for (; *text; text++) {
        bool begins = (*text & 0xC0) != 0x80;
        if (begins && shown == width - (cut ? 1 : 0)) break;
        shown += begins;
        putchar(*text == '\n' || *text == '\t' ? ' ' : *text);
    }
    if (cut) {
        fputs("…", stdout);
        shown++;
    }
    for (; !last && shown < width; shown++)
        putchar(' ');
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 100;
    return size.ws_col;
}

/* Narrows the widest columns until the row fits; the first one, the id, stays whole. */
static void fit(int *widths, int columns, int room)
{
    for (;;) {
        int total = 2 * (columns - 1), widest = columns > 1 ? 1 : 0;
        for (int i = 0; i < columns; i++) {
            total += widths[i];
            if (i > 0 && widths[i] > widths[widest]) widest = i;
        }
        if (total <= room || widths[widest] <= 8) return;
        widths[widest]--;
    }
}

static void print_plain(const Table *table)
{
    size_t n = (size_t)table->columns;
    for (size_t i = 0; i < table->rows * n; i++)
        printf("%s%c", table->cells[i], (i + 1) % n ? '\t' : '\n');
}

static void print_aligned(const Table *table)
{
    int n = table->columns;
    int *widths = mel_alloc((size_t)n * sizeof *widths);
    for (size_t i = 0; i < table->rows * (size_t)n; i++) {
        int width = width_of(table->cells[i]);
        if (width > widths[i % (size_t)n]) widths[i % (size_t)n] = width;
    }
    fit(widths, n, terminal_width());
    for (size_t row = 0; row < table->rows; row++) {
        for (int i = 0; i < n; i++) {
            print_cut(table->cells[row * (size_t)n + (size_t)i], widths[i], i == n - 1);
            fputs(i < n - 1 ? "  " : "\n", stdout);
        }
    }
    free(widths);
}

void cli_table_print(Table *table)
{
    if (isatty(STDOUT_FILENO))
        print_aligned(table);
    else
        print_plain(table);
    mel_arena_clear(&table->arena);
    free(table->cells);
    free(table);
}
