/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/config.h"

#include <math.h>
#include <string.h>

static const char *const decays[] = {"none", "linear", "cosine", NULL};
static const char *const precisions[] = {"f32", "bf16", NULL};

static const ConfigField shared_fields[] = {
    CONFIG_TEXT(FIELD_REQUIRED, "target", TrainConfig, target, "what is trained"),
    CONFIG_TEXT(FIELD_REQUIRED, "data", TrainConfig, data, "folder of training shards"),
    CONFIG_TEXT(FIELD_OPTIONAL, "validate", TrainConfig, validate, "folder of validation shards"),
    CONFIG_TEXT(FIELD_REQUIRED, "model", TrainConfig, model, "the model's folder"),
    CONFIG_FLAG(FIELD_OPTIONAL, "install", TrainConfig, install,
                "put the result into the model's folder"),
    CONFIG_INT(FIELD_REQUIRED, "steps", TrainConfig, steps, 1, 1e9, "steps of the optimiser"),
    CONFIG_INT(FIELD_OPTIONAL, "batch", TrainConfig, batch, 1, 4096, "samples at once"),
    CONFIG_INT(FIELD_OPTIONAL, "accumulate", TrainConfig, accumulate, 1, 65536, "batches a step"),
    CONFIG_INT(FIELD_OPTIONAL, "seed", TrainConfig, seed, 0, 9007199254740992.0,
               "of everything random"),
    CONFIG_CHOICE(FIELD_OPTIONAL, "precision", TrainConfig, precision, precisions,
                  "of activations"),
    CONFIG_FLAG(FIELD_OPTIONAL, "recompute", TrainConfig, recompute,
                "compute activations again on the way back"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "learning_rate", TrainConfig, learning_rate, 0, 10, "of AdamW"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "alpha_learning_rate", TrainConfig, alpha_learning_rate, 0, 10,
                  "of the synapse's numbers"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "beta1", TrainConfig, beta1, 0, 0.99999, "of AdamW"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "beta2", TrainConfig, beta2, 0, 0.9999999, "of AdamW"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "eps", TrainConfig, eps, 1e-20, 1, "of AdamW"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "weight_decay", TrainConfig, weight_decay, 0, 1, "of AdamW"),
    CONFIG_INT(FIELD_OPTIONAL, "warmup", TrainConfig, warmup, 0, 1e9,
               "steps in which the rate rises"),
    CONFIG_CHOICE(FIELD_OPTIONAL, "decay", TrainConfig, decay, decays, "of the rate"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "clip", TrainConfig, clip, 0, 1e9,
                  "largest norm of the gradient, 0 for any"),
    CONFIG_NUMBER(FIELD_OPTIONAL, "ema", TrainConfig, ema, 0, 0.9999999,
                  "share that the moving average keeps a step, 0 for none"),
    CONFIG_INT(FIELD_OPTIONAL, "checkpoint_every", TrainConfig, checkpoint_every, 1, 1e9, "steps"),
    CONFIG_INT(FIELD_OPTIONAL, "keep", TrainConfig, keep, 1, 1000, "checkpoints"),
    CONFIG_INT(FIELD_OPTIONAL, "sample_every", TrainConfig, sample_every, 0, 1e9,
               "steps, 0 for no samples"),
    CONFIG_INT(FIELD_OPTIONAL, "validate_every", TrainConfig, validate_every, 1, 1e9, "steps"),
    CONFIG_INT(FIELD_OPTIONAL, "validate_items", TrainConfig, validate_items, 1, 1e9,
               "items that validation looks at"),
};

static bool wrong(const ConfigField *field, const char *wanted, Err *err)
{
    return mel_err(err, ERR_USAGE, "'%s' (%s) is not %s", field->key, field->what, wanted);
}

static bool out_of_range(const ConfigField *field, Err *err)
{
    return mel_err(err, ERR_USAGE, "'%s' (%s) is not from %.15g to %.15g", field->key, field->what,
                   field->least, field->most);
}

static bool fill_choice(const ConfigField *field, const json_t *value, int *into, Err *err)
{
    Str list = {0};
    const char *text = json_string_value(value);
    for (int i = 0; field->choices[i]; i++) {
        if (text && mel_equal(text, field->choices[i])) {
            *into = i;
            mel_str_clear(&list);
            return true;
        }
        mel_str_addf(&list, "%s\"%s\"", i ? " or " : "", field->choices[i]);
    }
    bool ok = wrong(field, mel_str_text(&list), err);
    mel_str_clear(&list);
    return ok;
}

