/* SPDX-License-Identifier: Apache-2.0
 *
 * Near-duplicates of sound: an inverted index over landmark hashes, then, item by item, votes for
 * (other item, offset).
 *
 * When is a pair more than chance? Unrelated music agrees on a handful of landmarks at some offset
 * or other. Music by the same instruments in the same key and tempo agrees on more, and on a whole
 * comb of offsets, one for each beat: no fixed number of votes tells it from three seconds shared
 * by two cuts of one recording, and votes are far from independent, so that no binomial tail says
 * anything either. So the best offset of a pair has to be
 *   rich:     EVIDENCE_MIN different hashes agree (a loop's one drum hit, however often, is one);
 *   dense:    of the different hashes that either item has in the stretch that both cover at that
 *             offset, at least OVERLAP_MIN_S long, DENSITY_MIN agree;
 *   alone:    it has STANDS_OUT times the votes of the pair's best offset elsewhere, which is what
 *             chance and likeness give to this very pair; or the density is DENSITY_CLEAR, which a
 *             true copy of music that repeats itself has at several offsets. */
#include "curator/fingerprint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EVIDENCE_MIN = 12, OFFSET_WINDOW = 3, ELSEWHERE = 6 /* hops */ };
static const double SCORE_MIN = 0.02, OVERLAP_MIN_S = 1.8;
static const double DENSITY_MIN = 0.12, DENSITY_CLEAR = 0.25, STANDS_OUT = 3;

/* Of the items that share one hash each is compared with so many next ones at most. It bounds the
 * work by the number of landmarks; a hash that so many share says little, and very many copies of
 * one recording still hang together as a chain. */
enum { COMPANIONS_MAX = 64 };

static const size_t INDEX_BYTES_MAX = (size_t)1 << 36;

typedef struct Posting {
    uint32_t hash, item, position;
} Posting;

typedef struct Matcher {
    const AudioItem *items;
    size_t count;
    double score_min;
    uint32_t evidence_min;
    Posting *postings; /* by hash, then item, then position */
    size_t posting_count;
    uint32_t *hashes; /* those of two items or more, ascending, and where their postings begin */
    size_t *starts, hash_count, hash_capacity, start_capacity;
    uint32_t *votes_of; /* of each item: votes that pair it with the item in hand */
    uint32_t *touched;  /* items with a vote */
    size_t touched_count;
    struct Vote *votes;
    size_t vote_capacity;
    DuplicateEdge *edges;
    size_t edge_count, edge_capacity;
} Matcher;

/* ---- the index ---------------------------------------------------------------------------------
 */

