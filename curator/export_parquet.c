/* SPDX-License-Identifier: Apache-2.0
 *
 * Parquet files as the Hugging Face hub lays them out: sound and picture as struct<bytes, path>,
 * and their meaning in the `huggingface` metadata. */
#include "curator/export_internal.h"

#include "curator/parquet.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum FieldKind { FIELD_TEXT, FIELD_LIST, FIELD_F64, FIELD_I64, FIELD_US } FieldKind;

/* Columns that are copied as they are; the special ones stand before them. */
static const struct {
    const char *name;
    FieldKind kind;
    size_t offset;
} fields[] = {
    {"id",              FIELD_TEXT, offsetof(ExportItem, id)             },
    {"key",             FIELD_TEXT, offsetof(ExportItem, key)            },
    {"caption",         FIELD_TEXT, offsetof(ExportItem, text)           },
    {"genre",           FIELD_TEXT, offsetof(ExportItem, genre)          },
    {"moods",           FIELD_LIST, offsetof(ExportItem, moods)          },
    {"tempo",           FIELD_TEXT, offsetof(ExportItem, tempo)          },
    {"bpm",             FIELD_F64,  offsetof(ExportItem, bpm)            },
    {"voices",          FIELD_LIST, offsetof(ExportItem, voices)         },
    {"instruments",     FIELD_LIST, offsetof(ExportItem, instruments)    },
    {"dissonance",      FIELD_TEXT, offsetof(ExportItem, dissonance)     },
    {"metre",           FIELD_TEXT, offsetof(ExportItem, metre)          },
    {"feel",            FIELD_TEXT, offsetof(ExportItem, feel)           },
    {"relevance",       FIELD_TEXT, offsetof(ExportItem, relevance)      },
    {"aspects",         FIELD_LIST, offsetof(ExportItem, aspects)        },
    {"audioset_labels", FIELD_LIST, offsetof(ExportItem, audioset_labels)},
    {"source",          FIELD_TEXT, offsetof(ExportItem, source)         },
    {"license",         FIELD_TEXT, offsetof(ExportItem, license)        },
    {"start_s",         FIELD_US,   offsetof(ExportItem, start_us)       },
    {"end_s",           FIELD_US,   offsetof(ExportItem, end_us)         },
    {"frame_s",         FIELD_US,   offsetof(ExportItem, frame_us)       },
    {"sample_rate_hz",  FIELD_I64,  offsetof(ExportItem, sample_rate_hz) },
    {"samples",         FIELD_I64,  offsetof(ExportItem, audio_samples)  },
    {"loudness_lufs",   FIELD_F64,  offsetof(ExportItem, loudness_lufs)  },
    {"imsm",            FIELD_F64,  offsetof(ExportItem, imsm)           },
};
enum {
    FIELD_COUNT = MEL_COUNT(fields),
    COLUMN_AUDIO = 0,
    COLUMN_IMAGE,
    COLUMN_FIELDS,
    COLUMN_PROVENANCE = COLUMN_FIELDS + FIELD_COUNT,
    COLUMN_COUNT,
};

typedef struct Table {
    ParquetColumn columns[COLUMN_COUNT];
    char *features; /* JSON of the `huggingface` key */
} Table;

static void fill_columns(Table *table)
{
    static const ParquetType types[] = {
        [FIELD_TEXT] = PARQUET_TEXT, [FIELD_LIST] = PARQUET_TEXTS, [FIELD_F64] = PARQUET_F64,
        [FIELD_I64] = PARQUET_I64,   [FIELD_US] = PARQUET_F64,
    };
    table->columns[COLUMN_AUDIO] = (ParquetColumn){"audio", PARQUET_MEDIA};
    table->columns[COLUMN_IMAGE] = (ParquetColumn){"image", PARQUET_MEDIA};
    for (size_t i = 0; i < FIELD_COUNT; i++)
        table->columns[COLUMN_FIELDS + i] = (ParquetColumn){fields[i].name, types[fields[i].kind]};
    table->columns[COLUMN_PROVENANCE] = (ParquetColumn){"provenance", PARQUET_TEXT};
}

/* The one sampling rate of all clips, or 0: a reader resamples to what the metadata says. */
static int64_t uniform_rate(const ExportRun *run)
{
    for (size_t i = 1; i < run->count; i++)
        if (run->items[i].sample_rate_hz != run->items[0].sample_rate_hz) return 0;
    return run->items[0].sample_rate_hz;
}

