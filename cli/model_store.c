/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/model_store.h"

#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MANIFEST "melkit.json"
enum { MANIFEST_BYTES_MAX = 8 << 20 };

/* ---- pulling -------------------------------------------------------------------------------- */

typedef struct Pull {
    HttpClient *client;
    const ModelEntry *entry;
    const PullOptions *options;
    char *folder;
    json_t *files; /* of the manifest */
    int64_t bytes;
} Pull;

static bool note_file(Pull *pull, const char *path, const char *url, const char *sha256, Err *err)
{
    struct stat status;
    char *target = mel_path_join(pull->folder, path);
    bool ok = stat(target, &status) == 0 || mel_err_errno(err, "cannot look at '%s'", target);
    free(target);
    if (!ok) return false;
    json_t *file = json_object();
    mel_json_set_text(file, "path", path);
    mel_json_set_i64(file, "size_bytes", status.st_size);
    mel_json_set_text(file, "sha256", sha256);
    mel_json_set_text(file, "url", url);
    json_array_append_new(pull->files, file);
    pull->bytes += status.st_size;
    return true;
}

static bool pull_file(Pull *pull, const HubFile *file, const char *url, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    char *target = mel_path_join(pull->folder, file->path);
    const HubFetch fetch = {.url = url,
                            .target = target,
                            .token = pull->options->token,
                            .file = *file,
                            .progress = pull->options->progress};
    bool ok = mel_hub_fetch(pull->client, &fetch, sha256, err) &&
              note_file(pull, file->path, url, sha256, err);
    free(target);
    return ok;
}

static bool pull_listed(Pull *pull, const char *repository, const HubListing *listing, Err *err)
{
    bool *wanted = mel_alloc(listing->count + 1);
    size_t count = model_choose_files(pull->entry, listing, wanted);
    bool ok = count > 0 || mel_err(err, ERR_NOT_FOUND,
                                   "the repository '%s' has no files of a "
                                   "model that is known here",
                                   repository);
    for (size_t i = 0; i < listing->count && ok; i++) {
        if (!wanted[i]) continue;
        char *url = mel_hub_url(pull->options->endpoint, repository, listing->files[i].path);
        ok = pull_file(pull, &listing->files[i], url, err);
        free(url);
    }
    free(wanted);
    return ok;
}

/* The first repository that is there. */
static bool pull_repository(Pull *pull, Err *err)
{
    HubListing listing = {0};
    const json_t *all = pull->entry->repositories;
    const char *own = pull->options->repository, *name = own;
    size_t count = own || !all ? 1 : json_array_size(all);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        if (!own) name = all ? json_string_value(json_array_get(all, i)) : pull->entry->name;
        mel_err_clear(err);
        found = mel_hub_list(pull->client, pull->options->endpoint, name, pull->options->token,
                             &listing, err);
        if (!found && err->code != ERR_NOT_FOUND) return false;
    }
    bool ok = found && pull_listed(pull, name, &listing, err);
    mel_hub_listing_clear(&listing);
    return ok;
}

static bool pull_downloads(Pull *pull, Err *err)
{
    bool ok = true;
    for (size_t i = 0; i < json_array_size(pull->entry->downloads) && ok; i++) {
        const json_t *one = json_array_get(pull->entry->downloads, i);
        const json_t *urls = json_object_get(one, "urls");
        const HubFile file = {.path = mel_json_text(one, "path", ""), .size_bytes = -1};
        ok = false;
        for (size_t u = 0; u < json_array_size(urls) && !ok; u++) {
            mel_err_clear(err);
            ok = pull_file(pull, &file, json_string_value(json_array_get(urls, u)), err);
            if (err->code == ERR_CANCELLED) break;
        }
    }
    return ok;
}

static bool write_config(const Pull *pull, Err *err)
{
    if (!pull->entry->config) return true;
    char *path = mel_path_join(pull->folder, "config.json");
    char *text = mel_json_canonical(pull->entry->config);
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(path);
    free(text);
    return ok;
}

static bool write_manifest(const Pull *pull, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    json_t *manifest = json_object();
    mel_json_set_text(manifest, "name", pull->entry->name);
    mel_json_set_text(manifest, "license", pull->entry->license);
    mel_json_set_text(manifest, "pulled_at", now);
    json_object_set(manifest, "files", pull->files);
    char *path = mel_path_join(pull->folder, MANIFEST);
    char *text = json_dumps(manifest, JSON_INDENT(2));
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(path);
    free(text);
    json_decref(manifest);
    return ok;
}

bool model_pull(HttpClient *client, const ModelEntry *entry, const char *home,
                const PullOptions *options, int64_t *files, int64_t *bytes, Err *err)
{
    Pull pull = {.client = client,
                 .entry = entry,
                 .options = options,
                 .folder = mel_path_join(home, entry->name),
                 .files = json_array()};
    bool ok = mel_make_dirs(pull.folder, err) &&
              (entry->downloads ? pull_downloads(&pull, err) : pull_repository(&pull, err)) &&
              write_config(&pull, err) && write_manifest(&pull, err);
    *files = (int64_t)json_array_size(pull.files);
    *bytes = pull.bytes;
    json_decref(pull.files);
    free(pull.folder);
    return ok;
}

