/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Child {
    pid_t pid;
    int out, err; /* our ends of its pipes, -1 when closed */
} Child;

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static _Noreturn void become(const char *const *argv, char *const *environment, int out, int errors,
                             int report)
{
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(errors, 2);
    execvpe(argv[0], (char *const *)(uintptr_t)argv, environment);
    int code = errno;
    mel_write_fd(report, &code, sizeof code);
    _exit(127);
}

static bool is_replaced(const char *variable, const char *const *extra)
{
    size_t n = strcspn(variable, "=") + 1;
    for (; extra && *extra; extra++)
        if (strncmp(variable, *extra, n) == 0) return true;
    return false;
}

/* Ours with the extra ones; a name stands once, since programs differ in which of two they take. */
static char **make_environment(const char *const *extra)
{
    size_t count = 0, extra_count = 0;
    while (environ[count])
        count++;
    while (extra && extra[extra_count])
        extra_count++;
    char **all = mel_alloc((count + extra_count + 1) * sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < extra_count; i++)
        all[n++] = (char *)(uintptr_t)extra[i];
    for (size_t i = 0; i < count; i++)
        if (!is_replaced(environ[i], extra)) all[n++] = environ[i];
    return all;
}

/* A pipe above the standard descriptors, even when the program was started without them: the child
 * puts its ends there. */
static bool make_pipe(int ends[2])
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0) return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = raw[i] > 2 ? raw[i] : fcntl(raw[i], F_DUPFD_CLOEXEC, 3);
        if (ends[i] != raw[i]) close(raw[i]);
    }
    return ends[0] >= 0 && ends[1] >= 0;
}

static bool start(const char *const *argv, const char *const *extra_env, Child *child, Err *err)
{
    int out[2] = {-1, -1}, errors[2] = {-1, -1}, report[2] = {-1, -1};
    bool ok = false;
    char **environment = make_environment(extra_env);
    if (!make_pipe(out) || !make_pipe(errors) || !make_pipe(report)) {
        mel_err_errno(err, "cannot make a pipe for '%s'", argv[0]);
        goto out;
    }
    child->pid = fork();
    if (child->pid < 0) {
        mel_err_errno(err, "cannot start '%s'", argv[0]);
        goto out;
    }
    if (child->pid == 0) become(argv, environment, out[1], errors[1], report[1]);
    setpgid(child->pid, child->pid);
    close_fd(&report[1]);
    int code = 0;
    if (mel_read_fd(report[0], &code, sizeof code) == sizeof code) {
        waitpid(child->pid, NULL, 0);
        errno = code;
        if (code == ENOENT)
            mel_err(err, ERR_NOT_FOUND, "there is no program '%s' here", argv[0]);
        else
            mel_err_errno(err, "cannot run '%s'", argv[0]);
        goto out;
    }
    child->out = out[0];
    child->err = errors[0];
    out[0] = errors[0] = -1;
    ok = true;
out:
    for (int i = 0; i < 2; i++) {
        close_fd(&out[i]);
        close_fd(&errors[i]);
        close_fd(&report[i]);
    }
    free(environment);
    return ok;
}

/* Keeps the last `keep` bytes only. */
static void trim_tail(Str *tail, size_t keep)
{
    if (tail->length <= keep) return;
    memmove(tail->text, tail->text + tail->length - keep, keep + 1);
    tail->length = keep;
}

/* Reads once what is there. False at the end of the pipe. */
static bool drain(int fd, Str *into)
{
    char buffer[16384];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    mel_str_add_bytes(into, buffer, (size_t)n);
    return n > 0;
}

/* True once the child has ended; it stays a zombie, so that its group cannot be another's yet. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno == ECHILD;
    return info.si_pid == pid;
}

typedef struct Watch {
    Child *child;
    const char *name;
    const ProcessOptions *options;
    Str *out, *tail;
    int64_t begin, last; /* start, and when something was printed last */
} Watch;

/* Waits up to wait_ms for output and takes what is there. False when there was none. */
static bool take_output(Watch *watch, int wait_ms)
{
    Child *child = watch->child;
    size_t keep = watch->options->stderr_keep ? watch->options->stderr_keep : 16U << 10;
    struct pollfd fds[2] = {
        {.fd = child->out, .events = POLLIN},
        {.fd = child->err, .events = POLLIN}
    };
    if (poll(fds, 2, wait_ms) <= 0) return false;
    if (fds[0].revents && !drain(child->out, watch->out)) close_fd(&child->out);
    if (fds[1].revents && !drain(child->err, watch->tail)) close_fd(&child->err);
    trim_tail(watch->tail, keep);
    watch->last = mel_monotonic_us();
    return true;
}

static bool within_limits(const Watch *watch, Err *err)
{
    const ProcessOptions *options = watch->options;
    size_t out_limit = options->stdout_limit ? options->stdout_limit : 16U << 20;
    int64_t deadline = options->deadline_us ? options->deadline_us : 60 * (int64_t)1000000;
    int64_t now = mel_monotonic_us();
    if (watch->out->length > out_limit)
        return mel_err(err, ERR_LIMIT, "'%s' printed more than %zu bytes", watch->name, out_limit);
    if (now - watch->begin > deadline)
        return mel_err(err, ERR_LIMIT, "'%s' was not done after %g s", watch->name,
                       (double)deadline / 1e6);
    if (options->silence_us && now - watch->last > options->silence_us)
        return mel_err(err, ERR_LIMIT, "'%s' said nothing for %g s", watch->name,
                       (double)options->silence_us / 1e6);
    if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "'%s' was interrupted", watch->name);
    return true;
}

/* Until the child itself has ended: it may close its output early, and what it started may keep
 * that open for ever. Then the rest of its group is ended, and what it had printed is taken. */
static bool follow(Watch *watch, Err *err)
{
    const Child *child = watch->child;
    while (!has_ended(child->pid)) {
        bool open = child->out >= 0 || child->err >= 0;
        take_output(watch, open ? 50 : 2);
        if (!within_limits(watch, err)) return false;
    }
    kill(-child->pid, SIGKILL);
    while ((child->out >= 0 || child->err >= 0) && take_output(watch, 0))
        if (!within_limits(watch, err)) return false;
    return true;
}

bool mel_process_run(const char *const *argv, const ProcessOptions *options, ProcessResult *result,
                     Err *err)
{
    static const ProcessOptions defaults;
    Child child = {.out = -1, .err = -1};
    Str out = {0}, tail = {0};
    *result = (ProcessResult){0};
    if (!options) options = &defaults;
    if (!start(argv, options->extra_env, &child, err)) return false;
    Watch watch = {.child = &child,
                   .name = argv[0],
                   .options = options,
                   .out = &out,
                   .tail = &tail,
                   .begin = mel_monotonic_us()};
    watch.last = watch.begin;
    bool ok = follow(&watch, err);
    kill(-child.pid, SIGKILL); /* before the pipes go: a writer is not to die of them instead */
    close_fd(&child.out);
    close_fd(&child.err);
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->out_length = out.length;
    result->out = mel_str_take(&out);
    result->err_tail = mel_str_take(&tail);
    return ok;
}

void mel_process_clear(ProcessResult *result)
{
    free(result->out);
    free(result->err_tail);
    *result = (ProcessResult){0};
}
