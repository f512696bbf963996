/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/config.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char *const decays[] = {"none", "linear", "cosine", NULL};
static const char *const precisions[] = {"f32", "bf16", NULL};

#define AT(member) offsetof(TrainConfig, member)
static const ConfigField shared_fields[] = {
    {.key = "target", .what = "what is trained", .type = FIELD_TEXT, .offset = AT(target),
     .required = true},
    {.key = "data", .what = "folder of training shards", .type = FIELD_TEXT, .offset = AT(data),
     .required = true},
    {.key = "validate", .what = "folder of validation shards", .type = FIELD_TEXT,
     .offset = AT(validate)},
    {.key = "model", .what = "the model's folder", .type = FIELD_TEXT, .offset = AT(model),
     .required = true},
    {.key = "install", .what = "put the result into the model's folder", .type = FIELD_FLAG,
     .offset = AT(install)},
    {.key = "steps", .what = "steps of the optimiser", .type = FIELD_INT, .offset = AT(steps),
     .least = 1, .most = 1e9, .required = true},
    {.key = "batch", .what = "samples at once", .type = FIELD_INT, .offset = AT(batch), .least = 1,
     .most = 4096},
    {.key = "accumulate", .what = "batches a step", .type = FIELD_INT, .offset = AT(accumulate),
     .least = 1, .most = 65536},
    {.key = "seed", .what = "of everything random", .type = FIELD_INT, .offset = AT(seed),
     .least = 0, .most = 9007199254740992.0},
    {.key = "precision", .what = "of activations", .type = FIELD_CHOICE, .offset = AT(precision),
     .choices = precisions},
    {.key = "recompute", .what = "compute activations again on the way back", .type = FIELD_FLAG,
     .offset = AT(recompute)},
    {.key = "learning_rate", .what = "of AdamW", .type = FIELD_NUMBER,
     .offset = AT(learning_rate), .least = 0, .most = 10},
    {.key = "alpha_learning_rate", .what = "of the synapse's numbers", .type = FIELD_NUMBER,
     .offset = AT(alpha_learning_rate), .least = 0, .most = 10},
    {.key = "beta1", .what = "of AdamW", .type = FIELD_NUMBER, .offset = AT(beta1), .least = 0,
     .most = 0.99999},
    {.key = "beta2", .what = "of AdamW", .type = FIELD_NUMBER, .offset = AT(beta2), .least = 0,
     .most = 0.9999999},
    {.key = "eps", .what = "of AdamW", .type = FIELD_NUMBER, .offset = AT(eps), .least = 1e-20,
     .most = 1},
    {.key = "weight_decay", .what = "of AdamW", .type = FIELD_NUMBER, .offset = AT(weight_decay),
     .least = 0, .most = 1},
    {.key = "warmup", .what = "steps in which the rate rises", .type = FIELD_INT,
     .offset = AT(warmup), .least = 0, .most = 1e9},
    {.key = "decay", .what = "of the rate", .type = FIELD_CHOICE, .offset = AT(decay),
     .choices = decays},
    {.key = "clip", .what = "largest norm of the gradient, 0 for any", .type = FIELD_NUMBER,
     .offset = AT(clip), .least = 0, .most = 1e9},
    {.key = "ema", .what = "share that the moving average keeps a step, 0 for none",
     .type = FIELD_NUMBER, .offset = AT(ema), .least = 0, .most = 0.9999999},
    {.key = "checkpoint_every", .what = "steps", .type = FIELD_INT,
     .offset = AT(checkpoint_every), .least = 1, .most = 1e9},
    {.key = "keep", .what = "checkpoints", .type = FIELD_INT, .offset = AT(keep), .least = 1,
     .most = 1000},
    {.key = "validate_every", .what = "steps", .type = FIELD_INT, .offset = AT(validate_every),
     .least = 1, .most = 1e9},
    {.key = "validate_items", .what = "items that validation looks at", .type = FIELD_INT,
     .offset = AT(validate_items), .least = 1, .most = 1e9},
};
#undef AT

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
    json_object_foreach((json_t *)object, key, value) {
        const ConfigField *field = find_field(tables, count, key, &base);
        if (!field) return unknown_key(tables, count, key, err);
        if (!fill_field(field, value, base, err)) return false;
    }
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            const ConfigField *field = &tables[t].fields[i];
            if (field->required && !json_object_get(object, field->key))
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
        {.fields = shared_fields, .count = MEL_COUNT(shared_fields), .into = out}, *own};
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
