/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulation of NCCL: processes of one machine that add up through shared memory. As there, a
 * sum is asked for at once and comes about later: whoever asks whether it is done carries it on,
 * and nobody ever waits. */
#include "engine/cuda/runtime.h"

extern "C" {
#include "engine/peers.h"
}

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

constexpr int RANKS = 8;
constexpr int64_t PIECE = 4096;

/* What each rank shows the others: its numbers of a piece, and how many pieces it has shown and has
 * taken the sum of. All zero at first, as the system gives it. */
struct Shared {
    std::atomic<int64_t> came, shown[RANKS], taken[RANKS];
    float numbers[RANKS][PIECE];
};

struct Sum {
    float *memory;
    int64_t left;
};

struct Group {
    int rank, size;
    Shared *shared;
    std::deque<Sum> sums;
};

static bool ready(Backend *, Err *)
{
    return true;
}

static bool new_id(Backend *, PeersId *id, Err *err)
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return mel_err_errno(err, "no random number for the peers' name");
    snprintf((char *)id->bytes, sizeof id->bytes, "/melkit-%016llx", (unsigned long long)number);
    return true;
}

/* The last to come takes the name away; what is mapped stays. */
static bool join(Backend *, const PeersId *id, int rank, int size, void **out, Err *err)
{
    const char *name = (const char *)id->bytes;
    if (size > RANKS) return mel_err(err, ERR_DEVICE, "more than %d peers", RANKS);
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(Shared)) != 0)
        return mel_err_errno(err, "'%s' cannot be shared", name);
    void *memory = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) return mel_err_errno(err, "'%s' cannot be mapped", name);
    Group *g = new Group{rank, size, (Shared *)memory, {}};
    if (++g->shared->came == size) shm_unlink(name);
    *out = g;
    return true;
}

static void leave(void *group)
{
    Group *g = (Group *)group;
    munmap(g->shared, sizeof(Shared));
    delete g;
}

static bool sum(void *group, void *event, float *memory, int64_t count, Err *err)
{
    if (event && !runtime_event_wait(event, err)) return false;
    if (count > 0) ((Group *)group)->sums.push_back(Sum{memory, count});
    return true;
}

static bool all_have(const std::atomic<int64_t> *counts, int size, int64_t wanted)
{
    for (int rank = 0; rank < size; rank++)
        if (counts[rank] < wanted) return false;
    return true;
}

static int64_t piece_of(const Sum &one)
{
    return one.left < PIECE ? one.left : PIECE;
}

/* Shows the next piece, once all have taken what was shown before. */
static bool show(Group *g, const Sum &one)
{
    Shared *s = g->shared;
    if (!all_have(s->taken, g->size, s->shown[g->rank])) return false;
    memcpy(s->numbers[g->rank], one.memory, (size_t)piece_of(one) * sizeof(float));
    s->shown[g->rank]++;
    return true;
}

/* Adds up what all have shown, in the order of the ranks. */
static bool take(Group *g, Sum *one)
{
    Shared *s = g->shared;
    const int64_t count = piece_of(*one);
    if (!all_have(s->shown, g->size, s->shown[g->rank])) return false;
    for (int64_t i = 0; i < count; i++) {
        float total = 0;
        for (int rank = 0; rank < g->size; rank++)
            total += s->numbers[rank][i];
        one->memory[i] = total;
    }
    one->memory += count;
    one->left -= count;
    s->taken[g->rank]++;
    return true;
}

static bool done(void *group, bool *done, Err *)
{
    Group *g = (Group *)group;
    Shared *s = g->shared;
    bool moved = true;
    while (moved && !g->sums.empty()) {
        Sum &one = g->sums.front();
        moved = s->taken[g->rank] == s->shown[g->rank] ? show(g, one) : take(g, &one);
        if (one.left == 0) g->sums.pop_front();
    }
    *done = g->sums.empty();
    return true;
}

static void abort_group(void *group)
{
    ((Group *)group)->sums.clear();
}

extern "C" const BackendPeers runtime_peers = {ready, new_id, join, leave, sum, done, abort_group};