/* Stable, 11 bits at a time; both blocks swap roles. */
static void sort_by_hash(Posting **postings, Posting **spare, size_t count)
{
    enum { BITS = 11, BUCKETS = 1 << BITS };
    size_t starts[BUCKETS];
    for (int shift = 0; shift < 32; shift += BITS) {
        memset(starts, 0, sizeof starts);
        for (size_t i = 0; i < count; i++)
            starts[(*postings)[i].hash >> shift & (BUCKETS - 1)]++;
        for (size_t b = 0, sum = 0; b < BUCKETS; b++) {
            size_t here = starts[b];
            starts[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            (*spare)[starts[(*postings)[i].hash >> shift & (BUCKETS - 1)]++] = (*postings)[i];
        Posting *swap = *postings;
        *postings = *spare;
        *spare = swap;
    }
}

static void find_shared_hashes(Matcher *m)
{
    const Posting *p = m->postings;
    for (size_t i = 0, j; i < m->posting_count; i = j) {
        for (j = i + 1; j < m->posting_count && p[j].hash == p[i].hash;)
            j++;
        if (p[j - 1].item == p[i].item) continue; /* nobody else's */
        mel_grow(&m->hashes, &m->hash_capacity, m->hash_count + 1, sizeof *m->hashes);
        mel_grow(&m->starts, &m->start_capacity, m->hash_count + 1, sizeof *m->starts);
        m->hashes[m->hash_count] = p[i].hash;
        m->starts[m->hash_count++] = i;
    }
}

static bool build_index(Matcher *m, Err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < m->count; i++)
        if (__builtin_add_overflow(total, m->items[i].count, &total))
            return mel_err(err, ERR_LIMIT, "too many landmarks to match");
    m->postings = mel_try_alloc(total, sizeof *m->postings, INDEX_BYTES_MAX, "landmark index", err);
    if (!m->postings) return false;
    Posting *spare = mel_try_alloc(total, sizeof *spare, INDEX_BYTES_MAX, "landmark index", err);
    if (!spare) return false;
    for (size_t i = 0; i < m->count; i++)
        for (size_t j = 0; j < m->items[i].count; j++) {
            const Landmark *mark = &m->items[i].landmarks[j];
            m->postings[m->posting_count++] = (Posting){mark->hash, (uint32_t)i, mark->position};
        }
    sort_by_hash(&m->postings, &spare, total);
    free(spare);
    find_shared_hashes(m);
    return true;
}

/* The postings of a hash that follow those of `item`. */
typedef struct Companions {
    const Posting *next, *end;
} Companions;

static Companions companions(const Matcher *m, uint32_t hash, uint32_t item)
{
    size_t low = 0, high = m->hash_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == m->hash_count || m->hashes[low] != hash) return (Companions){NULL, NULL};
    const Posting *end = m->postings + m->posting_count;
    size_t from = m->starts[low];
    size_t to = low + 1 < m->hash_count ? m->starts[low + 1] : m->posting_count;
    while (from < to) { /* behind are other hashes, that nobody shares: they count as larger */
        size_t middle = from + (to - from) / 2;
        const Posting *p = &m->postings[middle];
        if (p->hash == hash && p->item <= item)
            from = middle + 1;
        else
            to = middle;
    }
    return (Companions){m->postings + from, end};
}

/* ---- the votes for one item --------------------------------------------------------------------
 */

typedef struct Vote {
    int64_t offset; /* theirs - mine */
    uint32_t mine, theirs;
    uint32_t hash;
} Vote;

typedef void CompanionFn(Matcher *m, const Landmark *mine, const Posting *theirs);

static void each_companion(Matcher *m, uint32_t item, CompanionFn *fn)
{
    for (size_t j = 0; j < m->items[item].count; j++) {
        const Landmark *mine = &m->items[item].landmarks[j];
        Companions c = companions(m, mine->hash, item);
        uint32_t seen = item;
        for (int items = 0; c.next < c.end && c.next->hash == mine->hash; c.next++) {
            if (c.next->item != seen && ++items > COMPANIONS_MAX) break;
            seen = c.next->item;
            fn(m, mine, c.next);
        }
    }
}

static void count_vote(Matcher *m, const Landmark *mine, const Posting *theirs)
{
    (void)mine;
    if (!m->votes_of[theirs->item]++) m->touched[m->touched_count++] = theirs->item;
}

/* ---- one pair ----------------------------------------------------------------------------------
 */

typedef struct Extent {
    int64_t first, last; /* hops */
} Extent;

static Extent extent_of(const AudioItem *item)
{
    Extent e = {INT64_MAX, 0};
    for (size_t i = 0; i < item->count; i++) {
        int64_t at = item->landmarks[i].position;
        if (at < e.first) e.first = at;
        if (at > e.last) e.last = at;
    }
    return e;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How many different hashes the landmarks from `first` to `last` have. */
static size_t hashes_inside(const AudioItem *item, int64_t first, int64_t last)
{
    uint32_t hashes[LANDMARKS_MAX];
    size_t count = 0, different = 0;
    for (size_t i = 0; i < item->count; i++)
        if (item->landmarks[i].position >= first && item->landmarks[i].position <= last)
            hashes[count++] = item->landmarks[i].hash;
    if (count == 0) return 0;
    qsort(hashes, count, sizeof *hashes, by_number);
    for (size_t i = 0; i < count; i++)
        different += !i || hashes[i] != hashes[i - 1];
    return different;
}

static int by_offset(const void *a, const void *b)
{
    const Vote *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->mine != y->mine) return x->mine < y->mine ? -1 : 1;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static int by_mine(const void *a, const void *b)
{
    const Vote *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->mine > y->mine) - (x->mine < y->mine);
}

