/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BEAT_US = 2000000, SILENCE_US = 30000000, PATIENCE_US = 15000000, GOODBYE_MS = 1000 };
enum { MESSAGE_TEXT = 400 };

typedef enum MessageKind { MESSAGE_BEAT = 1, MESSAGE_BYE, MESSAGE_LOST } MessageKind;

typedef struct Message {
    int32_t kind, rank; /* LOST: which one */
    char text[MESSAGE_TEXT];
} Message;

typedef struct Peer {
    int fd, rank; /* fd -1: no more expected of it */
    int64_t heard_us;
    Message message; /* as far as it has come */
    size_t held;
} Peer;

struct Watchdog {
    int rank, size, peer_count;
    WatchOptions options;
    Peer *peers;
    struct pollfd *polls; /* of the peers, and `stop` behind them */
    int alarm, stop;      /* eventfds */
    pthread_t thread;
    pthread_mutex_t lock; /* over `lost` and `why` */
    bool lost;
    Err why;
    int64_t lost_us; /* the thread's own */
};

/* ---- messages ------------------------------------------------------------------------------- */

/* False when the connection is of no more use. A full buffer swallows a beat: nobody reads, and
 * the other side's silence will tell. */
static bool post(const Peer *peer, const Message *message)
{
    ssize_t got = send(peer->fd, message, sizeof *message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return got == (ssize_t)sizeof *message || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void drop(Peer *peer)
{
    if (peer->fd >= 0) close(peer->fd);
    peer->fd = -1;
}

static void ring_bell(int event)
{
    uint64_t one = 1;
    (void)!write(event, &one, sizeof one);
}

/* The first loss is the cause; the others follow from it. Rank 0 passes it on. */
static void lose(Watchdog *dog, int rank, const char *text)
{
    Message message = {.kind = MESSAGE_LOST, .rank = rank};
    if (dog->lost_us) return;
    dog->lost_us = mel_monotonic_us();
    snprintf(message.text, sizeof message.text, "%s", text);
    pthread_mutex_lock(&dog->lock);
    dog->lost = true;
    mel_err(&dog->why, ERR_NET, "%s", text);
    mel_err_hint(&dog->why, "--resume goes on from the last checkpoint");
    pthread_mutex_unlock(&dog->lock);
    ring_bell(dog->alarm);
    for (int i = 0; i < dog->peer_count && dog->rank == 0; i++)
        if (dog->peers[i].fd >= 0 && dog->peers[i].rank != rank)
            (void)!post(&dog->peers[i], &message);
}

static void lose_closed(Watchdog *dog, Peer *peer)
{
    char text[MESSAGE_TEXT];
    drop(peer);
    snprintf(text, sizeof text, "rank %d is gone (its connection was closed)", peer->rank);
    lose(dog, peer->rank, text);
}

static void take(Watchdog *dog, Peer *peer)
{
    Message *message = &peer->message;
    message->text[MESSAGE_TEXT - 1] = '\0';
    if (message->kind == MESSAGE_BYE) drop(peer);
    if (message->kind != MESSAGE_LOST) return;
    if (message->rank == peer->rank) drop(peer);
    lose(dog, message->rank, message->text);
}

static void listen_to(Watchdog *dog, Peer *peer)
{
    while (peer->fd >= 0) {
        ssize_t got = recv(peer->fd, (char *)&peer->message + peer->held,
                           sizeof peer->message - peer->held, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            lose_closed(dog, peer);
            return;
        }
        peer->heard_us = mel_monotonic_us();
        peer->held += (size_t)got;
        if (peer->held < sizeof peer->message) continue;
        peer->held = 0;
        take(dog, peer);
    }
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void beat(Watchdog *dog)
{
    const Message message = {.kind = MESSAGE_BEAT, .rank = dog->rank};
    for (int i = 0; i < dog->peer_count; i++)
        if (dog->peers[i].fd >= 0 && !post(&dog->peers[i], &message))
            lose_closed(dog, &dog->peers[i]);
}

static void look_for_silence(Watchdog *dog)
{
    char text[MESSAGE_TEXT];
    for (int i = 0; i < dog->peer_count; i++) {
        const Peer *peer = &dog->peers[i];
        if (peer->fd < 0 || mel_monotonic_us() - peer->heard_us < dog->options.silence_us) continue;
        snprintf(text, sizeof text, "rank %d has not been heard of for %g s", peer->rank,
                 (double)dog->options.silence_us / 1e6);
        lose(dog, peer->rank, text);
    }
}

/* True when the bell for its end was rung. */
static bool wait_for_news(Watchdog *dog, int64_t until_us)
{
    for (int i = 0; i < dog->peer_count; i++)
        dog->polls[i] = (struct pollfd){.fd = dog->peers[i].fd, .events = POLLIN};
    dog->polls[dog->peer_count] = (struct pollfd){.fd = dog->stop, .events = POLLIN};
    int64_t left_us = until_us - mel_monotonic_us();
    int left_ms = left_us > 0 ? (int)(left_us / 1000) + 1 : 0;
    if (poll(dog->polls, (nfds_t)dog->peer_count + 1, left_ms) <= 0) return false;
    return dog->polls[dog->peer_count].revents != 0;
}

/* News are read before silence is looked for: after a sleep of this whole process they lie there.
 */
static void *watch(void *ctx)
{
    Watchdog *dog = ctx;
    int64_t next_us = mel_monotonic_us();
    while (!wait_for_news(dog, next_us)) {
        for (int i = 0; i < dog->peer_count; i++)
            listen_to(dog, &dog->peers[i]);
        if (mel_monotonic_us() < next_us) continue;
        next_us = mel_monotonic_us() + dog->options.beat_us;
        beat(dog);
        look_for_silence(dog);
        if (!dog->lost_us || !dog->options.lost ||
            mel_monotonic_us() - dog->lost_us < dog->options.patience_us)
            continue;
        dog->options.lost(dog->options.ctx, &dog->why);
        break;
    }
    return NULL;
}

/* ---- from outside --------------------------------------------------------------------------- */

static void fill(Watchdog *dog, const int *stars, const WatchOptions *options)
{
    dog->options = *options;
    if (!dog->options.beat_us) dog->options.beat_us = BEAT_US;
    if (!dog->options.silence_us) dog->options.silence_us = SILENCE_US;
    if (!dog->options.patience_us) dog->options.patience_us = PATIENCE_US;
    dog->peers = mel_alloc((size_t)dog->size * sizeof *dog->peers);
    dog->polls = mel_alloc(((size_t)dog->size + 1) * sizeof *dog->polls);
    for (int rank = 0; rank < dog->size; rank++)
        if (stars[rank] >= 0)
            dog->peers[dog->peer_count++] =
                (Peer){.fd = stars[rank], .rank = rank, .heard_us = mel_monotonic_us()};
    pthread_mutex_init(&dog->lock, NULL);
}

static void dispose(Watchdog *dog)
{
    for (int i = 0; i < dog->peer_count; i++)
        drop(&dog->peers[i]);
    if (dog->alarm >= 0) close(dog->alarm);
    if (dog->stop >= 0) close(dog->stop);
    pthread_mutex_destroy(&dog->lock);
    free(dog->peers);
    free(dog->polls);
    free(dog);
}

bool watchdog_start(int rank, int size, const int *stars, const WatchOptions *options,
                    Watchdog **out, Err *err)
{
    Watchdog *dog = mel_alloc(sizeof *dog);
    *dog = (Watchdog){.rank = rank,
                      .size = size,
                      .alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                      .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    fill(dog, stars, options);
    if (dog->alarm < 0 || dog->stop < 0 || pthread_create(&dog->thread, NULL, watch, dog) != 0) {
        dispose(dog);
        return mel_err(err, ERR_LIMIT, "no thread can be started to watch the other ranks");
    }
    *out = dog;
    return true;
}

int watchdog_alarm(const Watchdog *dog)
{
    return dog->alarm;
}

bool watchdog_all_well(Watchdog *dog, Err *err)
{
    Err why = {0};
    pthread_mutex_lock(&dog->lock);
    if (dog->lost) why = dog->why;
    pthread_mutex_unlock(&dog->lock);
    if (!mel_err_is_set(&why)) return true;
    if (!mel_err_is_set(err)) *err = why;
    return false;
}

/* Until the other side has closed too: what it had still sent would make ours a reset, which may
 * swallow the last message. */
static void see_off(Peer *peer, int64_t deadline_us)
{
    char rest[sizeof(Message)];
    shutdown(peer->fd, SHUT_WR);
    for (;;) {
        struct pollfd one = {.fd = peer->fd, .events = POLLIN};
        int64_t left_us = deadline_us - mel_monotonic_us();
        if (left_us <= 0 || poll(&one, 1, (int)(left_us / 1000) + 1) <= 0) return;
        if (recv(peer->fd, rest, sizeof rest, MSG_DONTWAIT) <= 0) return;
    }
}

void watchdog_stop(Watchdog *dog, const Err *why)
{
    if (!dog) return;
    ring_bell(dog->stop);
    pthread_join(dog->thread, NULL);
    bool own_fault = why && !dog->lost;
    Message last = {.kind = own_fault ? MESSAGE_LOST : MESSAGE_BYE, .rank = dog->rank};
    if (own_fault)
        snprintf(last.text, sizeof last.text, "rank %d stopped: %.300s", dog->rank, why->message);
    int64_t deadline_us = mel_monotonic_us() + (int64_t)GOODBYE_MS * 1000;
    for (int i = 0; i < dog->peer_count; i++)
        if (dog->peers[i].fd >= 0) (void)!post(&dog->peers[i], &last);
    for (int i = 0; i < dog->peer_count; i++)
        if (dog->peers[i].fd >= 0) see_off(&dog->peers[i], deadline_us);
    dispose(dog);
}
