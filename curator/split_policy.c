/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/split_policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRATIFY_DEFAULT "genre"

bool mel_split_sides(const char *sides_json, Arena *arena, SplitSides *out, Err *err)
{
    SplitSides sides = {0};
    const char *name;
    json_t *value;
    json_t *object = mel_json_parse(sides_json, strlen(sides_json), "the sides of a split", err);
    bool ok = object != NULL;
    if (ok && (!json_is_object(object) || json_object_size(object) > SPLIT_SIDES_MAX ||
               json_object_size(object) < 1))
        ok = mel_err(err, ERR_FORMAT, "the sides of a split are not an object of 1 to %d sides",
                     SPLIT_SIDES_MAX);
    if (ok) json_object_foreach(object, name, value)
        {
            ok = ok && (json_is_number(value) ||
                        mel_err(err, ERR_FORMAT, "the share of side '%s' is not a number", name));
            sides.names[sides.count] = mel_arena_strdup(arena, name);
            sides.fractions[sides.count++] = json_number_value(value);
        }
    json_decref(object);
    if (ok) *out = sides;
    return ok;
}

static bool check_sides(const SplitSides *sides, Err *err)
{
    double sum = 0;
    if (sides->count < 1 || sides->count > SPLIT_SIDES_MAX)
        return mel_err(err, ERR_USAGE, "a split has 1 to %d sides, not %d", SPLIT_SIDES_MAX,
                       sides->count);
    for (int i = 0; i < sides->count; i++) {
        if (!mel_name_valid(sides->names[i]))
            return mel_err(err, ERR_USAGE, "'%s' is not a name for a side", sides->names[i]) ||
                   mel_err_hint(err, "use 1 to 64 letters, digits, '_' or '-'");
        for (int k = 0; k < i; k++)
            if (mel_equal(sides->names[i], sides->names[k]))
                return mel_err(err, ERR_USAGE, "side '%s' is given twice", sides->names[i]);
        if (!(sides->fractions[i] >= 0 && sides->fractions[i] <= 1))
            return mel_err(err, ERR_USAGE, "the share of side '%s' is not from 0 to 1",
                           sides->names[i]);
        sum += sides->fractions[i];
    }
    if (fabs(sum - 1) > 1e-9)
        return mel_err(err, ERR_USAGE, "the shares of the sides make %.9g, not 1", sum);
    return true;
}

/* Numbers as they will be read again, so that a first run and a later one plan with the same. */
static char *sides_json(const SplitSides *sides)
{
    json_t *object = json_object();
    for (int i = 0; i < sides->count; i++)
        mel_json_set_f64(object, sides->names[i], sides->fractions[i]);
    char *text = mel_json_line(object);
    json_decref(object);
    return text;
}

static bool same_sides(const SplitSides *a, const SplitSides *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same =
            mel_equal(a->names[i], b->names[i]) && fabs(a->fractions[i] - b->fractions[i]) < 1e-12;
    return same;
}

bool mel_policy_from_options(const SplitRunOptions *options, Arena *arena, SplitPolicy *out,
                             Err *err)
{
    static const SplitSides usual = {
        .count = 3, .names = {"train", "val", "test"},
             .fractions = {0.8,     0.1,   0.1   }
    };
    const SplitSides *sides = options->sides.count ? &options->sides : &usual;
    if (!check_sides(sides, err)) return false;
    if (options->per_source_max < 0 || options->per_channel_max < 0)
        return mel_err(err, ERR_USAGE, "a limit per source or channel is below 0");
    char *text = sides_json(sides);
    *out = (SplitPolicy){
        .seed = mel_arena_strdup(arena, options->seed ? options->seed : options->name),
        .condition = mel_arena_strdup(arena, options->where ? options->where : ""),
        .columns =
            mel_arena_strdup(arena, options->stratify ? options->stratify : STRATIFY_DEFAULT),
        .holdout_eval = options->holdout_eval,
        .per_source_max = options->per_source_max,
        .per_channel_max = options->per_channel_max,
    };
    bool ok = mel_split_sides(text, arena, &out->sides, err);
    free(text);
    return ok;
}

