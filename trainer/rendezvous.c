/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/rendezvous.h"

#include "trainer/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION_SIZE = 24, TEXT_SIZE = 256, BYTE_ORDER_MARK = 0x01020304 };
enum { GREETING_US = 2000000 }; /* a stranger may connect and say nothing */
static const char star_magic[8] = "mel-star", ring_magic[8] = "mel-ring";

/* What a process says first, to rank 0 (star) and to its right neighbour (ring). */
typedef struct Hello {
    char magic[8], version[VERSION_SIZE];
    int32_t mark, rank, size, port; /* port: where it listens for its left neighbour */
} Hello;

/* What rank 0 answers once all are there, or cannot be. */
typedef struct Welcome {
    int32_t refused, port;    /* the right neighbour's */
    char host[TCP_HOST_SIZE]; /* "": that of rank 0 */
    char text[TEXT_SIZE];     /* why refused */
} Welcome;

typedef struct Guest {
    int fd, port; /* fd -1: has not come */
    char host[TCP_HOST_SIZE];
} Guest;

typedef struct Host {
    const LaunchPlace *place;
    int64_t wait_us, deadline_us;
    int listener;
    Guest *guests; /* by rank */
} Host;

static Hello hello_of(const LaunchPlace *place, const char magic[8], int port)
{
    Hello hello = {.mark = BYTE_ORDER_MARK, .rank = place->rank, .size = place->size, .port = port};
    memcpy(hello.magic, magic, sizeof hello.magic);
    snprintf(hello.version, sizeof hello.version, "%s", MEL_VERSION);
    return hello;
}

/* The next one who says this magic; whoever says something else is no process of ours. */
static bool accept_hello(int listener, const char magic[8], int64_t deadline_us, int *fd_out,
                         Hello *hello, Err *err)
{
    for (;;) {
        int fd;
        Err ignored = {0};
        if (!tcp_accept(listener, deadline_us, &fd, err)) return false;
        int64_t soon = mel_monotonic_us() + GREETING_US;
        if (tcp_receive(fd, hello, sizeof *hello, soon, &ignored) &&
            memcmp(hello->magic, magic, sizeof hello->magic) == 0) {
            hello->version[VERSION_SIZE - 1] = '\0';
            *fd_out = fd;
            return true;
        }
        close(fd);
    }
}

/* ---- rank 0 --------------------------------------------------------------------------------- */

static bool belongs(const Host *host, const Hello *hello, Err *err)
{
    if (hello->mark != BYTE_ORDER_MARK)
        return mel_err(err, ERR_NET, "a process is on a machine of another byte order");
    if (!mel_equal(hello->version, MEL_VERSION))
        return mel_err(err, ERR_NET, "rank %d is of version %s, rank 0 of %s", hello->rank,
                       hello->version, MEL_VERSION);
    if (hello->size != host->place->size)
        return mel_err(err, ERR_NET, "rank %d is one of %d processes, rank 0 one of %d",
                       hello->rank, hello->size, host->place->size);
    if (hello->rank < 1 || hello->rank >= host->place->size || host->guests[hello->rank].fd >= 0)
        return mel_err(err, ERR_USAGE, "two processes say that they are rank %d", hello->rank);
    return true;
}

static bool missing(const Host *host, int count, Err *err)
{
    mel_err(err, ERR_NET, "%d of %d processes did not come within %g s", count, host->place->size,
            (double)host->wait_us / 1e6);
    return mel_err_hint(err, "they must reach '%s', port %d (MASTER_ADDR, MASTER_PORT)",
                        host->place->address, host->place->port);
}

static bool gather(Host *host, Err *err)
{
    for (int left = host->place->size - 1; left > 0; left--) {
        Err late = {0};
        Hello hello;
        int fd;
        if (!accept_hello(host->listener, star_magic, host->deadline_us, &fd, &hello, &late)) {
            if (late.code == ERR_LIMIT) return missing(host, left, err);
            *err = late;
            return false;
        }
        if (!belongs(host, &hello, err)) {
            Welcome no = {.refused = 1};
            Err ignored = {0};
            snprintf(no.text, sizeof no.text, "%s", err->message);
            (void)!tcp_send(fd, &no, sizeof no, mel_monotonic_us() + GREETING_US, &ignored);
            close(fd);
            return false;
        }
        Guest *guest = &host->guests[hello.rank];
        guest->fd = fd;
        guest->port = hello.port;
        if (!tcp_peer(fd, guest->host)) guest->host[0] = '\0';
    }
    return true;
}

/* To everyone who came. A host whose guests are too few tells them so. */
static bool answer(const Host *host, const Err *refusal, Err *err)
{
    for (int rank = 1; rank < host->place->size; rank++) {
        Welcome welcome = {.refused = refusal != NULL};
        Err gone = {0};
        if (host->guests[rank].fd < 0) continue;
        if (refusal) snprintf(welcome.text, sizeof welcome.text, "%s", refusal->message);
        if (rank + 1 < host->place->size) {
            welcome.port = host->guests[rank + 1].port;
            memcpy(welcome.host, host->guests[rank + 1].host, sizeof welcome.host);
        } else {
            welcome.port = host->place->port;
        }
        int64_t soon = mel_monotonic_us() + GREETING_US;
        if (!tcp_send(host->guests[rank].fd, &welcome, sizeof welcome, soon, &gone) && !refusal)
            return mel_err(err, ERR_NET, "rank %d is gone: %s", rank, gone.message);
    }
    return true;
}

/* ---- the ring ------------------------------------------------------------------------------- */

