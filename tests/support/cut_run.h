/* SPDX-License-Identifier: Apache-2.0
 *
 * One cut in a test: a request with usual values, products in memory files, and ways to look at
 * them. */
#ifndef MEL_TESTS_CUT_RUN_H
#define MEL_TESTS_CUT_RUN_H

#include "curator/jail.h"

typedef struct CutRun {
    CutRequest request;
    CutFiles files;
    CutResult result;
    Err err;
} CutRun;

/* Sound and picture, no stills, no preview; the file is opened. audio_path NULL: one file. */
void cut_run_open(CutRun *run, const char *path, const char *audio_path, double start_s,
                  double duration_s);
void cut_run_close(CutRun *run);

/* Fresh outputs, then mel_cut, or mel_jail_cut when jail is not NULL. */
bool cut_run(CutRun *run, Jail *jail);

/* The FLAC's samples as integers of its own width, interleaved. Yours to free. */
int32_t *cut_run_sound(const CutRun *run, int64_t *count_out);

/* The whole of a product. Yours to free. */
uint8_t *cut_run_bytes(int fd, size_t *n_out);

typedef struct PreviewFrame {
    int64_t time_ms;
    int width, height, number; /* number: of the fixture's bar code, when the size allows */
} PreviewFrame;

size_t cut_run_preview(const CutRun *run, PreviewFrame **out);

#endif