static int by_theirs(const void *a, const void *b)
{
    const Vote *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->theirs > y->theirs) - (x->theirs < y->theirs);
}

typedef struct Window {
    size_t first, count; /* of the votes, by offset */
} Window;

/* The offset window with the most votes; with `besides`, at least ELSEWHERE hops away from it. */
static Window best_window(const Vote *votes, size_t count, const Vote *besides)
{
    Window best = {0};
    for (size_t i = 0, j = 0; i < count; i++) {
        while (j < count && votes[j].offset < votes[i].offset + OFFSET_WINDOW)
            j++;
        if (besides && llabs(votes[i].offset - besides->offset) < ELSEWHERE) continue;
        if (j - i > best.count) best = (Window){i, j - i};
    }
    return best;
}

typedef struct Agreement {
    uint32_t landmarks; /* of the item that has fewer in it, each counted once */
    uint32_t hashes;    /* different ones */
    double offset;      /* mean, in hops */
} Agreement;

/* Reorders the votes. */
static Agreement agreement_of(Vote *votes, size_t count)
{
    Agreement a = {.hashes = 1};
    uint32_t mine = 1, theirs = 1;
    for (size_t i = 0; i < count; i++)
        a.offset += (double)votes[i].offset / (double)count;
    qsort(votes, count, sizeof *votes, by_mine);
    for (size_t i = 1; i < count; i++) {
        a.hashes += votes[i].hash != votes[i - 1].hash;
        mine += by_mine(&votes[i], &votes[i - 1]) != 0;
    }
    qsort(votes, count, sizeof *votes, by_theirs);
    for (size_t i = 1; i < count; i++)
        theirs += by_theirs(&votes[i], &votes[i - 1]) != 0;
    a.landmarks = mine < theirs ? mine : theirs;
    return a;
}

/* Share of the different hashes, where both items sound, that agree; 0 when that stretch is too
 * short. */
static double density_of(const AudioItem *a, const AudioItem *b, const Agreement *agreement)
{
    int64_t offset = llrint(agreement->offset);
    Extent mine = extent_of(a), theirs = extent_of(b);
    int64_t first = mine.first > theirs.first - offset ? mine.first : theirs.first - offset;
    int64_t last = mine.last < theirs.last - offset ? mine.last : theirs.last - offset;
    if ((double)(last - first) * mel_landmark_hop_s() < OVERLAP_MIN_S) return 0;
    size_t in_a = hashes_inside(a, first, last);
    size_t in_b = hashes_inside(b, first + offset, last + offset);
    size_t fewer = in_a < in_b ? in_a : in_b;
    return fewer ? (double)agreement->hashes / (double)fewer : 0;
}

/* False when no window can have `least` votes: said for most pairs, without sorting. */
static bool may_agree(const Vote *votes, size_t count, uint32_t least)
{
    enum { BUCKETS = 256, HOPS = 4 }; /* a window lies in two neighbouring buckets at most */
    uint32_t buckets[BUCKETS] = {0};
    for (size_t i = 0; i < count; i++) {
        size_t at = (uint64_t)(votes[i].offset + UINT32_MAX) / HOPS % BUCKETS;
        uint32_t here = ++buckets[at];
        uint32_t before = buckets[(at + BUCKETS - 1) % BUCKETS],
                 after = buckets[(at + 1) % BUCKETS];
        if (here + (before > after ? before : after) >= least) return true;
    }
    return false;
}

