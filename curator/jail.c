/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller's side of the jail. */
#include "curator/jail_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t MEMORY_BYTES = 1LL << 30, CPU_US = 60 * 1000000LL, WALL_US = 90 * 1000000LL,
                     FILE_BYTES = 256LL << 20;

/* The zygote kills in time; this is for the case that the zygote itself hangs. */
static const int64_t GRACE_US = 10 * 1000000;

struct Jail {
    JailLimits limits;
    pid_t zygote;
    int control;
    pthread_mutex_t lock; /* over sends on `control` */
    char layers[JAIL_LAYERS_SIZE];
};

static bool no_sandbox(Err *err, const char *what)
{
    mel_err_reason(err, ERR_DENIED, "media.sandbox", "%s", what);
    return mel_err_hint(err,
                        "run mel doctor: it says which of seccomp and Landlock the kernel lacks");
}

static JailLimits with_defaults(const JailLimits *limits)
{
    JailLimits all = limits ? *limits : (JailLimits){0};
    if (all.memory_bytes <= 0) all.memory_bytes = MEMORY_BYTES;
    if (all.cpu_us <= 0) all.cpu_us = CPU_US;
    if (all.wall_us <= 0) all.wall_us = WALL_US;
    if (all.file_bytes <= 0) all.file_bytes = FILE_BYTES;
    return all;
}

static ssize_t receive(int socket, void *message, size_t size, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - mel_monotonic_us();
        if (left_us <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        struct pollfd fd = {.fd = socket, .events = POLLIN};
        int ready = poll(&fd, 1, left_us < 1000000 ? (int)(left_us / 1000) + 1 : 1000);
        if (ready < 0 && errno != EINTR) return -1;
        if (ready <= 0) continue;
        ssize_t n = recv(socket, message, size, 0);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN)) return n;
    }
}

static bool greet(Jail *jail, Err *err)
{
    JailHello hello;
    ssize_t n = receive(jail->control, &hello, sizeof hello, mel_monotonic_us() + GRACE_US);
    if (n != (ssize_t)sizeof hello || hello.magic != JAIL_HELLO_MAGIC || hello.has_seccomp < 0)
        return no_sandbox(err, "the process that confines decoders did not start");
    snprintf(jail->layers, sizeof jail->layers, "rlimits%s%s", hello.has_seccomp ? " seccomp" : "",
             hello.has_landlock ? " landlock" : "");
    if (jail->limits.require_sandbox && !hello.has_seccomp)
        return no_sandbox(err, "this kernel does not confine system calls (seccomp)");
    if (jail->limits.require_sandbox && !hello.has_landlock)
        return no_sandbox(err, "this kernel does not confine file access (Landlock)");
    return true;
}

bool mel_jail_start(const JailLimits *limits, Jail **out, Err *err)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return mel_err_errno(err, "cannot make a socket for the decoders' jail");
    Jail *jail = mel_alloc(sizeof *jail);
    jail->limits = with_defaults(limits);
    jail->control = sockets[0];
    pthread_mutex_init(&jail->lock, NULL);
    jail->zygote = fork();
    if (jail->zygote == 0) jail_zygote_run(sockets[1], &jail->limits);
    close(sockets[1]);
    bool ok =
        jail->zygote > 0 ? greet(jail, err) : mel_err_errno(err, "cannot fork the decoders' jail");
    if (ok)
        *out = jail;
    else
        mel_jail_stop(jail);
    return ok;
}