/* Connecting needs nobody to accept yet, so that all may connect first and accept then. */
static bool close_ring(const LaunchPlace *place, int listener, const char *host, int port,
                       int64_t deadline_us, Meeting *meeting, Err *err)
{
    int before = (place->rank + place->size - 1) % place->size;
    int after = (place->rank + 1) % place->size;
    const Hello hello = hello_of(place, ring_magic, 0);
    Hello got;
    Err own = {0};
    if (!tcp_connect(host, port, deadline_us, &meeting->right, &own) ||
        !tcp_send(meeting->right, &hello, sizeof hello, deadline_us, &own))
        return mel_err(err, ERR_NET, "rank %d, of which rank 0 has heard, is gone: %s", after,
                       own.message);
    if (!accept_hello(listener, ring_magic, deadline_us, &meeting->left, &got, &own))
        return mel_err(err, ERR_NET, "rank %d, of which rank 0 has heard, did not come", before);
    return got.rank == before ||
           mel_err(err, ERR_NET, "rank %d came where rank %d was to", got.rank, before);
}

static bool meet_as_host(const LaunchPlace *place, int64_t wait_us, Meeting *meeting, Err *err)
{
    int port;
    Err ignored = {0};
    Host host = {
        .place = place, .wait_us = wait_us, .deadline_us = mel_monotonic_us() + wait_us, -1};
    int64_t patience_us = wait_us < 5 * GREETING_US ? wait_us : 5 * GREETING_US;
    if (!tcp_listen(place->address, place->port, mel_monotonic_us() + patience_us, &host.listener,
                    &port, err))
        return mel_err_hint(err, "MASTER_PORT names another; it must be free on rank 0's host");
    host.guests = mel_alloc((size_t)place->size * sizeof *host.guests);
    for (int rank = 0; rank < place->size; rank++)
        host.guests[rank].fd = -1;
    bool ok = gather(&host, err);
    if (!ok) (void)!answer(&host, err, &ignored);
    ok = ok && answer(&host, NULL, err);
    for (int rank = 1; rank < place->size; rank++)
        meeting->stars[rank] = host.guests[rank].fd;
    const Guest *next = &host.guests[1];
    ok = ok && close_ring(place, host.listener, *next->host ? next->host : place->address,
                          next->port, mel_monotonic_us() + wait_us, meeting, err);
    free(host.guests);
    close(host.listener);
    return ok;
}

/* ---- the others ----------------------------------------------------------------------------- */

static bool be_welcomed(const LaunchPlace *place, int port, int64_t wait_us, Meeting *meeting,
                        Welcome *welcome, Err *err)
{
    const Hello hello = hello_of(place, star_magic, port);
    int64_t deadline_us = mel_monotonic_us() + wait_us;
    Err own = {0};
    if (!tcp_connect(place->address, place->port, deadline_us, &meeting->stars[0], &own)) {
        if (own.code == ERR_CANCELLED) return mel_err(err, ERR_CANCELLED, "interrupted");
        mel_err(err, ERR_NET, "rank 0 did not answer at '%s', port %d, within %g s", place->address,
                place->port, (double)wait_us / 1e6);
        return mel_err_hint(err, "MASTER_ADDR and MASTER_PORT say where it is");
    }
    /* Rank 0 may have begun to wait later than this one. */
    deadline_us = mel_monotonic_us() + wait_us + 2 * GREETING_US;
    if (!tcp_send(meeting->stars[0], &hello, sizeof hello, deadline_us, &own) ||
        !tcp_receive(meeting->stars[0], welcome, sizeof *welcome, deadline_us, &own))
        return mel_err(err, own.code == ERR_CANCELLED ? ERR_CANCELLED : ERR_NET,
                       "rank 0 gave no answer: %s", own.message);
    welcome->text[TEXT_SIZE - 1] = welcome->host[TCP_HOST_SIZE - 1] = '\0';
    return !welcome->refused || mel_err(err, ERR_NET, "%s", welcome->text);
}

static bool meet_as_guest(const LaunchPlace *place, int64_t wait_us, Meeting *meeting, Err *err)
{
    int listener, port;
    Welcome welcome;
    if (!tcp_listen(place->address, 0, 0, &listener, &port, err)) return false;
    bool ok = be_welcomed(place, port, wait_us, meeting, &welcome, err) &&
              close_ring(place, listener, *welcome.host ? welcome.host : place->address,
                         welcome.port, mel_monotonic_us() + wait_us, meeting, err);
    close(listener);
    return ok;
}

bool rendezvous_meet(const LaunchPlace *place, int64_t wait_us, Meeting *out, Err *err)
{
    Meeting meeting = {.right = -1, .left = -1, .size = place->size};
    meeting.stars = mel_alloc((size_t)place->size * sizeof *meeting.stars);
    for (int rank = 0; rank < place->size; rank++)
        meeting.stars[rank] = -1;
    if (place->rank == 0 ? meet_as_host(place, wait_us, &meeting, err)
                         : meet_as_guest(place, wait_us, &meeting, err)) {
        *out = meeting;
        return true;
    }
    rendezvous_close(&meeting);
    return false;
}

void rendezvous_close(Meeting *meeting)
{
    if (meeting->right >= 0) close(meeting->right);
    if (meeting->left >= 0) close(meeting->left);
    for (int rank = 0; meeting->stars && rank < meeting->size; rank++)
        if (meeting->stars[rank] >= 0) close(meeting->stars[rank]);
    free(meeting->stars);
    *meeting = (Meeting){.right = -1, .left = -1};
}
