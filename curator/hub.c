/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTING_BYTES_MAX = 16 << 20, FILES_MAX = 20000, PATH_MAX_BYTES = 512 };

/* ---- the listing ---------------------------------------------------------------------------- */

/* Parts of letters, digits and "._-+=@ ", none of which is "." or "..". */
static bool path_safe(const char *path)
{
    size_t n = strlen(path);
    if (n == 0 || n > PATH_MAX_BYTES || path[0] == '/' || path[n - 1] == '/') return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        if (length == 0 || strspn(part, ".") >= length) return false;
    }
    return strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=@/") ==
           n;
}

static bool is_hex(const char *text, size_t digits)
{
    return text && strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static bool add_file(HubListing *listing, const json_t *entry, Err *err)
{
    const char *path = mel_json_text(entry, "path", "");
    const json_t *lfs = json_object_get(entry, "lfs");
    const char *sha256 = mel_json_text(lfs, "oid", NULL);
    const char *git_oid = lfs ? NULL : mel_json_text(entry, "oid", NULL);
    if (!mel_equal(mel_json_text(entry, "type", ""), "file")) return true;
    if (listing->count >= FILES_MAX)
        return mel_err(err, ERR_LIMIT, "the repository has more than %d files", FILES_MAX);
    if (!path_safe(path))
        return mel_err(err, ERR_DENIED, "the repository has a file with the path '%.80s'", path);
    HubFile file = {.path = mel_arena_strdup(&listing->arena, path),
                    .size_bytes = mel_json_i64(entry, "size", -1)};
    if (sha256 && mel_starts_with(sha256, "sha256:")) sha256 += 7;
    if (is_hex(sha256, 64)) memcpy(file.sha256, sha256, 65);
    if (is_hex(git_oid, 40)) memcpy(file.git_oid, git_oid, 41);
    mel_grow(&listing->files, &listing->capacity, listing->count + 1, sizeof *listing->files);
    listing->files[listing->count++] = file;
    return true;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const HubFile *)a)->path, ((const HubFile *)b)->path);
}

static bool read_listing(const Str *text, HubListing *out, Err *err)
{
    HubListing listing = {0};
    bool ok = true;
    json_t *entries = mel_json_parse(mel_str_text(text), text->length, "the listing", err);
    if (!entries) return false;
    if (!json_is_array(entries))
        ok = mel_err(err, ERR_FORMAT, "the listing is not a list of files");
    for (size_t i = 0; ok && i < json_array_size(entries); i++)
        ok = add_file(&listing, json_array_get(entries, i), err);
    json_decref(entries);
    if (ok && listing.count) qsort(listing.files, listing.count, sizeof *listing.files, by_path);
    if (ok)
        *out = listing;
    else
        mel_hub_listing_clear(&listing);
    return ok;
}

void mel_hub_listing_clear(HubListing *listing)
{
    free(listing->files);
    mel_arena_clear(&listing->arena);
    *listing = (HubListing){0};
}

static bool collect(void *ctx, const void *bytes, size_t n, Err *err)
{
    (void)err;
    mel_str_add_bytes(ctx, bytes, n);
    return true;
}

/* The header that an account's token goes into; NULL for none. Yours to free. */
static char *authorization(const char *token)
{
    return token && *token ? mel_asprintf("Authorization: Bearer %s", token) : NULL;
}

/* Without slashes at its end. */
static int endpoint_length(const char *endpoint)
{
    size_t n = strlen(endpoint);
    while (n > 0 && endpoint[n - 1] == '/')
        n--;
    return (int)n;
}

bool mel_hub_list(HttpClient *client, const char *endpoint, const char *repository,
                  const char *token, HubListing *out, Err *err)
{
    Str body = {0};
    HttpResponse response;
    char *url = mel_asprintf("%.*s/api/models/%s/tree/main?recursive=1", endpoint_length(endpoint),
                             endpoint, repository);
    char *header = authorization(token);
    const char *const headers[] = {header, NULL};
    const HttpRequest request = {.url = url, .headers = headers, .limit_bytes = LISTING_BYTES_MAX};
    bool ok = path_safe(repository) ||
              mel_err(err, ERR_USAGE, "'%s' is not the name of a repository", repository);
    ok = ok && mel_http_get(client, &request, collect, &body, &response, err);
    if (!ok && (mel_equal(err->reason, "http.404") || mel_equal(err->reason, "http.401") ||
                mel_equal(err->reason, "http.403"))) {
        mel_err_clear(err);
        mel_err(err, ERR_NOT_FOUND, "%s has no repository '%s', or it is not open to you", endpoint,
                repository);
        mel_err_hint(err,
                     "accept its terms there and set HF_TOKEN, or take a mirror: --repository");
    }
    ok = ok && read_listing(&body, out, err);
    free(header);
    free(url);
    mel_str_clear(&body);
    return ok;
}

