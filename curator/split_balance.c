/* SPDX-License-Identifier: Apache-2.0
 *
 * Where new groups go. First each goes where its hash says. Then groups move, a few of them, until
 * each stratum is as near to the wanted fractions as whole groups allow, and last until the whole
 * is, as far as no stratum is off by more than its largest new group for that.
 *
 * Every choice is among groups in the order (stratum, size, hash, key), which depends on neither
 * the order of the items nor the numbers of the groups. */
#include "curator/split_internal.h"

#include <stdlib.h>
#include <string.h>

/* The new groups of one size in one stratum. */
typedef struct Cell {
    size_t size;
    SplitGroup *heads[SPLIT_SIDES_MAX]; /* lists of those on each side */
} Cell;

/* Items by side. What is wanted is a product, never a running sum: sums depend on their order. */
typedef struct Load {
    size_t total, have[SPLIT_SIDES_MAX];
    double excess[SPLIT_SIDES_MAX]; /* items on each side, less those wanted */
} Load;

typedef struct Stratum {
    const char *name;
    uint64_t hash;
    size_t first_cell, cell_count;
    Load load;
    double largest; /* new group */
} Stratum;

typedef struct Balance {
    const SplitOptions *options;
    SplitGroup **order; /* the new groups */
    SplitGroup **next;  /* of each one's list, by its place in `order` */
    size_t *place;      /* in `order`, by group */
    SplitGroup *groups;
    size_t new_count;
    Cell *cells;
    size_t cell_count, cell_capacity;
    Stratum *strata; /* by hash of the name */
    size_t stratum_count;
    Load load; /* of all strata */
} Balance;

static int by_order(const void *a, const void *b)
{
    const SplitGroup *x = *(SplitGroup *const *)a, *y = *(SplitGroup *const *)b;
    if (x->stratum != y->stratum) return x->stratum < y->stratum ? -1 : 1;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return strcmp(x->key, y->key);
}

