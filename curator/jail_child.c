/* SPDX-License-Identifier: Apache-2.0
 *
 * The confined child: one request, one answer, the end. */
#include "curator/jail_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Descriptors of a child: 0..2 nothing, 3 the socket, then its files. */
enum { SOCKET_FD = 3, FILES_FD = 4, ALOFT_FD = 512 };

/* Small allocations abort when there is no memory (base/mem.h), broken assumptions abort too, and
 * the call that abort() makes is trapped. Which of the two it was shows in whether there is memory.
 */
static void on_abort(int signal)
{
    enum { SOME = 4 << 20 };
    (void)signal;
    void *block = mmap(NULL, SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(block == MAP_FAILED ? JAIL_EXIT_STARVED : JAIL_EXIT_ABORTED);
}

static void close_from(int first)
{
    if (close_range((unsigned)first, ~0U, 0) == 0) return;
    for (int fd = first; fd < 4096; fd++)
        close(fd);
}

/* Up out of the way first, then down to their places: no order of numbers can collide. */
static bool arrange(int socket, const JailFds *from, JailFds *to)
{
    int aloft[JAIL_FDS + 1], next = FILES_FD;
    aloft[JAIL_FDS] = fcntl(socket, F_DUPFD_CLOEXEC, ALOFT_FD);
    if (aloft[JAIL_FDS] < 0) return false;
    for (int i = 0; i < JAIL_FDS; i++) {
        aloft[i] = from->fd[i] >= 0 ? fcntl(from->fd[i], F_DUPFD_CLOEXEC, ALOFT_FD) : -1;
        if (from->fd[i] >= 0 && aloft[i] < 0) return false;
    }
    if (dup2(aloft[JAIL_FDS], SOCKET_FD) < 0) return false;
    for (int i = 0; i < JAIL_FDS; i++) {
        to->fd[i] = -1;
        if (aloft[i] < 0) continue;
        if (dup2(aloft[i], next) < 0) return false;
        to->fd[i] = next++;
    }
    close_from(next);
    return true;
}

static void run_cut(const JailRequest *request, const JailFds *fds, JailReply *reply)
{
    CutFiles files = {
        .inputs = {fds->fd[0], fds->fd[1]},
          .audio = fds->fd[2], .preview = fds->fd[3]
    };
    for (int i = 0; i < STILLS_MAX; i++)
        files.stills[i] = fds->fd[4 + i];
    reply->ok = mel_cut(&request->cut, &files, &reply->result.cut, &reply->err);
}

static void do_job(const JailRequest *request, const JailFds *fds, JailReply *reply)
{
    switch ((JailJob)request->job) {
    case JAIL_CUT:
        run_cut(request, fds, reply);
        break;
    case JAIL_PROBE:
        reply->ok = mel_probe(fds->fd[0], &reply->result.probe, &reply->err);
        break;
    case JAIL_CHECK:
        reply->ok = mel_check_product((ProductKind)request->detail, fds->fd[0],
                                      &reply->result.check, &reply->err);
        break;
    case JAIL_PROVOKE:
        jail_provoke((JailProvocation)request->detail, fds->fd[0], reply);
        break;
    }
}

void jail_child_run(pid_t zygote, int socket, const JailFds *fds, const JailLimits *limits,
                    const JailFilter *filter)
{
    JailFds mine;
    JailLayers layers;
    JailReply *reply = mel_alloc(sizeof *reply);
    JailRequest *request = mel_alloc(sizeof *request);
    const struct sigaction aborting = {.sa_handler = on_abort};
    sigaction(SIGSYS, &aborting, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#ifndef MEL_SANITIZED
    prctl(PR_SET_NAME, "mel-jailed", 0, 0, 0);
#endif
    /* The zygote may have died before it could be watched. */
    if (getppid() != zygote || !arrange(socket, fds, &mine)) _exit(1);
    reply->magic = JAIL_REPLY_MAGIC;
    bool confined = jail_confine(limits, filter, &layers);
    if (!confined || (limits->require_sandbox && !(layers.seccomp && layers.landlock)))
        mel_err_reason(&reply->err, ERR_DENIED, "media.sandbox",
                       "the decoder could not be confined");
    else if (read(SOCKET_FD, request, sizeof *request) != (ssize_t)sizeof *request ||
             request->magic != JAIL_REQUEST_MAGIC)
        _exit(1);
    else
        do_job(request, &mine, reply);
    ssize_t sent = write(SOCKET_FD, reply, sizeof *reply);
    _exit(sent == (ssize_t)sizeof *reply ? 0 : 1);
}