static json_t *value_feature(const char *dtype)
{
    return json_pack("{s:s, s:s}", "dtype", dtype, "_type", "Value");
}

static json_t *feature_of(const ParquetColumn *column, int64_t rate)
{
    switch (column->type) {
    case PARQUET_TEXT:
        return value_feature("string");
    case PARQUET_I64:
        return value_feature("int64");
    case PARQUET_F64:
        return value_feature("float64");
    case PARQUET_TEXTS:
        return json_pack("{s:o, s:s}", "feature", value_feature("string"), "_type", "Sequence");
    case PARQUET_MEDIA:
        break;
    }
    json_t *media =
        json_pack("{s:s}", "_type", mel_equal(column->name, "audio") ? "Audio" : "Image");
    if (mel_equal(column->name, "audio") && rate) mel_json_set_i64(media, "sampling_rate", rate);
    return media;
}

static void fill_features(Table *table, const ExportRun *run)
{
    json_t *features = json_object();
    int64_t rate = uniform_rate(run);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        json_object_set_new(features, table->columns[i].name, feature_of(&table->columns[i], rate));
    json_t *whole = json_pack("{s:{s:o}}", "info", "features", features);
    table->features = mel_json_line(whole);
    json_decref(whole);
}

static void put_field(ParquetWriter *writer, size_t i, const ExportItem *item)
{
    size_t column = COLUMN_FIELDS + i;
    const void *value = (const char *)item + fields[i].offset;
    switch (fields[i].kind) {
    case FIELD_TEXT:
        mel_parquet_text(writer, column, *(const char *const *)value);
        break;
    case FIELD_F64:
        mel_parquet_f64(writer, column, *(const double *)value);
        break;
    case FIELD_I64:
        mel_parquet_i64(writer, column, *(const int64_t *)value);
        break;
    case FIELD_US:
        mel_parquet_f64(writer, column, (double)*(const int64_t *)value / 1e6);
        break;
    case FIELD_LIST: {
        const TextList *list = value;
        mel_parquet_texts(writer, column, list->items, list->count);
        break;
    }
    }
}

static bool put_media(ExportRun *run, ParquetWriter *writer, const ExportItem *item,
                      ExportMedia which, Err *err)
{
    char *bytes;
    size_t n;
    if (!mel_export_media(run, item, which, &bytes, &n, err)) return false;
    const char *name = mel_path_base(mel_export_media_name(run, item, "", which));
    mel_parquet_media(writer, which == EXPORT_AUDIO ? COLUMN_AUDIO : COLUMN_IMAGE, bytes, n, name);
    free(bytes);
    return true;
}

static bool put_item(ExportRun *run, ParquetWriter *writer, const ExportItem *item, Err *err)
{
    if (!put_media(run, writer, item, EXPORT_AUDIO, err) ||
        !put_media(run, writer, item, EXPORT_IMAGE, err))
        return false;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        put_field(writer, i, item);
    json_t *provenance = mel_export_provenance(item);
    char *text = mel_json_line(provenance);
    mel_parquet_text(writer, COLUMN_PROVENANCE, text);
    free(text);
    json_decref(provenance);
    return mel_parquet_row_end(writer, err) && mel_export_tick(run, item, err);
}

static bool write_shard(ExportRun *run, const ExportShard *shard, void *ctx, Err *err)
{
    const Table *table = ctx;
    ParquetWriter *writer = NULL;
    const char *path = mel_export_path(run, "data/%s-%05zu-of-%05zu.parquet",
                                       run->sides.names[shard->side], shard->number, shard->of);
    bool ok = mel_parquet_begin(path, table->columns, COLUMN_COUNT, "huggingface", table->features,
                                &writer, err);
    for (size_t i = 0; ok && i < shard->count; i++)
        ok = put_item(run, writer, shard->items[i], err);
    ok = ok && mel_parquet_finish(writer, err);
    mel_parquet_free(writer);
    return ok;
}

bool mel_export_parquet(ExportRun *run, Err *err)
{
    Table table = {0};
    fill_columns(&table);
    fill_features(&table, run);
    bool ok = mel_make_dirs(mel_export_path(run, "data"), err) &&
              mel_export_each_shard(run, write_shard, &table, err);
    free(table.features);
    return ok;
}
