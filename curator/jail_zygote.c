/* SPDX-License-Identifier: Apache-2.0
 *
 * The zygote: forks a child per request, kills it when its time is over, tells the caller how it
 * ended. It never looks at media or at requests. It ends when its control socket does, which is
 * when the last holder of the other end has ended. */
#include "curator/jail_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <libavcodec/avcodec.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Child {
    pid_t pid;
    int socket;
    int64_t deadline_us;
    bool out_of_time;
} Child;

typedef struct Zygote {
    const JailLimits *limits;
    JailFilter filter;
    int control, signals;
    Child children[JAIL_CHILDREN_MAX];
    int count;
} Zygote;

/* The caller's descriptors and signal handling are not for here. */
static int settle(int control)
{
    int last = 3;
    struct sigaction usual = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &usual, NULL);
    /* The terminal's Ctrl-C goes to the whole group; the caller decides what it means. */
    sigaction(SIGINT, &ignored, NULL);
    sigaction(SIGQUIT, &ignored, NULL);
    sigaction(SIGHUP, &ignored, NULL);
    sigaction(SIGPIPE, &ignored, NULL);
    if (control != last && dup2(control, last) < 0) _exit(1);
    fcntl(last, F_SETFD, FD_CLOEXEC);
    close_range((unsigned)last + 1, ~0U, 0);
    int null = open("/dev/null", O_RDWR);
    if (null < 0) _exit(1);
    dup2(null, 0);
    dup2(null, 1);
#ifndef MEL_SANITIZED
    dup2(null, 2); /* sanitizers report there */
#endif
    close(null);
#ifndef MEL_SANITIZED /* their runtime takes a lock to note the name, which a fork may have left   \
                         held */
    prctl(PR_SET_NAME, "mel-jail", 0, 0, 0);
#endif
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    struct rlimit files; /* a socket per child, and room to arrange a child's descriptors */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    /* Every further malloc arena reserves 64 MiB of the address space that children are allowed.
     * Giving memory back from one opens /proc/sys/vm/overcommit_memory, which kills; children live
     * so briefly that nothing needs to be given back. */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    return last;
}

/* libavformat converts the names of MPEG-TS services with iconv, which loads a module per character
 * set from a file. Children may not open files, but a set that is in use here is there already. The
 * list is that of ETSI EN 300 468, annex A. */
static void load_character_sets(void)
{
    static const char *const sets[] = {"ISO6937", "UCS-2BE", "KSC_5601", "GB2312", "UTF-8", ""};
    for (size_t i = 0; i < MEL_COUNT(sets); i++)
        (void)iconv_open("UTF-8", sets[i]); /* kept open for ever; none where there is none */
    for (int part = 1; part <= 16; part++) {
        char name[16];
        snprintf(name, sizeof name, "ISO-8859-%d", part);
        (void)iconv_open("UTF-8", name);
    }
}

/* Decoders fill static tables when one is opened for the first time: here, once, and every child
 * has them. No media is looked at. */
static void fill_codec_tables(void)
{
    static const enum AVCodecID codecs[] = {AV_CODEC_ID_H264, AV_CODEC_ID_VP9, AV_CODEC_ID_AAC,
                                            AV_CODEC_ID_OPUS, AV_CODEC_ID_MP3, AV_CODEC_ID_HEVC};
    for (size_t i = 0; i < MEL_COUNT(codecs); i++) {
        const AVCodec *codec = avcodec_find_decoder(codecs[i]);
        AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
        if (!context) continue;
        context->sample_rate = 48000;
        context->thread_count = 1;
        av_channel_layout_default(&context->ch_layout, 2);
        if (avcodec_open2(context, codec, NULL) < 0) {
            /* Then children fill its tables themselves. */
        }
        avcodec_free_context(&context);
    }
}

/* Tries the walls in a child, so that what is reported is what really held. */
static void greet(Zygote *zygote)
{
    JailHello hello = {.magic = JAIL_HELLO_MAGIC};
    pid_t pid = fork();
    if (pid == 0) {
        JailLayers layers;
        bool confined = jail_confine(zygote->limits, &zygote->filter, &layers);
        _exit(confined ? 0x40 | layers.seccomp << 1 | layers.landlock : 1);
    }
    int status = 0;
    if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
        WEXITSTATUS(status) & 0x40) {
        hello.has_seccomp = WEXITSTATUS(status) >> 1 & 1;
        hello.has_landlock = WEXITSTATUS(status) & 1;
    } else
        hello.has_seccomp = hello.has_landlock = -1;
    if (write(zygote->control, &hello, sizeof hello) != (ssize_t)sizeof hello) _exit(1);
}

