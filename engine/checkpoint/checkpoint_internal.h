/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of this folder share: the mapped file, the checkpoint that they fill, and the
 * limits that hold for all formats. */
#ifndef MEL_ENGINE_CHECKPOINT_INTERNAL_H
#define MEL_ENGINE_CHECKPOINT_INTERNAL_H

#include "engine/checkpoint/checkpoint.h"

/* Files and memory have the same byte order: arrays are used where they lie. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine is needed");

enum {
    CHECKPOINT_TENSORS_MAX = 65536,
    CHECKPOINT_NAME_MAX = 512, /* bytes */
    CHECKPOINT_SHARDS_MAX = 1024,
    SAFETENSORS_HEADER_MAX = 16 << 20,
    CHECKPOINT_INDEX_MAX = 16 << 20,
    CHECKPOINT_JSON_NODES_MAX = 4 * CHECKPOINT_TENSORS_MAX,   /* objects and lists */
    CHECKPOINT_JSON_COMMAS_MAX = 16 * CHECKPOINT_TENSORS_MAX, /* between their items */
};

typedef struct MappedFile {
    char *path;
    int fd;
    const uint8_t *bytes; /* never NULL; not mapped when size is 0 */
    int64_t size;
} MappedFile;

struct Checkpoint {
    Arena arena; /* the names */
    const char *format;
    MappedFile *files; /* in name order */
    size_t file_count;
    CheckpointTensor *tensors;
    size_t count, capacity;
    void **copies; /* arrays that the file stores with strides */
    size_t copy_count, copy_capacity;
    int64_t budget_bytes; /* see mel_checkpoint_spend */
};

/* Opens and maps a regular file. */
MEL_MUST_CHECK bool mel_mapped_open(MappedFile *file, const char *path, Err *err);
void mel_mapped_close(MappedFile *file); /* {0} is fine */

/* The file still has the size that it was mapped with. */
MEL_MUST_CHECK bool mel_mapped_unchanged(const MappedFile *file, Err *err);

/* Reads one mapped file by its content and adds its tensors; errors name the file. */
MEL_MUST_CHECK bool mel_checkpoint_read(Checkpoint *checkpoint, const MappedFile *file, Err *err);

/* The folder member to open: see mel_checkpoint_open. Yours to free. */
MEL_MUST_CHECK bool mel_checkpoint_pick(const char *folder, char **out, Err *err);

/* Maps and reads the shards that an index names; errors name the file. */
MEL_MUST_CHECK bool mel_checkpoint_read_set(Checkpoint *checkpoint, const char *index_path,
                                            Err *err);

/* The formats. Tensors go to the checkpoint, errors say where in the file. */
MEL_MUST_CHECK bool mel_safetensors_read(Checkpoint *checkpoint, const MappedFile *file, Err *err);
MEL_MUST_CHECK bool mel_torch_zip_read(Checkpoint *checkpoint, const MappedFile *file, Err *err);
MEL_MUST_CHECK bool mel_torch_legacy_read(Checkpoint *checkpoint, const MappedFile *file, Err *err);

/* Adds a tensor; its name is copied. Checks the count, and that truth values are 0 or 1. */
MEL_MUST_CHECK bool mel_checkpoint_add(Checkpoint *checkpoint, const CheckpointTensor *tensor,
                                       Err *err);

/* Sorts the tensors by name; a name that is there twice is an error. */
MEL_MUST_CHECK bool mel_checkpoint_sort(Checkpoint *checkpoint, Err *err);

/* Zeroed memory for one array, owned by the checkpoint; NULL and an error. */
void *mel_checkpoint_copy_space(Checkpoint *checkpoint, int64_t bytes, const char *name, Err *err);

/* Takes from the bytes that may be copied or looked through while opening, which are a small
 * multiple of the file's: views of one storage cannot multiply the work without end. */
MEL_MUST_CHECK bool mel_checkpoint_spend(Checkpoint *checkpoint, int64_t bytes, Err *err);

/* Parses JSON that has no more parts than a header or an index needs: a parser takes a hundred
 * times the bytes of "[],[],[],…". NULL and an error, else yours to json_decref(). */
json_t *mel_checkpoint_parse_json(const char *text, size_t n, const char *what, Err *err);

/* 1 to CHECKPOINT_NAME_MAX bytes of UTF-8 without control characters. */
bool mel_checkpoint_name_ok(const char *name, size_t n);

/* Text of a file as it may be shown in a message: its first bytes, what is not printable ASCII as
 * '?'. */
typedef struct ShownText {
    char text[88];
} ShownText;
ShownText mel_shown(const char *bytes, size_t n);

static inline uint16_t mel_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t mel_le32(const uint8_t *p)
{
    return mel_le16(p) | (uint32_t)mel_le16(p + 2) << 16;
}

static inline uint64_t mel_le64(const uint8_t *p)
{
    return mel_le32(p) | (uint64_t)mel_le32(p + 4) << 32;
}

#endif
