/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: fields of a config.json, checked as they are read. */
#ifndef MEL_ENGINE_CONFIG_READER_H
#define MEL_ENGINE_CONFIG_READER_H

#include "engine/nets.h"

/* One object of the file, and the first thing that is wrong with any. */
typedef struct ConfigReader {
    const json_t *object;
    const char *where; /* "text_config" */
    Err *err;
    bool ok;
} ConfigReader;

/* The object under `key`; give its `ok` back to the whole afterwards. */
ConfigReader config_below(const ConfigReader *whole, const char *key);

/* 1 … most; the fallback where the key is absent or null. */
int64_t config_whole(ConfigReader *r, const char *key, int64_t fallback, int64_t most);

/* A list of `count` numbers 1 … 16384; left as it is where the key is absent. */
void config_wholes(ConfigReader *r, const char *key, int *out, int count);

/* How many the list under `key` has, 1 … most; the fallback where it is absent. */
int config_count(ConfigReader *r, const char *key, int fallback, int most);

/* Says once that the key's value is not supported. */
void config_refuse(ConfigReader *r, const char *key, const char *why);

/* transformers' words: hidden_size, num_hidden_layers, … */
TowerConfig config_tower(ConfigReader *r, TowerConfig fallback);

#endif
