/* SPDX-License-Identifier: Apache-2.0
 *
 * Kinds of hostile media, made by spoiling the bytes of good files, and in what a cut of each may
 * end. */
#ifndef MEL_TESTS_HOSTILE_KINDS_H
#define MEL_TESTS_HOSTILE_KINDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct HostileBytes {
    uint8_t *data; /* yours to free */
    size_t n;
} HostileBytes;

typedef struct HostileKind {
    const char *name;
    HostileBytes (*make)(void);
    const char *ends; /* reasons that it may end in, behind "media."; "ok" for a good result */
} HostileKind;

/* Good files are made once, in this folder. To be called first; borrowed. */
void hostile_kinds_use_folder(const char *path);

const HostileKind *hostile_kinds(size_t *count_out);

/* Some of the same with sound only, for kinds that end at the missing picture above. */
const HostileKind *hostile_sound_kinds(size_t *count_out);

/* The good files of 4 s, 160x96 and 44.1 or 48 kHz: 0 MP4, 1 MP4 with its index in front, 2 WebM.
 */
HostileBytes hostile_good_file(int which);

#endif