char *mel_hub_url(const char *endpoint, const char *repository, const char *path)
{
    return mel_asprintf("%.*s/%s/resolve/main/%s", endpoint_length(endpoint), endpoint, repository,
                        path);
}

/* ---- one file ------------------------------------------------------------------------------- */

/* <target>.part and what is known of the file that it is a part of. */
typedef struct Part {
    char *path, *state_path;
    int fd;
    int64_t have, total;
    char validator[128]; /* "" before the first answer */
    const Progress *progress;
    const char *name;
} Part;

static void part_close(Part *part)
{
    if (part->fd >= 0) close(part->fd);
    free(part->path);
    free(part->state_path);
}

static void read_state(Part *part, const char *url)
{
    Err ignored = {0};
    json_t *state = mel_json_load(part->state_path, 1 << 16, &ignored);
    const char *validator = mel_json_text(state, "validator", "");
    if (mel_equal(mel_json_text(state, "url", ""), url) && strlen(validator) < 128)
        snprintf(part->validator, sizeof part->validator, "%s", validator);
    json_decref(state);
}

static bool write_state(const Part *part, const char *url, Err *err)
{
    json_t *state = json_object();
    mel_json_set_text(state, "url", url);
    mel_json_set_text(state, "validator", part->validator);
    char *text = mel_json_canonical(state);
    bool ok = mel_write_file(part->state_path, text, strlen(text), err);
    free(text);
    json_decref(state);
    return ok;
}

/* Begins anew when nobody knows what the part is of. */
static bool part_open(Part *part, const HubFetch *fetch, Err *err)
{
    struct stat status;
    *part = (Part){.path = mel_asprintf("%s.part", fetch->target),
                   .state_path = mel_asprintf("%s.part.json", fetch->target),
                   .fd = -1,
                   .total = fetch->file.size_bytes,
                   .progress = fetch->progress,
                   .name = fetch->file.path};
    read_state(part, fetch->url);
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
    if (!*part->validator) flags |= O_TRUNC;
    part->fd = open(part->path, flags, 0666);
    if (part->fd < 0 || fstat(part->fd, &status) != 0)
        return mel_err_errno(err, "cannot open '%s'", part->path);
    part->have = status.st_size;
    return true;
}

static bool restart(Part *part, Err *err)
{
    part->have = 0;
    part->validator[0] = '\0';
    return ftruncate(part->fd, 0) == 0 || mel_err_errno(err, "cannot empty '%s'", part->path);
}

static void tell(const Part *part)
{
    mel_progress(part->progress, &(ProgressTick){.what = "MiB",
                                                 .done = part->have >> 20,
                                                 .total = part->total < 0 ? 0 : part->total >> 20,
                                                 .note = part->name});
}

static bool append(void *ctx, const void *bytes, size_t n, Err *err)
{
    Part *part = ctx;
    if (part->total >= 0 && part->have + (int64_t)n > part->total)
        return mel_err_reason(err, ERR_NET, "http.long", "more than the %lld bytes of '%s' came",
                              (long long)part->total, part->name);
    if (mel_interrupted())
        return mel_err_reason(err, ERR_CANCELLED, "interrupted", "interrupted: what came is kept");
    if (!mel_write_fd(part->fd, bytes, n))
        return mel_err_errno(err, "cannot write '%s'", part->path);
    part->have += (int64_t)n;
    tell(part);
    return true;
}