/* It ends by itself when its socket does; one that does not is killed. */
static void end_zygote(pid_t zygote)
{
    int64_t deadline_us = mel_monotonic_us() + GRACE_US / 2;
    for (int64_t pause_us = 100; mel_monotonic_us() < deadline_us; pause_us += pause_us / 2) {
        pid_t ended = waitpid(zygote, NULL, WNOHANG);
        if (ended == zygote || (ended < 0 && errno != EINTR)) return;
        mel_sleep_us(pause_us);
    }
    kill(zygote, SIGKILL);
    while (waitpid(zygote, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void mel_jail_stop(Jail *jail)
{
    if (!jail) return;
    close(jail->control);
    if (jail->zygote > 0) end_zygote(jail->zygote);
    pthread_mutex_destroy(&jail->lock);
    free(jail);
}

const char *mel_jail_layers(const Jail *jail)
{
    return jail->layers;
}

pid_t mel_jail_zygote_pid(const Jail *jail)
{
    return jail->zygote;
}

/* ---- one request --------------------------------------------------------------------------------
 */

static bool send_files(Jail *jail, int socket, const JailFds *fds, Err *err)
{
    JailHandOver head = {.magic = JAIL_HANDOVER_MAGIC};
    int all[JAIL_FDS + 1], count = 0;
    union {
        char bytes[CMSG_SPACE(sizeof all)];
        struct cmsghdr aligned;
    } control = {0};
    all[count++] = socket;
    for (int i = 0; i < JAIL_FDS; i++) {
        if (fds->fd[i] < 0) continue;
        head.present |= 1U << i;
        all[count++] = fds->fd[i];
    }
    struct iovec io = {.iov_base = &head, .iov_len = sizeof head};
    struct msghdr message = {.msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(rights), all, sizeof(int) * (size_t)count);
    ssize_t n;
    pthread_mutex_lock(&jail->lock);
    do {
        n = sendmsg(jail->control, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    pthread_mutex_unlock(&jail->lock);
    if (n == (ssize_t)sizeof head) return true;
    if (errno == EPIPE || errno == ECONNRESET)
        return no_sandbox(err, "the process that confines decoders has ended");
    return mel_err_errno(err, "cannot hand files to the decoders' jail");
}

/* Waits for both words: the child's, which may not come, and the zygote's. */
static bool await(const Jail *jail, int socket, JailReply *reply, bool *replied, JailEnd *end,
                  Err *err)
{
    union {
        JailReply reply;
        JailEnd end;
    } *message = mel_alloc(sizeof *message);
    int64_t deadline_us = mel_monotonic_us() + jail->limits.wall_us + GRACE_US;
    bool ended = false;
    *replied = false;
    while (!ended) {
        ssize_t n = receive(socket, message, sizeof *message, deadline_us);
        if (n <= 0) break;
        if (n == (ssize_t)sizeof message->end && message->end.magic == JAIL_END_MAGIC) {
            *end = message->end;
            ended = true;
        } else if (n == (ssize_t)sizeof message->reply &&
                   message->reply.magic == JAIL_REPLY_MAGIC) {
            *reply = message->reply;
            *replied = true;
        }
    }
    free(message);
    if (ended) return true;
    return no_sandbox(err, "the process that confines decoders does not answer");
}

/* How a child that gave no answer died. */
static bool explain_death(const Jail *jail, const JailEnd *end, Err *err)
{
    int status = end->wait_status, signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (end->out_of_time || signal == SIGXCPU ||
        (signal == SIGKILL && end->cpu_us >= jail->limits.cpu_us))
        return mel_err_reason(
            err, ERR_LIMIT, "media.time", "decoding took more than %lld s",
            (long long)(end->out_of_time ? jail->limits.wall_us : jail->limits.cpu_us) / 1000000);
    if (signal == SIGXFSZ)
        return mel_err_reason(err, ERR_LIMIT, "media.filesize", "a product grew over %lld bytes",
                              (long long)jail->limits.file_bytes);
    if (WIFEXITED(status) && WEXITSTATUS(status) == JAIL_EXIT_STARVED)
        return mel_err_reason(err, ERR_LIMIT, "media.memory", "decoding needs more than %lld bytes",
                              (long long)jail->limits.memory_bytes);
    if (signal == SIGKILL)
        return mel_err_reason(err, ERR_LIMIT, "media.memory",
                              "the system stopped the decoder for memory");
    if (signal == SIGSYS)
        return mel_err_reason(err, ERR_MEDIA, "media.crash",
                              "the decoder was stopped at a system call that it must not make");
    if (signal)
        return mel_err_reason(err, ERR_MEDIA, "media.crash", "the decoder crashed (%s)",
                              strsignal(signal));
    return mel_err_reason(err, ERR_MEDIA, "media.crash", "the decoder ended without an answer");
}

/* Runs a request in a child. True when the child answered, whatever it said. */
static bool ask(Jail *jail, const JailRequest *request, const JailFds *fds, JailReply *reply,
                JailEnd *end, Err *err)
{
    int sockets[2];
    bool ok = false, replied = false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return mel_err_errno(err, "cannot make a socket for a confined decoder");
    if (send(sockets[0], request, sizeof *request, MSG_NOSIGNAL) != (ssize_t)sizeof *request) {
        mel_err_errno(err, "cannot write to a confined decoder");
        goto out;
    }
    if (!send_files(jail, sockets[1], fds, err)) goto out;
    close(sockets[1]);
    sockets[1] = -1;
    if (!await(jail, sockets[0], reply, &replied, end, err)) goto out;
    ok = replied && WIFEXITED(end->wait_status) && WEXITSTATUS(end->wait_status) == 0;
    if (!ok) explain_death(jail, end, err);
out:
    close(sockets[0]);
    if (sockets[1] >= 0) close(sockets[1]);
    return ok;
}

static bool no_sense(Err *err)
{
    return mel_err_reason(err, ERR_MEDIA, "media.crash",
                          "the confined decoder gave no sensible answer");
}

/* The child's own error, made harmless. */
static bool pass_on(JailReply *reply, Err *err)
{
    jail_clean_err(&reply->err);
    if (!mel_err_is_set(err)) *err = reply->err;
    return false;
}

bool mel_jail_cut(Jail *jail, const CutRequest *request, const CutFiles *files, CutResult *result,
                  Err *err)
{
    JailReply *reply = mel_alloc(sizeof *reply);
    JailRequest *message = mel_alloc(sizeof *message);
    JailEnd end;
    JailFds fds = {
        {files->inputs[0], request->separate_audio ? files->inputs[1] : -1, files->audio,
         files->preview}
    };
    memcpy(fds.fd + 4, files->stills, sizeof files->stills);
    *message = (JailRequest){.magic = JAIL_REQUEST_MAGIC, .job = JAIL_CUT, .cut = *request};
    bool ok = ask(jail, message, &fds, reply, &end, err);
    if (!ok) {
        reply->result.cut.missing_input = -1;
        jail_clean_missing(request, &reply->result.cut);
    } else if (reply->ok != 1) {
        ok = pass_on(reply, err);
        jail_clean_missing(request, &reply->result.cut);
    } else if (!jail_cut_is_valid(request, files, &reply->result.cut))
        ok = no_sense(err);
    if (ok || reply->ok != 1) *result = reply->result.cut;
    free(message);
    free(reply);
    return ok;
}

bool mel_jail_probe(Jail *jail, int fd, ProbeResult *result, Err *err)
{
    JailReply *reply = mel_alloc(sizeof *reply);
    JailRequest *message = mel_alloc(sizeof *message);
    JailEnd end;
    JailFds fds;
    memset(&fds, 0xff, sizeof fds);
    fds.fd[0] = fd;
    *message = (JailRequest){.magic = JAIL_REQUEST_MAGIC, .job = JAIL_PROBE};
    bool ok = ask(jail, message, &fds, reply, &end, err);
    if (ok && reply->ok != 1)
        ok = pass_on(reply, err);
    else if (ok && !jail_probe_is_valid(&reply->result.probe))
        ok = no_sense(err);
    if (ok) *result = reply->result.probe;
    free(message);
    free(reply);
    return ok;
}

bool mel_jail_check(Jail *jail, ProductKind kind, int fd, CheckResult *result, Err *err)
{
    JailReply *reply = mel_alloc(sizeof *reply);
    JailRequest *message = mel_alloc(sizeof *message);
    JailEnd end;
    JailFds fds;
    memset(&fds, 0xff, sizeof fds);
    fds.fd[0] = fd;
    *message = (JailRequest){.magic = JAIL_REQUEST_MAGIC, .job = JAIL_CHECK, .detail = kind};
    bool ok = ask(jail, message, &fds, reply, &end, err);
    if (ok && reply->ok != 1)
        ok = pass_on(reply, err);
    else if (ok && !jail_check_is_valid(kind, &reply->result.check))
        ok = no_sense(err);
    if (ok) *result = reply->result.check;
    free(message);
    free(reply);
    return ok;
}

bool mel_jail_provoke(Jail *jail, JailProvocation what, int output, bool *provoked_ok, JailEnd *end,
                      Err *err)
{
    JailReply *reply = mel_alloc(sizeof *reply);
    JailRequest *message = mel_alloc(sizeof *message);
    JailFds fds;
    memset(&fds, 0xff, sizeof fds);
    fds.fd[0] = output;
    *message =
        (JailRequest){.magic = JAIL_REQUEST_MAGIC, .job = JAIL_PROVOKE, .detail = (int32_t)what};
    bool ok = ask(jail, message, &fds, reply, end, err);
    *provoked_ok = ok && reply->ok == 1;
    free(message);
    free(reply);
    return ok;
}
