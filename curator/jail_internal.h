/* SPDX-License-Identifier: Apache-2.0
 *
 * The rooms behind jail.h. jail.c is the caller's side: it sends a request and trusts nothing that
 * comes back (jail_validate.c). jail_zygote.c forks, watches and reaps. jail_child.c confines
 * itself (jail_confine.c) and does the job.
 *
 *     caller --control socket: descriptors--> zygote --fork--> child
 *     caller <------------- the request's own socket: reply (child), end (zygote) ------------
 *
 * All sockets are SOCK_SEQPACKET: a message comes whole or not at all. */
#ifndef MEL_CURATOR_JAIL_INTERNAL_H
#define MEL_CURATOR_JAIL_INTERNAL_H

#include "curator/jail.h"

#include <linux/filter.h>
#include <sys/types.h>

/* What a child can be told to do. The last one is for tests of the walls. */
typedef enum JailJob { JAIL_CUT, JAIL_PROBE, JAIL_CHECK, JAIL_PROVOKE } JailJob;

typedef enum JailProvocation {
    PROVOKE_NOTHING,
    PROVOKE_OPEN,
    PROVOKE_SOCKET,
    PROVOKE_EXECVE,
    PROVOKE_FORK,
    PROVOKE_PTRACE,
    PROVOKE_KILL_PARENT,
    PROVOKE_EXECUTABLE_MEMORY,
    PROVOKE_SEGFAULT,
    PROVOKE_SPIN,  /* uses the processor for ever */
    PROVOKE_SLEEP, /* does nothing for ever */
    PROVOKE_ABORT,
    PROVOKE_ABORT_WITHOUT_MEMORY,
    PROVOKE_EAT_MEMORY, /* ok when an allocation is refused, as it should be */
    PROVOKE_GROW_FILE,
    PROVOKE_LIE,   /* answers with rubbish of the right size */
    PROVOKE_THREAD /* ok when a thread could run: decoders need that */
} JailProvocation;

enum { JAIL_FDS = 4 + STILLS_MAX, JAIL_LAYERS_SIZE = 64, JAIL_CHILDREN_MAX = 256 };

/* Exit codes of a child that gave up. */
enum { JAIL_EXIT_ABORTED = 70, JAIL_EXIT_STARVED = 71 };

/* Over the control socket, with the request's own socket and the descriptors that are there. */
typedef struct JailHandOver {
    uint32_t magic;
    uint32_t present; /* bit i: descriptor i of JailFds follows */
} JailHandOver;

/* inputs[0], inputs[1], audio, preview, stills … as in CutFiles; -1 = none. */
typedef struct JailFds {
    int fd[JAIL_FDS];
} JailFds;

typedef struct JailRequest {
    uint32_t magic;
    int32_t job;
    int32_t detail; /* ProductKind or JailProvocation */
    CutRequest cut;
} JailRequest;

typedef struct JailReply {
    uint32_t magic;
    int32_t ok;
    Err err;
    union {
        CutResult cut;
        ProbeResult probe;
        CheckResult check;
    } result;
} JailReply;

/* From the zygote, after the child has ended. */
typedef struct JailEnd {
    uint32_t magic;
    int32_t wait_status;
    int32_t out_of_time; /* killed by the wall clock */
    int64_t cpu_us;
} JailEnd;

/* From the zygote, once. */
typedef struct JailHello {
    uint32_t magic;
    int32_t has_seccomp, has_landlock;
} JailHello;

enum {
    JAIL_HANDOVER_MAGIC = 0x6d6a6831,
    JAIL_REQUEST_MAGIC = 0x6d6a7131,
    JAIL_REPLY_MAGIC = 0x6d6a7231,
    JAIL_END_MAGIC = 0x6d6a6531,
    JAIL_HELLO_MAGIC = 0x6d6a6c31
};

/* ---- the other processes ------------------------------------------------------------------------
 */

/* The program of system calls that a child may make, made once by libseccomp. */
typedef struct JailFilter {
    struct sock_fprog program; /* filter NULL: this kernel or build has none */
} JailFilter;

void jail_filter_make(JailFilter *filter);

/* What the kernel gave; set by a confinement that was really tried. */
typedef struct JailLayers {
    bool seccomp, landlock;
} JailLayers;

/* Irrevocably limits this process. False when a layer that must hold could not be put on. */
bool jail_confine(const JailLimits *limits, const JailFilter *filter, JailLayers *layers);

_Noreturn void jail_zygote_run(int control, const JailLimits *limits);

/* Runs in the forked child: moves its descriptors together, closes all others, confines itself,
 * reads the request from `socket` and answers. */
_Noreturn void jail_child_run(pid_t zygote, int socket, const JailFds *fds,
                              const JailLimits *limits, const JailFilter *filter);

void jail_provoke(JailProvocation what, int output, JailReply *reply);

/* ---- the caller's side --------------------------------------------------------------------------
 */

/* Makes an error harmless: known code and reason, terminated text. */
void jail_clean_err(Err *err);
bool jail_cut_is_valid(const CutRequest *request, const CutFiles *files, CutResult *result);
void jail_clean_missing(const CutRequest *request, CutResult *result);
bool jail_probe_is_valid(ProbeResult *result);
bool jail_check_is_valid(ProductKind kind, CheckResult *result);

/* For tests of the walls: how the child ended; *provoked_ok is its own word. */
MEL_MUST_CHECK bool mel_jail_provoke(Jail *jail, JailProvocation what, int output,
                                     bool *provoked_ok, JailEnd *end, Err *err);

/* The processes of a jail, for tests: 0 = it runs in none. */
pid_t mel_jail_zygote_pid(const Jail *jail);

#endif
