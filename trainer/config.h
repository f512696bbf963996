/* SPDX-License-Identifier: Apache-2.0
 *
 * What a training run is told: one JSON object, every key known, of the right type and possible. */
#ifndef MEL_TRAINER_CONFIG_H
#define MEL_TRAINER_CONFIG_H

#include "base/base.h"

#include <stddef.h>

/* One key of the object and the member of a struct that it fills. */
typedef enum FieldType {
    FIELD_INT,    /* int64_t, least … most */
    FIELD_NUMBER, /* double, least … most */
    FIELD_FLAG,   /* bool */
    FIELD_TEXT,   /* const char *, of the object */
    FIELD_CHOICE, /* int: which of `choices` (NULL at the end) */
    FIELD_OBJECT, /* const json_t *, of the object */
} FieldType;

typedef enum FieldNeed { FIELD_OPTIONAL, FIELD_REQUIRED } FieldNeed;

typedef struct ConfigField {
    const char *key, *what; /* what: in words, with the unit */
    FieldType type;
    size_t offset;
    double least, most;
    const char *const *choices;
    FieldNeed need;
} ConfigField;

#define CONFIG_INT(need, key, Struct, member, least, most, what)                                   \
    {                                                                                              \
        key, what, FIELD_INT, offsetof(Struct, member), least, most, NULL, need                    \
    }
#define CONFIG_NUMBER(need, key, Struct, member, least, most, what)                                \
    {                                                                                              \
        key, what, FIELD_NUMBER, offsetof(Struct, member), least, most, NULL, need                 \
    }
#define CONFIG_FLAG(need, key, Struct, member, what)                                               \
    {                                                                                              \
        key, what, FIELD_FLAG, offsetof(Struct, member), 0, 0, NULL, need                          \
    }
#define CONFIG_TEXT(need, key, Struct, member, what)                                               \
    {                                                                                              \
        key, what, FIELD_TEXT, offsetof(Struct, member), 0, 0, NULL, need                          \
    }
#define CONFIG_CHOICE(need, key, Struct, member, choices, what)                                    \
    {                                                                                              \
        key, what, FIELD_CHOICE, offsetof(Struct, member), 0, 0, choices, need                     \
    }
#define CONFIG_OBJECT(need, key, Struct, member, what)                                             \
    {                                                                                              \
        key, what, FIELD_OBJECT, offsetof(Struct, member), 0, 0, NULL, need                        \
    }

typedef struct ConfigTable {
    const ConfigField *fields;
    size_t count;
    void *into; /* holds the defaults */
} ConfigTable;

/* Fills `tables` from the object. ERR_USAGE names the key: unknown in all of them (with the nearest
 * known one), required and absent, of the wrong type, out of range. */
MEL_MUST_CHECK bool train_config_fill(const json_t *object, const ConfigTable *tables, size_t count,
                                      Err *err);

typedef enum RateDecay { DECAY_NONE, DECAY_LINEAR, DECAY_COSINE } RateDecay;
typedef enum Precision { PRECISION_F32, PRECISION_BF16 } Precision;

/* What all targets share. Texts belong to the object. */
typedef struct TrainConfig {
    const char *target;
    const char *data;     /* folder of training shards */
    const char *validate; /* another, or NULL */
    const char *model;    /* the model's folder: where networks begin */
    bool install;         /* put the result into that folder too */
    int64_t steps, batch, accumulate, seed;
    int precision;  /* Precision */
    bool recompute; /* activations are computed again on the way back */
    double learning_rate, alpha_learning_rate;
    double beta1, beta2, eps, weight_decay;
    int64_t warmup; /* steps over which the rate rises from 0 */
    int decay;      /* RateDecay: from there to the last step */
    double clip;    /* largest norm of the gradient; 0: any */
    double ema;     /* share that a moving average keeps each step; 0: no average */
    int64_t checkpoint_every, keep, validate_every, validate_items;
    int64_t sample_every; /* steps; 0: nothing is made to listen to */
} TrainConfig;

/* With `own` the table of the target's further keys. `object` must outlive the config. */
MEL_MUST_CHECK bool train_config_read(const json_t *object, const ConfigTable *own,
                                      TrainConfig *out, Err *err);

/* The rate of a step, counted from 0, as a share of the full one. */
double train_rate(const TrainConfig *config, int64_t step);

#endif
