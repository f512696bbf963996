/* SPDX-License-Identifier: Apache-2.0
 *
 * The walls: resource limits, no new privileges, Landlock without a rule (no file can be opened),
 * and a list of system calls; all others kill the process.
 *
 * Under sanitizers (MEL_SANITIZED) address space is not limited, because their shadow memory takes
 * terabytes of it, and the few calls that their runtime makes on its own threads are allowed. The
 * other walls stand there too. */
#include "curator/jail_internal.h"

#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS_MAX = 64 };

/* ---- system calls -------------------------------------------------------------------------------
 */

static const int allowed[] = {
    /* the descriptors that it was handed */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    /* memory; mmap and mprotect have rules of their own */
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    /* threads and time */
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo), /* glibc's qsort asks for the memory there is */
    /* the end, and signals to itself by fault */
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
#ifdef MEL_SANITIZED
    SCMP_SYS(sigaltstack),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrusage),
#endif
};

static bool add_rules(scmp_filter_ctx context)
{
    const unsigned thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
    bool ok = true;
    for (size_t i = 0; i < MEL_COUNT(allowed); i++)
        ok = ok && seccomp_rule_add(context, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
    ok = ok && seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
    ok = ok && seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
    /* Threads of this process, but no process: the flags of clone3 cannot be seen by a filter, and
     * libc falls back on clone when it is not there. */
    ok = ok && seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread)) == 0;
    ok = ok && seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
    /* abort() ends in this call; jail_child.c catches it to say why. It is not made. */
    ok = ok && seccomp_rule_add(context, SCMP_ACT_TRAP, SCMP_SYS(tgkill), 0) == 0;
    return ok && seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                  SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0)) == 0;
}

/* The program as bytes, through a memory file: libseccomp writes to descriptors only. */
static bool export_program(scmp_filter_ctx context, struct sock_fprog *program)
{
    bool ok = false;
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(context, fd) != 0) goto out;
    off_t size = lseek(fd, 0, SEEK_END);
    size_t count = size > 0 ? (size_t)size / sizeof *program->filter : 0;
    if (!count || count > BPF_MAXINSNS) goto out;
    program->filter = mel_alloc(count * sizeof *program->filter);
    program->len = (unsigned short)count;
    ok = pread(fd, program->filter, (size_t)size, 0) == size;
out:
    if (fd >= 0) close(fd);
    return ok;
}

void jail_filter_make(JailFilter *filter)
{
    *filter = (JailFilter){0};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!context) return;
    if (!add_rules(context) || !export_program(context, &filter->program)) {
        free(filter->program.filter);
        *filter = (JailFilter){0};
    }
    seccomp_release(context);
}

static bool put_on_seccomp(const JailFilter *filter)
{
    return filter->program.filter &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter->program, 0, 0) == 0;
}

/* ---- Landlock -----------------------------------------------------------------------------------
 */

/* The kernel's struct as of ABI 6; older kernels are given its beginning. */
typedef struct Ruleset {
    uint64_t access_fs, access_net, scoped;
} Ruleset;

static uint64_t low_bits(int n)
{
    return (1ULL << n) - 1;
}

/* Everything that this kernel can forbid, with no exception. */
static bool put_on_landlock(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return false;
    Ruleset ruleset = {.access_fs = low_bits(abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13)};
    size_t size = sizeof ruleset.access_fs;
    if (abi >= 4) {
        ruleset.access_net = low_bits(2);
        size = 2 * sizeof(uint64_t);
    }
    if (abi >= 6) {
        ruleset.scoped = low_bits(2);
        size = 3 * sizeof(uint64_t);
    }
    long fd = syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (fd < 0) return false;
    bool ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    close((int)fd);
    return ok;
}

/* ---- resources ----------------------------------------------------------------------------------
 */

static bool limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limits = {.rlim_cur = soft, .rlim_max = hard}, now;
    /* A lower limit that was set from outside stays. */
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY) {
        if (limits.rlim_max > now.rlim_max) limits.rlim_max = now.rlim_max;
        if (limits.rlim_cur > limits.rlim_max) limits.rlim_cur = limits.rlim_max;
    }
    return setrlimit(resource, &limits) == 0;
}

#ifndef MEL_SANITIZED
/* Libraries are mapped already and count; the limit is for what comes on top. */
static uint64_t mapped_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
#endif

static bool limit_resources(const JailLimits *limits)
{
    uint64_t cpu_s = (uint64_t)(limits->cpu_us + 999999) / 1000000;
    bool ok = limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
    ok = limit(RLIMIT_FSIZE, (uint64_t)limits->file_bytes, (uint64_t)limits->file_bytes) && ok;
    ok = limit(RLIMIT_NOFILE, FDS_MAX, FDS_MAX) && ok;
    ok = limit(RLIMIT_CORE, 0, 0) && ok;
#ifndef MEL_SANITIZED
    uint64_t memory = mapped_bytes() + (uint64_t)limits->memory_bytes;
    ok = limit(RLIMIT_AS, memory, memory) && ok;
#endif
    return ok;
}

bool jail_confine(const JailLimits *limits, const JailFilter *filter, JailLayers *layers)
{
    *layers = (JailLayers){0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return false;
    if (!limit_resources(limits)) return false;
    layers->landlock = put_on_landlock();
    layers->seccomp = put_on_seccomp(filter);
    return true;
}
