/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/target.h"

#include "trainer/targets/targets.h"

#include <stdlib.h>

static const TargetDef *const targets[] = {
#define TARGET(name) &target_##name,
#include "trainer/targets/targets.def"
#undef TARGET
};

const TargetDef *mel_target_find(const char *name)
{
    for (size_t i = 0; i < MEL_COUNT(targets); i++)
        if (mel_equal(targets[i]->name, name)) return targets[i];
    return NULL;
}

const char *mel_target_names(void)
{
    static char names[256];
    size_t at = 0;
    for (size_t i = 0; i < MEL_COUNT(targets) && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               targets[i]->name);
    return names;
}

bool mel_target_new(const json_t *object, TrainConfig *config, Target **out, Err *err)
{
    const char *name = mel_json_text(object, "target", "");
    const TargetDef *def = mel_target_find(name);
    if (!def) {
        mel_err(err, ERR_USAGE, "'target' (what is trained) is '%.40s'", name);
        mel_err_hint(err, "targets are %s", mel_target_names());
        return false;
    }
    Target *target = mel_alloc(def->size);
    target->def = def;
    target->config = config;
    if (def->defaults) def->defaults(target);
    const ConfigTable own = {.fields = def->fields, .count = def->field_count, .into = target};
    if (train_config_read(object, &own, config, err)) {
        *out = target;
        return true;
    }
    mel_target_free(target);
    return false;
}

bool mel_target_open(Target *target, const Shards *shards, Err *err)
{
    target->shards = shards;
    return target->def->open(target, err);
}

void mel_target_free(Target *target)
{
    if (!target) return;
    target->def->close(target);
    free(target);
}