bool mel_policy_to_row(const SplitPolicy *policy, const char *name, Arena *arena, SplitRow *row,
                       Err *err)
{
    Str stratify = {0};
    if (strchr(policy->columns, ';'))
        return mel_err(err, ERR_USAGE, "'%s' are not columns to stratify by", policy->columns);
    mel_str_add(&stratify, policy->columns);
    if (policy->holdout_eval) mel_str_add(&stratify, "; holdout-eval");
    if (policy->per_source_max)
        mel_str_addf(&stratify, "; per-source %lld", (long long)policy->per_source_max);
    if (policy->per_channel_max)
        mel_str_addf(&stratify, "; per-channel %lld", (long long)policy->per_channel_max);
    char *sides = sides_json(&policy->sides);
    *row = (SplitRow){.name = name,
                      .seed = policy->seed,
                      .sides_json = mel_arena_strdup(arena, sides),
                      .stratify = mel_arena_strdup(arena, mel_str_text(&stratify)),
                      .condition = policy->condition};
    free(sides);
    mel_str_clear(&stratify);
    return true;
}

bool mel_policy_from_row(const SplitRow *row, Arena *arena, SplitPolicy *out, Err *err)
{
    SplitPolicy policy = {.seed = row->seed, .condition = row->condition};
    char *rest = mel_arena_strdup(arena, row->stratify);
    policy.columns = mel_trim(strsep(&rest, ";"));
    while (rest) {
        char *word = mel_trim(strsep(&rest, ";"));
        bool known = mel_equal(word, "holdout-eval");
        if (known) policy.holdout_eval = true;
        if (mel_starts_with(word, "per-source "))
            known = mel_parse_i64(word + strlen("per-source "), &policy.per_source_max);
        if (mel_starts_with(word, "per-channel "))
            known = mel_parse_i64(word + strlen("per-channel "), &policy.per_channel_max);
        if (!known)
            return mel_err(err, ERR_FORMAT,
                           "split '%s' was made with '%s', which is not known here", row->name,
                           word);
    }
    if (!mel_split_sides(row->sides_json, arena, &policy.sides, err)) return false;
    *out = policy;
    return true;
}

static bool differs(const char *name, const char *what, const char *stored, Err *err)
{
    mel_err(err, ERR_EXISTS, "split '%s' was made with another %s ('%s')", name, what, stored);
    return mel_err_hint(err, "leave it out to let the split grow, or choose another name");
}

bool mel_policy_agrees(const SplitRunOptions *options, const SplitPolicy *stored, Err *err)
{
    const char *name = options->name;
    char limit[24];
    if (options->seed && !mel_equal(options->seed, stored->seed))
        return differs(name, "seed", stored->seed, err);
    if (options->stratify && !mel_equal(options->stratify, stored->columns))
        return differs(name, "stratification", stored->columns, err);
    if (options->where && !mel_equal(options->where, stored->condition))
        return differs(name, "condition", stored->condition, err);
    if (options->holdout_eval && !stored->holdout_eval)
        return differs(name, "hold-out rule", "none", err);
    if (options->per_source_max && options->per_source_max != stored->per_source_max) {
        snprintf(limit, sizeof limit, "%lld", (long long)stored->per_source_max);
        return differs(name, "limit per source", limit, err);
    }
    if (options->per_channel_max && options->per_channel_max != stored->per_channel_max) {
        snprintf(limit, sizeof limit, "%lld", (long long)stored->per_channel_max);
        return differs(name, "limit per channel", limit, err);
    }
    if (!options->sides.count) return true;
    if (!check_sides(&options->sides, err)) return false;
    if (same_sides(&options->sides, &stored->sides)) return true;
    char *sides = sides_json(&stored->sides);
    differs(name, "sides", sides, err);
    free(sides);
    return false;
}
