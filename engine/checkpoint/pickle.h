/* SPDX-License-Identifier: Apache-2.0
 *
 * Pickles, read without calling anything. The interpreter keeps plain values, and knows by name
 * the few objects that torch needs to describe a tensor; whatever else a pickle names becomes a
 * PICKLE_FOREIGN value, which can be built, filled and passed around but has no content and never
 * turns into a tensor. Opcodes outside of the list in pickle.c are errors. */
#ifndef MEL_ENGINE_PICKLE_H
#define MEL_ENGINE_PICKLE_H

#include "engine/tensor.h"

enum {
    PICKLE_BYTES_MAX = 64 << 20,
    PICKLE_OBJECTS_MAX = 4 << 20, /* values, and places in lists, tuples and dictionaries */
    PICKLE_STACK_MAX = 1 << 20,
    PICKLE_MARKS_MAX = 256,
    PICKLE_MEMO_MAX = 4 << 20,
};

typedef enum PickleKind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_LONG, /* an integer of more than 64 bits: its bytes, little-endian */
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,  /* a name of the closed list */
    PICKLE_STORAGE, /* numbers of one type in the file */
    PICKLE_TENSOR,  /* a view of a storage */
    PICKLE_FOREIGN,
} PickleKind;

typedef struct PickleValue PickleValue;

/* What the closed list says of a name. */
typedef enum PickleRole {
    ROLE_DICT,      /* collections.OrderedDict */
    ROLE_SIZE,      /* torch.Size: its argument */
    ROLE_TENSOR,    /* torch._utils._rebuild_tensor_v2 */
    ROLE_TENSOR_V1, /* torch._utils._rebuild_tensor */
    ROLE_PARAMETER, /* torch._utils._rebuild_parameter: its first argument */
    ROLE_STORAGE,   /* torch.FloatStorage and so on */
} PickleRole;

typedef struct PickleGlobal {
    const char *module, *name;
    PickleRole role;
    bool readable; /* a storage of a type that DType has */
    DType dtype;
    int size; /* bytes of one element of a storage, readable or not */
} PickleGlobal;

/* A storage as a persistent id names it; view_* select a part (all of it in all but very old
 * files). */
typedef struct PickleStorage {
    const PickleGlobal *type; /* NULL: a class that is not on the closed list */
    const char *type_name;    /* printable */
    const char *key;          /* decimal digits */
    int64_t count;            /* elements */
    int64_t view_offset, view_count;
} PickleStorage;

struct PickleValue {
    PickleKind kind;
    uint8_t visit; /* for walks over the result; 0 at first */
    union {
        int64_t integer; /* also of PICKLE_BOOL */
        struct {
            const char *bytes; /* in the pickle, not NUL-terminated; of a foreign value its name */
            size_t n;
        } text; /* also of PICKLE_LONG and PICKLE_FOREIGN */
        struct {
            PickleValue **items; /* of a dictionary: key, value, key, value, … */
            size_t count, capacity;
        } list;
        const PickleGlobal *global;
        PickleStorage *storage;
        struct {
            PickleStorage *storage;
            const PickleValue *size, *strides; /* tuples of as many integers */
            int64_t offset;                    /* elements */
        } tensor;
    };
};

typedef struct PickleResult {
    PickleValue *root;
    size_t used; /* bytes up to and with STOP */
    PickleStorage **storages;
    size_t storage_count;
} PickleResult;

/* Reads one pickle from the start of `bytes` (up to PICKLE_BYTES_MAX of them). The values live in
 * the arena, their texts in `bytes`. `at` is added to the offsets that messages name. Errors:
 * ERR_FORMAT, ERR_LIMIT. */
MEL_MUST_CHECK bool mel_pickle_read(Arena *arena, const uint8_t *bytes, size_t n, int64_t at,
                                    PickleResult *out, Err *err);

/* The value is this text. */
bool mel_pickle_is_text(const PickleValue *value, const char *text);

/* The value under a text key, or NULL; of several the first. */
PickleValue *mel_pickle_get(const PickleValue *dict, const char *key);

#endif
