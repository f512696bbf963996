/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of the paper made again, row by row: train what a row needs, generate, judge. All of it
 * stays in a folder, and a second time goes on from there:
 *
 *     RUNS/trained/NAME/      the training of rows that share it, and model/, the whole model
 *     RUNS/made/NAME/         row.json (what it is), samples, evaluation.json */
#ifndef MEL_CLI_TABLE_RUN_H
#define MEL_CLI_TABLE_RUN_H

#include "cli/generate_run.h"
#include "cli/judging.h"
#include "cli/paper_tables.h"
#include "trainer/trainer.h"

typedef struct TableJob {
    int table;
    const char *runs, *model; /* folders */
    const json_t *training; /* of MeLFusion; NULL: rows that want their own training are left out */
    Choice choice;          /* a side of a split; its text is what purity is asked about */
    int64_t limit, seed;    /* limit: of clips that music is made for; 0: all */
    GenerateJob generate;   /* how music is made where the row does not say */
    Judges *judges;
    /* Of each row, with NULL and the reason for one that is left out. */
    void (*done)(void *ctx, const PaperRow *row, const Evaluation *evaluation, const char *why);
    void (*trained)(void *ctx, const TrainTick *tick);
    void *ctx;
} TableJob;

MEL_MUST_CHECK bool cli_table(TableJob *job, Db *db, Err *err);

#endif
