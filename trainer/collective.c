/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/collective.h"

#include "trainer/rendezvous.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MEET_US = 60000000, VERDICT_MS = 2000, CHUNK_BYTES = 1 << 18 };

struct Collective {
    int rank, size;
    Meeting meeting;
    Watchdog *dog;
    int64_t calls;
    float *chunk; /* what has come and is not added yet */
};

typedef enum CallKind { CALL_SUM = 1, CALL_BROADCAST } CallKind;

/* What neighbours compare before each call. */
typedef struct CallHeader {
    int64_t kind, number, count;
} CallHeader;

/* What is to come from the left: copied to its place, or added to what is there. */
typedef struct Incoming {
    void *into;
    size_t bytes, done;
    bool add;
    size_t held; /* add: bytes in the chunk */
} Incoming;

/* ---- opening -------------------------------------------------------------------------------- */

bool mel_collective_open(const LaunchPlace *place, const CollectiveOptions *options,
                         Collective **out, Err *err)
{
    static const CollectiveOptions defaults;
    *out = NULL;
    if (place->size == 1) return true;
    if (!options) options = &defaults;
    Collective *c = mel_alloc(sizeof *c);
    *c = (Collective){.rank = place->rank, .size = place->size};
    c->chunk = mel_alloc(CHUNK_BYTES);
    if (!rendezvous_meet(place, options->meet_us ? options->meet_us : MEET_US, &c->meeting, err)) {
        free(c->chunk);
        free(c);
        return false;
    }
    bool ok = watchdog_start(c->rank, c->size, c->meeting.stars, &options->watch, &c->dog, err);
    for (int rank = 0; rank < c->size && ok; rank++)
        c->meeting.stars[rank] = -1; /* the watchdog's now */
    if (ok)
        *out = c;
    else
        mel_collective_close(c, NULL);
    return ok;
}

void mel_collective_close(Collective *c, const Err *why)
{
    if (!c) return;
    bool own = why && mel_err_is_set(why) && why->code != ERR_CANCELLED;
    watchdog_stop(c->dog, own ? why : NULL);
    rendezvous_close(&c->meeting);
    free(c->chunk);
    free(c);
}

int mel_collective_rank(const Collective *c)
{
    return c ? c->rank : 0;
}

int mel_collective_size(const Collective *c)
{
    return c ? c->size : 1;
}

/* ---- the ring ------------------------------------------------------------------------------- */

/* A neighbour's end is closed, perhaps only since it has itself lost another: the watchdog, which
 * hears of the first loss from rank 0, has the first word. */
static bool neighbour_gone(Collective *c, int rank, Err *err)
{
    struct pollfd alarm = {.fd = watchdog_alarm(c->dog), .events = POLLIN};
    while (poll(&alarm, 1, VERDICT_MS) < 0 && errno == EINTR)
        continue;
    if (!watchdog_all_well(c->dog, err)) return false;
    mel_err(err, ERR_NET, "rank %d is gone (its connection was closed)", rank);
    return mel_err_hint(err, "--resume goes on from the last checkpoint");
}