/* ---- what is there -------------------------------------------------------------------------- */

static json_t *load_manifest(const char *folder)
{
    Err ignored = {0};
    char *path = mel_path_join(folder, MANIFEST);
    json_t *manifest = mel_json_load(path, MANIFEST_BYTES_MAX, &ignored);
    free(path);
    return manifest;
}

static bool has_size(const char *folder, const json_t *file)
{
    struct stat status;
    char *path = mel_path_join(folder, mel_json_text(file, "path", ""));
    bool same = stat(path, &status) == 0 && status.st_size == mel_json_i64(file, "size_bytes", -1);
    free(path);
    return same;
}

static bool note_part(void *ctx, const char *relative, Err *err)
{
    (void)err;
    if (mel_ends_with(relative, ".part")) *(bool *)ctx = true;
    return true;
}

ModelState model_state(const char *folder, int64_t *bytes)
{
    Err ignored = {0};
    bool part = false, whole = true;
    *bytes = 0;
    if (!mel_path_is_dir(folder)) return MODEL_ABSENT;
    json_t *manifest = load_manifest(folder);
    if (!mel_walk(folder, note_part, &part, &ignored)) part = true;
    if (!manifest) return part ? MODEL_PARTIAL : MODEL_OWN;
    const json_t *files = json_object_get(manifest, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        whole = whole && has_size(folder, file);
        *bytes += mel_json_i64(file, "size_bytes", 0);
    }
    json_decref(manifest);
    return whole ? MODEL_PRESENT : MODEL_PARTIAL;
}

/* ---- verifying ------------------------------------------------------------------------------ */

static bool verify_file(const char *folder, const json_t *file, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    int64_t size;
    const char *name = mel_json_text(file, "path", "");
    char *path = mel_path_join(folder, name);
    bool ok = mel_sha256_file(path, sha256, &size, err);
    if (ok && !mel_equal(sha256, mel_json_text(file, "sha256", "")))
        ok = mel_err(err, ERR_FORMAT, "'%s' has changed since it was pulled", path);
    free(path);
    return ok;
}

static bool verify_files(const char *folder, const json_t *files, const Progress *progress,
                         int64_t *bytes, Err *err)
{
    bool ok = true;
    for (size_t i = 0; i < json_array_size(files) && ok; i++) {
        const json_t *file = json_array_get(files, i);
        mel_progress(progress, &(ProgressTick){.what = "verify",
                                               .done = (int64_t)i,
                                               .total = (int64_t)json_array_size(files),
                                               .note = mel_json_text(file, "path", "")});
        ok = verify_file(folder, file, err);
        *bytes += mel_json_i64(file, "size_bytes", 0);
    }
    return ok;
}

static bool is_weights_file(const char *path)
{
    static const char *const ends[] = {".safetensors", ".bin", ".pth", ".ckpt"};
    for (size_t i = 0; i < MEL_COUNT(ends); i++)
        if (mel_ends_with(path, ends[i])) return true;
    return false;
}

/* Weights must open as a checkpoint; towers must be whole and nothing else. */
static bool verify_weights(const char *folder, const json_t *files, Err *err)
{
    bool ok = true;
    for (size_t i = 0; i < json_array_size(files) && ok; i++) {
        const char *name = mel_json_text(json_array_get(files, i), "path", "");
        if (!is_weights_file(name)) continue;
        Checkpoint *checkpoint = NULL;
        char *path = mel_path_join(folder, name);
        ok = mel_checkpoint_open(path, &checkpoint, err);
        mel_checkpoint_close(checkpoint);
        free(path);
    }
    return ok;
}

static bool verify_towers(const char *folder, Err *err)
{
    Towers *towers = NULL;
    char *path = mel_path_join(folder, "config.json");
    json_t *config = mel_path_exists(path) ? mel_json_load(path, 1 << 20, err) : NULL;
    const char *type = mel_json_text(config, "model_type", "");
    bool is_towers =
        mel_equal(type, "clip") || mel_equal(type, "clap") || mel_equal(type, "melkit_sound_tower");
    bool ok =
        !mel_err_is_set(err) && (!is_towers || mel_towers_open(folder, DTYPE_F32, &towers, err));
    mel_towers_close(towers);
    json_decref(config);
    free(path);
    return ok;
}

bool model_verify(const char *folder, const Progress *progress, int64_t *files, int64_t *bytes,
                  Err *err)
{
    json_t *manifest = load_manifest(folder);
    const json_t *list = json_object_get(manifest, "files");
    *files = (int64_t)json_array_size(list);
    *bytes = 0;
    bool ok = verify_files(folder, list, progress, bytes, err) &&
              verify_weights(folder, list, err) && verify_towers(folder, err);
    json_decref(manifest);
    return ok;
}
