/* SPDX-License-Identifier: Apache-2.0
 *
 * mel_csv_next on any bytes: rows stay within their limits, lines count upwards, and what was read
 * is read again the same after it was written. The first byte chooses the delimiter and blanks. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(const CsvReader *read, char delimiter)
{
    Str row = {0};
    Err err = {0};
    mel_str_add(&row, "first\n");
    for (size_t i = 0; i < read->count; i++) {
        if (i) mel_str_add_char(&row, delimiter);
        mel_csv_add_field(&row, mel_csv_field(read, i), delimiter, false);
    }
    FILE *file = fmemopen(row.text, row.length, "r");
    MEL_ASSERT(file);
    CsvReader again;
    mel_csv_reader_init(&again, file, delimiter, false);
    MEL_ASSERT(mel_csv_next(&again, &err) == CSV_ROW);
    CsvStatus status = mel_csv_next(&again, &err);
    bool empty = read->count == 1 && !*mel_csv_field(read, 0);
    MEL_ASSERT(status == (empty ? CSV_END : CSV_ROW) || err.code == ERR_LIMIT);
    if (status == CSV_ROW) {
        MEL_ASSERT(again.count == read->count);
        for (size_t i = 0; i < read->count; i++)
            MEL_ASSERT(mel_equal(mel_csv_field(&again, i), mel_csv_field(read, i)));
    }
    mel_csv_reader_clear(&again);
    fclose(file);
    mel_str_clear(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    char delimiter = data[0] & 1 ? '\t' : ',';
    FILE *file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
    MEL_ASSERT(file);
    CsvReader reader;
    CsvStatus status;
    Err err = {0};
    int64_t last = 0;
    mel_csv_reader_init(&reader, file, delimiter, data[0] & 2);
    while ((status = mel_csv_next(&reader, &err)) != CSV_END) {
        MEL_ASSERT(reader.line > last);
        last = reader.line;
        MEL_ASSERT(mel_err_is_set(&err) == (status == CSV_BAD));
        MEL_ASSERT(status == CSV_ROW || mel_starts_with(err.reason, "csv."));
        if (status == CSV_ROW) read_back(&reader, delimiter);
        mel_err_clear(&err);
    }
    mel_csv_reader_clear(&reader);
    fclose(file);
    return 0;
}
