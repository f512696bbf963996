/* SPDX-License-Identifier: Apache-2.0
 *
 * Many processes on one store: people who save answers while a list is imported and somebody reads
 * everything. The test asks that nothing is lost, the bench how long people wait. */
#ifndef MEL_TESTS_STORE_LOAD_H
#define MEL_TESTS_STORE_LOAD_H

#include "tests/support/store_fixture.h"

typedef struct StoreLoad {
    int people, saves_each;
    int64_t pace_us;  /* between a person's saves; 0 = one after the other */
    int import_clips; /* in each transaction of the importing process; 0 = no such process */
    bool read_all;    /* one process that reads the views from end to end, again and again */
} StoreLoad;

typedef struct LoadSave {
    char id[ULID_SIZE];
    int64_t took_us; /* from the call to the acknowledgement */
} LoadSave;

typedef struct LoadResult {
    LoadSave *saves; /* the acknowledged ones; yours to free */
    size_t count;
    int failed_processes; /* that met any error, "busy" included; each said it on stderr */
    int64_t imports;      /* committed transactions of the importer */
    int64_t readings;     /* of all views */
    int64_t took_us;
} LoadResult;

/* Makes the people and their clips, runs the load in child processes and waits for its end. No Db
 * may be open in this process. */
void store_load_run(const char *folder, const StoreLoad *load, LoadResult *result);

#endif
