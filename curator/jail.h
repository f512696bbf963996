/* SPDX-License-Identifier: Apache-2.0
 *
 * Untrusted media is decoded in a child that can do nothing else: no files but the descriptors it
 * was handed, no network, no programs, bounded memory, time and file size. A zygote process is
 * forked once, early (no threads, no database, no secrets), and forks one confined child per
 * request; a hostile file fails alone, with a reason. */
#ifndef MEL_CURATOR_JAIL_H
#define MEL_CURATOR_JAIL_H

#include "curator/cut.h"

typedef struct JailLimits {
    int64_t memory_bytes; /* address space; 0 = 1 GiB */
    int64_t cpu_us;       /* 0 = 60 s */
    int64_t wall_us;      /* 0 = 90 s */
    int64_t file_bytes;   /* each output; 0 = 256 MiB */
    bool require_sandbox; /* fail when the kernel lacks seccomp or Landlock */
} JailLimits;

typedef struct Jail Jail;

/* Forks the zygote. Call before threads are made and before the store is opened. */
MEL_MUST_CHECK bool mel_jail_start(const JailLimits *limits, Jail **out, Err *err);
void mel_jail_stop(Jail *jail); /* NULL is fine */

/* Which layers the kernel gave: "rlimits seccomp landlock" in some combination. Borrowed. */
const char *mel_jail_layers(const Jail *jail);

/* The functions of cut.h, confined. Safe from several threads at once. When a child dies, the
 * error says of what: media.time, media.memory, media.crash, media.filesize. */
MEL_MUST_CHECK bool mel_jail_cut(Jail *jail, const CutRequest *request, const CutFiles *files,
                                 CutResult *result, Err *err);
MEL_MUST_CHECK bool mel_jail_probe(Jail *jail, int fd, ProbeResult *result, Err *err);
MEL_MUST_CHECK bool mel_jail_check(Jail *jail, ProductKind kind, int fd, CheckResult *result,
                                   Err *err);

#endif