static void decide(Matcher *m, uint32_t a, uint32_t b, Vote *votes, size_t count)
{
    if (!may_agree(votes, count, m->evidence_min)) return;
    qsort(votes, count, sizeof *votes, by_offset);
    Window best = best_window(votes, count, NULL);
    if (best.count < m->evidence_min) return;
    Window other = best_window(votes, count, &votes[best.first]);
    Agreement agreement = agreement_of(votes + best.first, best.count);
    if (agreement.hashes < m->evidence_min) return;
    const AudioItem *x = &m->items[a], *y = &m->items[b];
    double score =
        (double)agreement.landmarks / (double)(x->count < y->count ? x->count : y->count);
    if (score < m->score_min) return;
    double density = density_of(x, y, &agreement);
    bool alone = (double)best.count >= STANDS_OUT * (double)other.count;
    if (density < (alone ? DENSITY_MIN : DENSITY_CLEAR)) return;
    mel_grow(&m->edges, &m->edge_capacity, m->edge_count + 1, sizeof *m->edges);
    m->edges[m->edge_count++] = (DuplicateEdge){
        .a = a,
        .b = b,
        .score = score,
        .offset_us = llrint(agreement.offset * mel_landmark_hop_s() * 1e6),
        .evidence = (int32_t)agreement.landmarks,
    };
}

/* ---- all ----------------------------------------------------------------------------------------
 */

/* votes_of holds, from here on, where the next vote of an item goes, plus 1; 0: not a candidate. */
static void keep_vote(Matcher *m, const Landmark *mine, const Posting *theirs)
{
    uint32_t *at = &m->votes_of[theirs->item];
    if (!*at) return;
    m->votes[*at - 1] = (Vote){(int64_t)theirs->position - mine->position, mine->position,
                               theirs->position, mine->hash};
    ++*at;
}

/* Most items share a few votes with most others by chance: only those with enough of them get
 * their votes written down. */
static void match_item(Matcher *m, uint32_t item)
{
    m->touched_count = 0;
    each_companion(m, item, count_vote);
    size_t candidates = 0, total = 0;
    for (size_t i = 0; i < m->touched_count; i++) {
        uint32_t other = m->touched[i];
        if (m->votes_of[other] >= m->evidence_min)
            m->touched[candidates++] = other;
        else
            m->votes_of[other] = 0;
    }
    qsort(m->touched, candidates, sizeof *m->touched, by_number);
    for (size_t i = 0; i < candidates; i++) {
        uint32_t votes = m->votes_of[m->touched[i]];
        m->votes_of[m->touched[i]] = (uint32_t)total + 1;
        total += votes;
    }
    mel_grow(&m->votes, &m->vote_capacity, total, sizeof *m->votes);
    if (candidates) each_companion(m, item, keep_vote);
    for (size_t i = 0, from = 0; i < candidates; i++) {
        size_t to = m->votes_of[m->touched[i]] - 1;
        decide(m, item, m->touched[i], m->votes + from, to - from);
        m->votes_of[m->touched[i]] = 0;
        from = to;
    }
}

static bool start(Matcher *m, const AudioMatchOptions *options, Err *err)
{
    m->score_min = options && options->score_min > 0 ? options->score_min : SCORE_MIN;
    m->evidence_min = options && options->evidence_min > 0 ? (uint32_t)options->evidence_min
                                                           : (uint32_t)EVIDENCE_MIN;
    if (m->count > UINT32_MAX) return mel_err(err, ERR_LIMIT, "too many items to match");
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].count > LANDMARKS_MAX)
            return mel_err(err, ERR_USAGE, "item %zu has %zu landmarks, at most %d are allowed", i,
                           m->items[i].count, LANDMARKS_MAX);
    size_t n = m->count ? m->count : 1;
    m->votes_of = mel_try_alloc(n, sizeof *m->votes_of, INDEX_BYTES_MAX, "vote counts", err);
    m->touched = mel_try_alloc(n, sizeof *m->touched, INDEX_BYTES_MAX, "vote counts", err);
    return m->votes_of && m->touched && build_index(m, err);
}

bool mel_match_audio(const AudioItem *items, size_t count, const AudioMatchOptions *options,
                     DuplicateEdge **edges_out, size_t *edge_count_out, Err *err)
{
    Matcher m = {.items = items, .count = count};
    bool ok = start(&m, options, err);
    for (size_t i = 0; ok && i < count; i++)
        match_item(&m, (uint32_t)i);
    free(m.postings);
    free(m.hashes);
    free(m.starts);
    free(m.votes_of);
    free(m.touched);
    free(m.votes);
    if (!ok) {
        free(m.edges);
        return false;
    }
    *edges_out = m.edges;
    *edge_count_out = m.edge_count;
    return true;
}