static bool again(ssize_t got)
{
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static void add_whole_floats(Collective *c, Incoming *in)
{
    size_t whole = in->held / sizeof(float), used = whole * sizeof(float);
    float *sums = (float *)(void *)((char *)in->into + in->done);
    for (size_t i = 0; i < whole; i++)
        sums[i] += c->chunk[i];
    memmove(c->chunk, (char *)c->chunk + used, in->held - used);
    in->held -= used;
    in->done += used;
}

static bool take_some(Collective *c, Incoming *in, Err *err)
{
    char *to = in->add ? (char *)c->chunk + in->held : (char *)in->into + in->done;
    size_t wanted = in->bytes - in->done - in->held;
    if (in->add && wanted > CHUNK_BYTES - in->held) wanted = CHUNK_BYTES - in->held;
    ssize_t got = recv(c->meeting.left, to, wanted, 0);
    if (again(got)) return true;
    if (got <= 0) return neighbour_gone(c, (c->rank + c->size - 1) % c->size, err);
    if (!in->add) {
        in->done += (size_t)got;
        return true;
    }
    in->held += (size_t)got;
    add_whole_floats(c, in);
    return true;
}

static bool give_some(Collective *c, const char *out, size_t n, size_t *done, Err *err)
{
    ssize_t got = send(c->meeting.right, out + *done, n - *done, MSG_NOSIGNAL);
    if (again(got)) return true;
    if (got <= 0) return neighbour_gone(c, (c->rank + 1) % c->size, err);
    *done += (size_t)got;
    return true;
}

/* Sends n bytes to the right and takes what comes from the left, both at once. Waits as long as all
 * are alive: a neighbour may be at its computing still. */
static bool exchange(Collective *c, const void *out, size_t n, Incoming *in, Err *err)
{
    size_t given = 0;
    while (given < n || in->done < in->bytes) {
        struct pollfd fds[] = {
            {.fd = given < n ? c->meeting.right : -1,           .events = POLLOUT},
            {.fd = in->done < in->bytes ? c->meeting.left : -1, .events = POLLIN },
            {.fd = watchdog_alarm(c->dog),                      .events = POLLIN },
        };
        if (poll(fds, MEL_COUNT(fds), -1) < 0 && errno != EINTR)
            return mel_err_errno(err, "cannot wait for the other ranks");
        if (fds[2].revents && !watchdog_all_well(c->dog, err)) return false;
        if (fds[0].revents && !give_some(c, out, n, &given, err)) return false;
        if (fds[1].revents && !take_some(c, in, err)) return false;
    }
    return true;
}

/* Ranks that are at different calls would wait for each other, or add what does not belong
 * together. */
static bool begin_call(Collective *c, CallKind kind, int64_t count, Err *err)
{
    const CallHeader own = {.kind = kind, .number = c->calls++, .count = count};
    CallHeader left = {0};
    Incoming in = {.into = &left, .bytes = sizeof left};
    if (!watchdog_all_well(c->dog, err) || !exchange(c, &own, sizeof own, &in, err)) return false;
    return memcmp(&own, &left, sizeof own) == 0 ||
           mel_err(err, ERR_NET, "rank %d is at another place of the run than rank %d",
                   (c->rank + c->size - 1) % c->size, c->rank);
}

bool collective_all_well(Collective *c, Err *err)
{
    return watchdog_all_well(c->dog, err);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* Where the k-th of `size` nearly equal parts begins. */
static int64_t part_begin(const Collective *c, int64_t count, int k)
{
    return count / c->size * k + (count % c->size < k ? count % c->size : k);
}

static bool pass_part(Collective *c, float *values, int64_t count, const int parts[2], bool add,
                      Err *err)
{
    int64_t at[2], n[2];
    for (int i = 0; i < 2; i++) {
        int k = ((parts[i] % c->size) + c->size) % c->size;
        at[i] = part_begin(c, count, k);
        n[i] = part_begin(c, count, k + 1) - at[i];
    }
    Incoming in = {.into = values + at[1], .bytes = (size_t)n[1] * sizeof *values, .add = add};
    return exchange(c, values + at[0], (size_t)n[0] * sizeof *values, &in, err);
}

bool collective_sum(Collective *c, float *values, int64_t count, Err *err)
{
    if (!begin_call(c, CALL_SUM, count, err)) return false;
    for (int step = 0; step < c->size - 1; step++)
        if (!pass_part(c, values, count, (int[]){c->rank - step, c->rank - step - 1}, true, err))
            return false;
    for (int step = 0; step < c->size - 1; step++)
        if (!pass_part(c, values, count, (int[]){c->rank + 1 - step, c->rank - step}, false, err))
            return false;
    return true;
}

bool collective_broadcast(Collective *c, void *bytes, int64_t n, Err *err)
{
    bool last = c->rank == c->size - 1;
    Incoming in = {.into = bytes, .bytes = c->rank == 0 ? 0 : (size_t)n}, none = {0};
    return begin_call(c, CALL_BROADCAST, n, err) && exchange(c, NULL, 0, &in, err) &&
           exchange(c, bytes, last ? 0 : (size_t)n, &none, err);
}
