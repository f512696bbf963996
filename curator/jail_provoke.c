/* SPDX-License-Identifier: Apache-2.0
 *
 * What an attacker would try from inside, for the tests of the walls. Whoever could send this job
 * could send any other: it gives nothing away. */
#include "curator/jail_internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static void *nothing(void *argument)
{
    return argument;
}

static bool thread_runs(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

/* True when memory came to an end. */
static bool memory_is_refused(void)
{
    enum { STEP = 16 << 20, STEPS = 4096 };
    for (int i = 0; i < STEPS; i++) {
        void *block = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) return true;
    }
    return false;
}

static void grow_file(int fd)
{
    static char block[1 << 16];
    for (off_t at = 0; pwrite(fd, block, sizeof block, at) > 0; at += (off_t)sizeof block)
        continue;
}

static bool call(JailProvocation what)
{
    char *const arguments[] = {(char *)"/bin/true", NULL}, *const environment[] = {NULL};
    switch (what) {
    case PROVOKE_OPEN:
        return open("/etc/passwd", O_RDONLY) >= 0;
    case PROVOKE_SOCKET:
        return socket(AF_INET, SOCK_STREAM, 0) >= 0;
    case PROVOKE_EXECVE:
        return execve("/bin/true", arguments, environment) == 0;
    case PROVOKE_FORK:
        return fork() >= 0;
    case PROVOKE_PTRACE:
        return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
    case PROVOKE_KILL_PARENT:
        return kill(getppid(), SIGKILL) == 0;
    case PROVOKE_EXECUTABLE_MEMORY:
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0) != MAP_FAILED;
    case PROVOKE_EAT_MEMORY:
        return memory_is_refused();
    case PROVOKE_THREAD:
        return thread_runs();
    default:
        return true;
    }
}

void jail_provoke(JailProvocation what, int output, JailReply *reply)
{
    volatile int *nowhere = NULL;
    volatile uint64_t turns = 0;
    switch (what) {
    case PROVOKE_SEGFAULT:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would exit instead */
        *nowhere = 1; /* NOLINT(clang-analyzer-core.NullDereference): what was asked for */
        break;
    case PROVOKE_SPIN:
        for (;;)
            turns++;
    case PROVOKE_SLEEP:
        for (;;)
            mel_sleep_us(1000000);
    case PROVOKE_ABORT_WITHOUT_MEMORY:
        memory_is_refused();
        abort();
    case PROVOKE_ABORT:
        abort();
    case PROVOKE_GROW_FILE:
        grow_file(output);
        break;
    case PROVOKE_LIE:
        memset(reply, 0xa5, sizeof *reply);
        reply->magic = JAIL_REPLY_MAGIC;
        break;
    default:
        reply->ok = call(what);
    }
}
