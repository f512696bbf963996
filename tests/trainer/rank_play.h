/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks as child processes over the loopback. */
#ifndef MEL_TESTS_RANK_PLAY_H
#define MEL_TESTS_RANK_PLAY_H

#include "tests/support/test.h"
#include "trainer/collective.h"
#include "trainer/tcp.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS_MAX = 5 };

static inline int free_port(void)
{
    Err err = {0};
    int fd, port;
    CHECK_OK(tcp_listen("127.0.0.1", 0, 0, &fd, &port, &err));
    close(fd);
    return port;
}

static inline LaunchPlace place_of(int rank, int size, int port)
{
    LaunchPlace place = {.rank = rank, .size = size, .address = "127.0.0.1", .port = port};
    return place;
}

/* A child that plays one rank: its exit code is 0 when `play` returns true. */
typedef bool Play(Collective *collective, void *ctx, Err *err);

static inline pid_t start(LaunchPlace place, const CollectiveOptions *options, Play *play,
                          void *ctx)
{
    pid_t child = fork();
    if (child != 0) return child;
    Err err = {0};
    Collective *collective;
    bool ok =
        mel_collective_open(&place, options, &collective, &err) && play(collective, ctx, &err);
    if (!ok) print_message("rank %d: %s\n", place.rank, err.message);
    mel_collective_close(collective, ok ? NULL : &err);
    _exit(ok ? 0 : 1);
}

static inline int end_of(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void play_all(int size, Play *play, void *ctx)
{
    pid_t children[RANKS_MAX];
    int port = free_port();
    for (int rank = size - 1; rank >= 0; rank--) /* rank 0 comes last */
        children[rank] = start(place_of(rank, size, port), NULL, play, ctx);
    for (int rank = 0; rank < size; rank++)
        if (end_of(children[rank]) != 0) fail_msg("rank %d of %d failed", rank, size);
}

#endif