static bool fill_number(const ConfigField *field, const json_t *value, void *into, Err *err)
{
    bool whole = field->type == FIELD_INT;
    if (whole ? !json_is_integer(value) : !json_is_number(value))
        return wrong(field, whole ? "a whole number" : "a number", err);
    double number = json_number_value(value);
    if (!(number >= field->least && number <= field->most)) return out_of_range(field, err);
    if (whole)
        *(int64_t *)into = json_integer_value(value);
    else
        *(double *)into = number;
    return true;
}

static bool fill_field(const ConfigField *field, const json_t *value, void *base, Err *err)
{
    void *into = (char *)base + field->offset;
    switch (field->type) {
    case FIELD_INT:
    case FIELD_NUMBER:
        return fill_number(field, value, into, err);
    case FIELD_FLAG:
        if (!json_is_boolean(value)) return wrong(field, "true or false", err);
        *(bool *)into = json_is_true(value);
        return true;
    case FIELD_TEXT:
        if (!json_is_string(value)) return wrong(field, "a text", err);
        *(const char **)into = json_string_value(value);
        return true;
    case FIELD_CHOICE:
        return fill_choice(field, value, into, err);
    default:
        if (!json_is_object(value)) return wrong(field, "an object", err);
        *(const json_t **)into = value;
        return true;
    }
}

static const ConfigField *find_field(const ConfigTable *tables, size_t count, const char *key,
                                     void **base)
{
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (mel_equal(tables[t].fields[i].key, key)) {
                *base = tables[t].into;
                return &tables[t].fields[i];
            }
    return NULL;
}

static bool unknown_key(const ConfigTable *tables, size_t count, const char *key, Err *err)
{
    const char *nearest = NULL;
    int least = 4;
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            int far = mel_edit_distance(key, tables[t].fields[i].key);
            if (far >= least) continue;
            least = far;
            nearest = tables[t].fields[i].key;
        }
    mel_err(err, ERR_USAGE, "the key '%.60s' is not known", key);
    if (nearest) mel_err_hint(err, "did you mean '%s'?", nearest);
    return false;
}

bool train_config_fill(const json_t *object, const ConfigTable *tables, size_t count, Err *err)
{
    const char *key;
    json_t *value;
    void *base = NULL;
    if (!json_is_object(object)) return mel_err(err, ERR_USAGE, "it is not one JSON object");
    json_object_foreach((json_t *)object, key, value)
    {
        const ConfigField *field = find_field(tables, count, key, &base);
        if (!field) return unknown_key(tables, count, key, err);
        if (!fill_field(field, value, base, err)) return false;
    }
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            const ConfigField *field = &tables[t].fields[i];
            if (field->need == FIELD_REQUIRED && !json_object_get(object, field->key))
                return mel_err(err, ERR_USAGE, "'%s' (%s) is missing", field->key, field->what);
        }
    return true;
}

bool train_config_read(const json_t *object, const ConfigTable *own, TrainConfig *out, Err *err)
{
    *out = (TrainConfig){.batch = 1,
                         .accumulate = 1,
                         .learning_rate = 3e-5,
                         .alpha_learning_rate = 1e-5,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .eps = 1e-8,
                         .weight_decay = 0.01,
                         .decay = DECAY_LINEAR,
                         .clip = 1,
                         .checkpoint_every = 500,
                         .keep = 3,
                         .validate_every = 500,
                         .validate_items = 64};
    const ConfigTable tables[] = {
        {.fields = shared_fields, .count = MEL_COUNT(shared_fields), .into = out},
        *own
    };
    return train_config_fill(object, tables, own->fields ? 2 : 1, err);
}

double train_rate(const TrainConfig *config, int64_t step)
{
    if (step < config->warmup) return (double)(step + 1) / (double)config->warmup;
    double left = (double)(config->steps - step) / (double)(config->steps - config->warmup);
    if (config->decay == DECAY_LINEAR) return left;
    if (config->decay == DECAY_COSINE) return 0.5 - 0.5 * cos(3.14159265358979323846 * left);
    return 1;
}