static bool fetch_chunk(HttpClient *client, const HubFetch *fetch, Part *part, Err *err)
{
    char *header = authorization(fetch->token);
    const char *const headers[] = {header, NULL};
    HttpResponse response;
    int64_t left = part->total >= 0 ? part->total - part->have : HUB_CHUNK_BYTES;
    const HttpRequest request = {.url = fetch->url,
                                 .headers = headers,
                                 .offset = part->have,
                                 .length = left < HUB_CHUNK_BYTES ? left : HUB_CHUNK_BYTES,
                                 .if_range = *part->validator ? part->validator : NULL};
    bool ok = mel_http_get(client, &request, append, part, &response, err);
    free(header);
    if (!ok) return false;
    if (part->total < 0) part->total = response.total_size;
    if (*part->validator) return true;
    const char *validator = *response.etag ? response.etag : response.last_modified;
    snprintf(part->validator, sizeof part->validator, "%s", validator);
    return write_state(part, fetch->url, err);
}

/* The validator must be known before the first bytes can be gone on with: the first request is a
 * short one. */
static bool fetch_first(HttpClient *client, const HubFetch *fetch, Part *part, Err *err)
{
    enum { FIRST_BYTES = 64 << 10 };
    int64_t total = part->total;
    if (total < 0 || total > FIRST_BYTES) part->total = FIRST_BYTES;
    HubFetch first = *fetch;
    bool ok = fetch_chunk(client, &first, part, err);
    part->total = total;
    return ok;
}

static bool fetch_rest(HttpClient *client, const HubFetch *fetch, Part *part, Err *err)
{
    bool restarted = false;
    if (part->total >= 0 && part->have > part->total && !restart(part, err)) return false;
    while (part->total < 0 || part->have < part->total) {
        bool fresh = !*part->validator;
        bool ok =
            fresh ? fetch_first(client, fetch, part, err) : fetch_chunk(client, fetch, part, err);
        if (ok) continue;
        bool end = part->total < 0 && mel_equal(err->reason, "http.416");
        if (end) part->total = part->have;
        bool changed = mel_equal(err->reason, "http.changed") && !restarted;
        if (!end && !changed) return false;
        mel_err_clear(err);
        restarted = true;
        if (changed && !restart(part, err)) return false;
    }
    return true;
}

/* Size and hash of what came, against what the listing says. */
static bool check_file(const char *path, const HubFile *wanted, char sha256[SHA256_HEX_SIZE],
                       Err *err)
{
    int64_t size;
    char git_oid[GIT_OID_SIZE] = "";
    if (!mel_sha256_file(path, sha256, &size, err)) return false;
    if (*wanted->git_oid && !mel_git_oid_file(path, git_oid, err)) return false;
    if (wanted->size_bytes >= 0 && size != wanted->size_bytes)
        return mel_err_reason(err, ERR_NET, "http.checksum", "'%s' has %lld bytes, not %lld",
                              wanted->path, (long long)size, (long long)wanted->size_bytes);
    bool same = (!*wanted->sha256 || mel_equal(sha256, wanted->sha256)) &&
                (!*wanted->git_oid || mel_equal(git_oid, wanted->git_oid));
    return same || mel_err_reason(err, ERR_NET, "http.checksum",
                                  "'%s' has another hash than its listing says", wanted->path);
}

static bool make_parent(const char *path, Err *err)
{
    char *folder = mel_path_dir(path);
    bool ok = mel_make_dirs(folder, err);
    free(folder);
    return ok;
}

static bool finish(const HubFetch *fetch, Part *part, char sha256[SHA256_HEX_SIZE], Err *err)
{
    if (!check_file(part->path, &fetch->file, sha256, err)) {
        unlink(part->path); /* it would be as wrong the next time */
        unlink(part->state_path);
        return mel_err_hint(err, "it was thrown away: pull again");
    }
    if (fsync(part->fd) != 0 || rename(part->path, fetch->target) != 0)
        return mel_err_errno(err, "cannot finish '%s'", fetch->target);
    unlink(part->state_path);
    char *folder = mel_path_dir(fetch->target);
    bool ok = mel_fsync_dir(folder, err);
    free(folder);
    return ok;
}

bool mel_hub_fetch(HttpClient *client, const HubFetch *fetch, char sha256[SHA256_HEX_SIZE],
                   Err *err)
{
    Part part;
    Err other = {0};
    bool known = *fetch->file.sha256 || *fetch->file.git_oid;
    if (known && mel_path_exists(fetch->target) &&
        check_file(fetch->target, &fetch->file, sha256, &other))
        return true;
    if (!make_parent(fetch->target, err)) return false;
    bool ok = part_open(&part, fetch, err) && fetch_rest(client, fetch, &part, err) &&
              finish(fetch, &part, sha256, err);
    part_close(&part);
    return ok;
}
