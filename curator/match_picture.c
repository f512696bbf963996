/* SPDX-License-Identifier: Apache-2.0
 *
 * Near-duplicates of picture hashes by multi-index hashing (M. Norouzi, A. Punjani, D. Fleet,
 * "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012): two hashes within r
 * = 4s + t differ by s bits or fewer in one of the first t + 1 of their four 16-bit parts, or by
 * s - 1 or fewer in one of the others: were it not so, they would differ by (t + 1)(s + 1) +
 * (3 - t)s = r + 1. Looking up every part that near finds every pair. */
#include "curator/fingerprint.h"

#include <stdlib.h>
#include <string.h>

enum { PARTS = 4, PART_BITS = 16, PART_VALUES = 1 << PART_BITS, DISTANCE_MAX = 10 };

/* An item with so many partners gets a further one only when nothing else connects the two: a
 * stock picture in thousands of clips would give millions of edges that say the same. */
enum { PARTNERS_MAX = 256 };

static const size_t BYTES_MAX = (size_t)1 << 36;

typedef struct Entry {
    uint64_t hash;
    size_t item;
} Entry;

typedef struct PictureMatcher {
    int distance_max;
    Entry *entries; /* by hash, then item; no zeros */
    size_t entry_count;
    uint64_t *values; /* different hashes, ascending */
    size_t *starts;   /* value_count + 1: the entries of each */
    size_t value_count;
    uint32_t
        *heads[PARTS]; /* PART_VALUES + 2; the list of v is from heads[v + 1] to heads[v + 2] */
    uint32_t *lists[PARTS]; /* values, by part */
    int radius[PARTS];      /* bits; -1: no pair needs this part */
    Groups groups;          /* over items */
    uint32_t *partners;     /* of each item */
    DuplicateEdge *edges;
    size_t edge_count, edge_capacity;
} PictureMatcher;

static uint32_t part_of(uint64_t hash, int part)
{
    return (uint32_t)(hash >> part * PART_BITS) & (PART_VALUES - 1);
}