static int by_hash(const void *a, const void *b)
{
    const Stratum *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void push(Balance *b, Cell *cell, SplitGroup *group, int side)
{
    b->next[b->place[group - b->groups]] = cell->heads[side];
    cell->heads[side] = group;
    group->side = side;
}

/* The side whose part of [0, 1) the hash falls in. */
static int side_of(const SplitOptions *options, uint64_t hash)
{
    double at = (double)(hash >> 11) * 0x1p-53, upper = 0;
    int last = 0;
    for (int side = 0; side < options->side_count; side++) {
        if (!(options->fractions[side] > 0)) continue;
        last = side;
        upper += options->fractions[side];
        if (at < upper) return side;
    }
    return last; /* the sum was a little below 1 */
}

static void make_strata(Balance *b, const char *const *names)
{
    for (size_t i = 0; i < b->stratum_count; i++)
        b->strata[i] =
            (Stratum){.name = names[i], .hash = mel_keyed_hash(b->options->seed, names[i])};
}

/* Cells in the order of the strata's ids; lists so that the smallest hash is taken first. */
static void make_cells(Balance *b)
{
    for (size_t i = 0, j; i < b->new_count; i = j) {
        const SplitGroup *like = b->order[i];
        for (j = i; j < b->new_count && b->order[j]->stratum == like->stratum &&
                    b->order[j]->size == like->size;)
            j++;
        mel_grow(&b->cells, &b->cell_capacity, b->cell_count + 1, sizeof *b->cells);
        Cell *cell = &b->cells[b->cell_count];
        *cell = (Cell){.size = like->size};
        for (size_t k = j; k-- > i;)
            push(b, cell, b->order[k], side_of(b->options, b->order[k]->hash));
        Stratum *stratum = &b->strata[like->stratum];
        if (!stratum->cell_count++) stratum->first_cell = b->cell_count;
        if ((double)like->size > stratum->largest) stratum->largest = (double)like->size;
        b->cell_count++;
    }
}

static void find_excess(Load *load, const SplitOptions *options)
{
    for (int side = 0; side < options->side_count; side++)
        load->excess[side] =
            (double)load->have[side] - (double)load->total * options->fractions[side];
}

static void load_all(Balance *b, size_t group_count)
{
    for (size_t i = 0; i < group_count; i++) {
        const SplitGroup *group = &b->groups[i];
        if (!group->size) continue;
        Load *load = &b->strata[group->stratum].load;
        load->total += group->size;
        load->have[group->side] += group->size;
        b->load.total += group->size;
        b->load.have[group->side] += group->size;
    }
    for (size_t i = 0; i < b->stratum_count; i++)
        find_excess(&b->strata[i].load, b->options);
    find_excess(&b->load, b->options);
}

typedef struct Move {
    Cell *cell;
    int from, to;
    double gain; /* of the sum of squared excesses, halved */
} Move;

/* Whether the stratum stays within its largest new group, or at least gets no worse. */
static bool bearable(const Stratum *stratum, const Move *move)
{
    double size = (double)move->cell->size;
    double from = stratum->load.excess[move->from], to = stratum->load.excess[move->to];
    double limit_from = from > 0 ? from : -from, limit_to = to > 0 ? to : -to;
    if (limit_from < stratum->largest) limit_from = stratum->largest;
    if (limit_to < stratum->largest) limit_to = stratum->largest;
    return from - size >= -limit_from && to + size <= limit_to;
}

/* The best move between two sides as `excess` sees it; gain 0 when there is none. */
static Move best_move(const Balance *b, const Stratum *stratum, const double *excess, bool whole)
{
    Move best = {.gain = 1e-6}; /* over rounding, so that it ends */
    for (size_t c = 0; c < stratum->cell_count; c++) {
        Move move = {.cell = &b->cells[stratum->first_cell + c]};
        double size = (double)move.cell->size;
        for (move.from = 0; move.from < b->options->side_count; move.from++) {
            if (!move.cell->heads[move.from]) continue;
            for (move.to = 0; move.to < b->options->side_count; move.to++) {
                if (!(b->options->fractions[move.to] > 0) || move.to == move.from) continue;
                move.gain = size * (excess[move.from] - excess[move.to] - size);
                if (move.gain > best.gain && (!whole || bearable(stratum, &move))) best = move;
            }
        }
    }
    return best;
}

static void make_move(Balance *b, Stratum *stratum, const Move *move)
{
    SplitGroup *group = move->cell->heads[move->from];
    move->cell->heads[move->from] = b->next[b->place[group - b->groups]];
    push(b, move->cell, group, move->to);
    Load *loads[] = {&stratum->load, &b->load};
    for (int i = 0; i < 2; i++) {
        loads[i]->have[move->from] -= group->size;
        loads[i]->have[move->to] += group->size;
        find_excess(loads[i], b->options);
    }
}

/* Each move lessens a sum of squares by a fixed step at least: both loops end. */
static void repair(Balance *b)
{
    for (size_t i = 0; i < b->stratum_count; i++) {
        Stratum *stratum = &b->strata[i];
        Move move;
        while ((move = best_move(b, stratum, stratum->load.excess, false)).cell)
            make_move(b, stratum, &move);
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < b->stratum_count; i++) {
            Move move = best_move(b, &b->strata[i], b->load.excess, true);
            if (!move.cell) continue;
            make_move(b, &b->strata[i], &move);
            moved = true;
        }
    }
}

void mel_split_balance(SplitGroup *groups, size_t count, const char *const *names,
                       size_t stratum_count, const SplitOptions *options)
{
    Balance b = {.options = options, .groups = groups, .stratum_count = stratum_count};
    b.order = mel_alloc((count + 1) * sizeof *b.order);
    b.next = mel_alloc((count + 1) * sizeof *b.next);
    b.place = mel_alloc((count + 1) * sizeof *b.place);
    b.strata = mel_alloc((stratum_count + 1) * sizeof *b.strata);
    for (size_t i = 0; i < count; i++)
        if (groups[i].side == SPLIT_NEW && groups[i].size) b.order[b.new_count++] = &groups[i];
    qsort(b.order, b.new_count, sizeof *b.order, by_order);
    for (size_t i = 0; i < b.new_count; i++)
        b.place[b.order[i] - groups] = i;
    make_strata(&b, names);
    make_cells(&b);
    load_all(&b, count);
    qsort(b.strata, stratum_count, sizeof *b.strata, by_hash);
    repair(&b);
    free(b.order);
    free(b.next);
    free(b.place);
    free(b.strata);
    free(b.cells);
}
