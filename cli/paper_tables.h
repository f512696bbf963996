/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of Chowdhury et al., "MeLFusion: Synthesizing Music from Image and Language Cues using
 * Diffusion Models", CVPR 2024 (arXiv 2406.04673): what a row was made with, and its figures. */
#ifndef MEL_CLI_PAPER_TABLES_H
#define MEL_CLI_PAPER_TABLES_H

#include <stddef.h>

typedef enum PaperSet { PAPER_MELBENCH, PAPER_MUSICCAPS, PAPER_SETS } PaperSet;

/* NAN where the paper gives none. */
typedef struct PaperFigures {
    double fad, kl, fd, imsm;
} PaperFigures;

typedef enum RowInputs { ROW_TEXT = 1, ROW_IMAGE = 2, ROW_BOTH = ROW_TEXT | ROW_IMAGE } RowInputs;

typedef struct PaperRow {
    int table;
    RowInputs inputs;
    const char *name;
    const char *needs;        /* what Melkit has not; NULL for a row that it can make */
    const char *training;     /* a name for `set`; NULL: the model as it was trained */
    const char *set;          /* JSON: what the training is told otherwise; null takes a key away */
    int steps;                /* 0: as it is asked */
    double guidance;          /* 0: as it is asked */
    int words_min, words_max; /* of the text; 0: any */
    PaperFigures figures[PAPER_SETS];
} PaperRow;

enum { PAPER_TABLES = 7 };

const char *cli_paper_title(int table);
const PaperRow *cli_paper_rows(size_t *count); /* of all tables, in their order */

#endif