/* Takes the descriptors of one request. False at the end of the control socket. */
static bool receive(Zygote *zygote, int *socket_out, JailFds *fds, bool *got)
{
    JailHandOver head;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * (JAIL_FDS + 1))];
        struct cmsghdr aligned;
    } control = {0};
    struct iovec io = {.iov_base = &head, .iov_len = sizeof head};
    struct msghdr message = {.msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    *got = false;
    ssize_t n = recvmsg(zygote->control, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (n <= 0) return false;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    int received[JAIL_FDS + 1] = {0}, count = 0, used = 1;
    if (rights && rights->cmsg_type == SCM_RIGHTS) {
        count = (int)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(received, CMSG_DATA(rights), sizeof(int) * (size_t)count);
    }
    bool fits = n == (ssize_t)sizeof head && head.magic == JAIL_HANDOVER_MAGIC &&
                !(message.msg_flags & MSG_CTRUNC) &&
                count == 1 + __builtin_popcount(head.present) && head.present < 1U << JAIL_FDS;
    for (int i = 0; fits && i < JAIL_FDS; i++)
        fds->fd[i] = head.present >> i & 1 ? received[used++] : -1;
    for (int i = 0; !fits && i < count; i++)
        close(received[i]);
    if (fits) *socket_out = received[0];
    *got = fits;
    return true;
}

static void begin(Zygote *zygote, int socket, const JailFds *fds)
{
    sigset_t none;
    sigemptyset(&none);
    pid_t self = getpid(), pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &none, NULL);
        jail_child_run(self, socket, fds, zygote->limits, &zygote->filter);
    }
    for (int i = 0; i < JAIL_FDS; i++)
        if (fds->fd[i] >= 0) close(fds->fd[i]);
    if (pid < 0) {
        close(socket); /* the caller sees its socket end without a word */
        return;
    }
    zygote->children[zygote->count++] = (Child){
        .pid = pid, .socket = socket, .deadline_us = mel_monotonic_us() + zygote->limits->wall_us};
}

static void report(const Child *child, int status, const struct rusage *usage)
{
    JailEnd end = {
        .magic = JAIL_END_MAGIC, .wait_status = status, .out_of_time = child->out_of_time};
    end.cpu_us = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000LL +
                 usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
    /* The socket holds a reply at most before this, so that this cannot wait for a slow caller. */
    if (send(child->socket, &end, sizeof end, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* A caller that is gone needs no word. */
    }
    close(child->socket);
}

static void reap(Zygote *zygote)
{
    struct signalfd_siginfo info;
    struct rusage usage;
    int status;
    pid_t pid;
    while (read(zygote->signals, &info, sizeof info) > 0)
        continue;
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        for (int i = 0; i < zygote->count; i++) {
            if (zygote->children[i].pid != pid) continue;
            report(&zygote->children[i], status, &usage);
            zygote->children[i] = zygote->children[--zygote->count];
            break;
        }
    }
}

/* Kills what is over its time; returns how long to wait for the next, in milliseconds. */
static int enforce_deadlines(Zygote *zygote)
{
    int64_t now = mel_monotonic_us(), soonest = 60 * 1000000LL;
    for (int i = 0; i < zygote->count; i++) {
        Child *child = &zygote->children[i];
        int64_t left = child->deadline_us - now;
        if (left <= 0 && !child->out_of_time) {
            child->out_of_time = true;
            kill(child->pid, SIGKILL);
        }
        if (left > 0 && left < soonest) soonest = left;
    }
    return (int)(soonest / 1000) + 1;
}

static _Noreturn void end(Zygote *zygote)
{
    for (int i = 0; i < zygote->count; i++)
        kill(zygote->children[i].pid, SIGKILL);
    while (wait(NULL) > 0)
        continue;
    _exit(0);
}

void jail_zygote_run(int control, const JailLimits *limits)
{
    Zygote *zygote = mel_alloc(sizeof *zygote);
    sigset_t child_signal;
    zygote->limits = limits;
    zygote->control = settle(control);
    av_log_set_level(AV_LOG_QUIET);
    load_character_sets();
    fill_codec_tables();
    jail_filter_make(&zygote->filter);
    greet(zygote);
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child_signal, NULL);
    zygote->signals = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
    if (zygote->signals < 0) _exit(1);
    for (;;) {
        int timeout_ms = enforce_deadlines(zygote);
        bool full = zygote->count == JAIL_CHILDREN_MAX;
        struct pollfd fds[2] = {
            {.fd = zygote->signals,             .events = POLLIN},
            {.fd = full ? -1 : zygote->control, .events = POLLIN}
        };
        if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR) end(zygote);
        if (fds[0].revents) reap(zygote);
        if (!fds[1].revents) continue;
        JailFds files;
        int socket = -1;
        bool got;
        if (!receive(zygote, &socket, &files, &got)) end(zygote);
        if (got) begin(zygote, socket, &files);
    }
}