static int by_hash(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static int by_items(const void *a, const void *b)
{
    const DuplicateEdge *x = a, *y = b;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

/* ---- the index ---------------------------------------------------------------------------------
 */

static void fill_values(PictureMatcher *m, const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (hashes[i]) m->entries[m->entry_count++] = (Entry){hashes[i], i};
    qsort(m->entries, m->entry_count, sizeof *m->entries, by_hash);
    for (size_t i = 0; i < m->entry_count; i++) {
        if (i && m->entries[i].hash == m->entries[i - 1].hash) continue;
        m->starts[m->value_count] = i;
        m->values[m->value_count++] = m->entries[i].hash;
    }
    m->starts[m->value_count] = m->entry_count;
}

static void fill_part(PictureMatcher *m, int part)
{
    uint32_t *heads = m->heads[part];
    for (size_t i = 0; i < m->value_count; i++)
        heads[part_of(m->values[i], part) + 1]++;
    for (size_t v = 0; v < PART_VALUES; v++)
        heads[v + 1] += heads[v];
    for (size_t i = m->value_count; i-- > 0;) { /* from behind, each list from its end */
        uint32_t v = part_of(m->values[i], part);
        m->lists[part][--heads[v + 1]] = (uint32_t)i;
    }
    heads[PART_VALUES + 1] = (uint32_t)m->value_count;
}

static bool index_pictures(PictureMatcher *m, const uint64_t *hashes, size_t count, Err *err)
{
    if (count > UINT32_MAX) return mel_err(err, ERR_LIMIT, "too many pictures to match");
    size_t n = count + 1;
    m->entries = mel_try_alloc(n, sizeof *m->entries, BYTES_MAX, "picture index", err);
    m->values = mel_try_alloc(n, sizeof *m->values, BYTES_MAX, "picture index", err);
    m->starts = mel_try_alloc(n, sizeof *m->starts, BYTES_MAX, "picture index", err);
    m->partners = mel_try_alloc(n, sizeof *m->partners, BYTES_MAX, "picture index", err);
    bool ok = m->entries && m->values && m->starts && m->partners;
    for (int p = 0; ok && p < PARTS; p++) {
        m->heads[p] = mel_alloc((PART_VALUES + 2) * sizeof *m->heads[p]);
        m->lists[p] = mel_try_alloc(n, sizeof *m->lists[p], BYTES_MAX, "picture index", err);
        ok = m->lists[p] != NULL;
    }
    if (!ok) return false;
    fill_values(m, hashes, count);
    for (int p = 0; p < PARTS; p++)
        fill_part(m, p);
    mel_groups_init(&m->groups, count);
    return true;
}

static void index_clear(PictureMatcher *m)
{
    free(m->entries);
    free(m->values);
    free(m->starts);
    free(m->partners);
    for (int p = 0; p < PARTS; p++) {
        free(m->heads[p]);
        free(m->lists[p]);
    }
    mel_groups_clear(&m->groups);
}

/* ---- edges -------------------------------------------------------------------------------------
 */

static void add_edge(PictureMatcher *m, size_t a, size_t b, int distance)
{
    bool full = m->partners[a] >= PARTNERS_MAX || m->partners[b] >= PARTNERS_MAX;
    if (full && mel_groups_find(&m->groups, a) == mel_groups_find(&m->groups, b)) return;
    mel_groups_join(&m->groups, a, b);
    m->partners[a]++;
    m->partners[b]++;
    mel_grow(&m->edges, &m->edge_capacity, m->edge_count + 1, sizeof *m->edges);
    m->edges[m->edge_count++] = (DuplicateEdge){
        .a = (int64_t)(a < b ? a : b),
        .b = (int64_t)(a < b ? b : a),
        .score = 1 - distance / 64.0,
        .evidence = distance,
    };
}

/* Items with one and the same hash: each with the next few, which also chains them all. */
static void join_equal(PictureMatcher *m, size_t value)
{
    size_t end = m->starts[value + 1];
    for (size_t i = m->starts[value]; i < end; i++)
        for (size_t j = i + 1; j < end && j - i <= PARTNERS_MAX / 2; j++)
            add_edge(m, m->entries[i].item, m->entries[j].item, 0);
}

/* Items with two near hashes. Each hash's own items hang together already. */
static void join_near(PictureMatcher *m, size_t value, size_t other, int distance)
{
    for (size_t i = m->starts[value]; i < m->starts[value + 1]; i++)
        for (size_t j = m->starts[other]; j < m->starts[other + 1]; j++) {
            size_t a = m->entries[i].item;
            add_edge(m, a, m->entries[j].item, distance);
            if (m->partners[a] >= PARTNERS_MAX) break;
        }
}

/* A pair may be near in several parts: it belongs to the first of them. */
static bool found_before(const PictureMatcher *m, uint64_t a, uint64_t b, int part)
{
    for (int p = 0; p < part; p++)
        if (__builtin_popcount(part_of(a, p) ^ part_of(b, p)) <= m->radius[p]) return true;
    return false;
}

static void look_up(PictureMatcher *m, size_t value, int part, uint32_t key)
{
    const uint32_t *heads = m->heads[part];
    uint64_t mine = m->values[value];
    for (size_t i = heads[key + 1]; i < heads[key + 2]; i++) {
        size_t other = m->lists[part][i];
        if (other <= value) continue;
        int distance = mel_picture_distance(mine, m->values[other]);
        if (distance > m->distance_max || found_before(m, mine, m->values[other], part)) continue;
        join_near(m, value, other, distance);
    }
}

/* All keys within the part's radius (2 at most) of the value's own. */
static void look_around(PictureMatcher *m, size_t value, int part)
{
    int radius = m->radius[part];
    if (radius < 0) return;
    uint32_t key = part_of(m->values[value], part);
    look_up(m, value, part, key);
    for (int i = 0; radius >= 1 && i < PART_BITS; i++) {
        look_up(m, value, part, key ^ 1u << i);
        for (int j = 0; radius >= 2 && j < i; j++)
            look_up(m, value, part, key ^ 1u << i ^ 1u << j);
    }
}

bool mel_match_pictures(const uint64_t *hashes, size_t count, int max_distance,
                        DuplicateEdge **edges_out, size_t *edge_count_out, Err *err)
{
    if (max_distance < 0 || max_distance > DISTANCE_MAX)
        return mel_err(err, ERR_USAGE, "picture distance %d is not in 0..%d", max_distance,
                       DISTANCE_MAX);
    PictureMatcher m = {.distance_max = max_distance};
    for (int p = 0; p < PARTS; p++)
        m.radius[p] = max_distance / PARTS - (p > max_distance % PARTS);
    bool ok = index_pictures(&m, hashes, count, err);
    for (size_t v = 0; ok && v < m.value_count; v++)
        join_equal(&m, v);
    for (size_t v = 0; ok && max_distance > 0 && v < m.value_count; v++)
        for (int p = 0; p < PARTS; p++)
            look_around(&m, v, p);
    index_clear(&m);
    if (!ok) return false; /* no edge was made yet */
    if (m.edge_count) qsort(m.edges, m.edge_count, sizeof *m.edges, by_items);
    *edges_out = m.edges;
    *edge_count_out = m.edge_count;
    return true;
}
