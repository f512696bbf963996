/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/remote.h"

#include "curator/container.h"
#include "curator/failure.h"
#include "curator/remote_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 64 << 10,     /* fetched at first: as a rule the whole index */
    PROBE_BYTES = 4 << 10,     /* fetched to see that a mirror is still of the same resource */
    JOIN_BYTES = 32 << 10,     /* fetched again rather than asked around */
    READ_AHEAD_BYTES = 4 << 10 /* the least that a small read fetches */
};
static const int64_t default_limit_bytes = (int64_t)4 << 30;
static const int64_t size_max_bytes = (int64_t)1 << 42;

struct RemoteFile {
    HttpClient *client; /* borrowed */
    char *url, *path, *map_path;
    char **headers;
    int fd;
    int64_t limit_bytes, fetched_bytes;
    RemoteMap map;
    bool dirty; /* bytes that the map file does not know yet */
};

/* Gives a file error its word now, as the errno is only in its message. */
static bool name_local(Err *err)
{
    if (!err->reason[0]) snprintf(err->reason, sizeof err->reason, "%s", mel_failure_reason(err));
    return false;
}

/* ---- bytes into the file ---- */

static bool write_at(RemoteFile *file, const void *bytes, size_t n, int64_t offset, Err *err)
{
    const char *p = bytes;
    while (n) {
        ssize_t written = pwrite(file->fd, p, n, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            mel_err_errno(err, "cannot write '%s'", file->path);
            return name_local(err);
        }
        p += written;
        offset += written;
        n -= (size_t)written;
    }
    return true;
}

/* The data first, then the map that speaks of it. */
static bool flush(RemoteFile *file, Err *err)
{
    if (!file->dirty) return true;
    if (fdatasync(file->fd) != 0) {
        mel_err_errno(err, "cannot write '%s'", file->path);
        return name_local(err);
    }
    if (!mel_remote_map_save(file->map_path, &file->map, err)) return name_local(err);
    file->dirty = false;
    return true;
}

/* Forgets everything. The map goes first: no map, no claims. */
static bool start_over(RemoteFile *file, int64_t size, Err *err)
{
    mel_range_set_clear(&file->map.present);
    file->dirty = false;
    bool ok = (unlink(file->map_path) == 0 || errno == ENOENT) && ftruncate(file->fd, 0) == 0 &&
              ftruncate(file->fd, size) == 0;
    if (!ok) {
        mel_err_errno(err, "cannot make '%s' ready", file->path);
        return name_local(err);
    }
    file->map.size = size;
    return true;
}

typedef struct Landing {
    RemoteFile *file;
    int64_t offset, length;
} Landing;

static bool land(void *ctx, const void *bytes, size_t n, Err *err)
{
    Landing *landing = ctx;
    if (!write_at(landing->file, bytes, n, landing->offset + landing->length, err)) return false;
    landing->length += (int64_t)n;
    return true;
}

static bool keep(void *ctx, const void *bytes, size_t n, Err *err)
{
    (void)err;
    mel_str_add_bytes(ctx, bytes, n);
    return true;
}

/* ---- opening ---- */

static char **copy_headers(const char *const *headers)
{
    size_t count = 0;
    while (headers && headers[count])
        count++;
    char **copy = mel_alloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = mel_strdup(headers[i]);
    return copy;
}

static bool open_local(RemoteFile *file, Err *err)
{
    struct stat st;
    file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        mel_err_errno(err, "cannot open '%s'", file->path);
        return name_local(err);
    }
    if (!S_ISREG(st.st_mode))
        return mel_err_reason(err, ERR_IO, "local.io", "'%s' is not a regular file", file->path);
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return mel_err_reason(err, ERR_EXISTS, "local.busy",
                              "'%s' is being fetched by another process", file->path);
    bool known = mel_remote_map_load(file->map_path, &file->map);
    if (known && file->map.size == st.st_size) return true;
    mel_range_set_clear(&file->map.present);
    return start_over(file, 0, err);
}

/* What is on the disk at the front is what the server says stands there. */
static bool same_head(const RemoteFile *file, const Str *head)
{
    int64_t n = (int64_t)head->length;
    if (mel_range_set_gap(&file->map.present, 0, n) < n) return false;
    char *local = mel_alloc(head->length + 1);
    bool same = pread(file->fd, local, head->length, 0) == (ssize_t)n &&
                memcmp(local, head->text, head->length) == 0;
    free(local);
    return same;
}

static bool same_resource(const RemoteFile *file, const HttpResponse *response, const Str *head)
{
    const RemoteMap *map = &file->map;
    return map->present.count && map->size == response->total_size &&
           mel_equal(map->etag, response->etag) &&
           mel_equal(map->last_modified, response->last_modified) && same_head(file, head);
}

static bool get_head(RemoteFile *file, Str *head, HttpResponse *response, Err *err)
{
    HttpRequest request = {.url = file->url,
                           .headers = (const char *const *)file->headers,
                           .length = file->map.present.count ? PROBE_BYTES : HEAD_BYTES,
                           .limit_bytes = file->limit_bytes};
    if (!mel_http_get(file->client, &request, keep, head, response, err)) return false;
    file->fetched_bytes += (int64_t)head->length;
    return true;
}

static void remember(RemoteFile *file, const HttpResponse *response)
{
    memcpy(file->map.etag, response->etag, sizeof file->map.etag);
    memcpy(file->map.last_modified, response->last_modified, sizeof file->map.last_modified);
}

static bool begin_mirror(RemoteFile *file, const Str *head, const HttpResponse *response, Err *err)
{
    if (same_resource(file, response, head)) return true;
    if (response->total_size > size_max_bytes)
        return mel_err_reason(err, ERR_LIMIT, "http.too_large", "'%s' claims %lld bytes",
                              mel_path_base(file->path), (long long)response->total_size);
    if (!start_over(file, response->total_size, err)) return false;
    remember(file, response);
    if (!write_at(file, head->text, head->length, 0, err)) return false;
    mel_range_set_add(&file->map.present, 0, (int64_t)head->length);
    file->dirty = true;
    return flush(file, err);
}

/* For servers that know no ranges: everything in one stream. */
static bool fetch_whole(RemoteFile *file, Err *err)
{
    HttpResponse response;
    Landing landing = {.file = file};
    HttpRequest request = {.url = file->url,
                           .headers = (const char *const *)file->headers,
                           .limit_bytes = file->limit_bytes};
    if (!start_over(file, 0, err)) return false;
    if (!mel_http_get(file->client, &request, land, &landing, &response, err)) return false;
    file->fetched_bytes += landing.length;
    if (landing.length == 0)
        return mel_err_reason(err, ERR_NET, "http.empty", "the server sent no bytes for '%s'",
                              mel_path_base(file->path));
    remember(file, &response);
    file->map.size = landing.length;
    mel_range_set_add(&file->map.present, 0, landing.length);
    file->dirty = true;
    return flush(file, err);
}

static void free_file(RemoteFile *file)
{
    for (size_t i = 0; file->headers[i]; i++)
        free(file->headers[i]);
    free(file->headers);
    free(file->url);
    free(file->path);
    free(file->map_path);
    mel_range_set_clear(&file->map.present);
    if (file->fd >= 0) close(file->fd);
    free(file);
}

static bool open_mirror(RemoteFile *file, Err *err)
{
    Str head = {0};
    HttpResponse response;
    bool ok = open_local(file, err) && get_head(file, &head, &response, err);
    if (ok && response.ranges_honoured && response.total_size > 0)
        ok = begin_mirror(file, &head, &response, err);
    else if (ok && !same_resource(file, &response, &head))
        ok = fetch_whole(file, err);
    mel_str_clear(&head);
    return ok;
}

bool mel_remote_open(HttpClient *client, const char *url, const char *const *headers,
                     const char *path, int64_t limit_bytes, RemoteFile **out, Err *err)
{
    RemoteFile *file = mel_alloc(sizeof *file);
    *file = (RemoteFile){.client = client,
                         .url = mel_strdup(url),
                         .path = mel_strdup(path),
                         .map_path = mel_asprintf("%s.map", path),
                         .headers = copy_headers(headers),
                         .fd = -1,
                         .limit_bytes = limit_bytes > 0 ? limit_bytes : default_limit_bytes};
    if (!open_mirror(file, err)) {
        free_file(file);
        return false;
    }
    *out = file;
    return true;
}

void mel_remote_close(RemoteFile *file)
{
    Err ignored = {0}; /* what cannot be recorded is fetched again */
    if (!file) return;
    (void)!flush(file, &ignored);
    free_file(file);
}

bool mel_remote_discard(RemoteFile *file, Err *err)
{
    bool ok = (unlink(file->map_path) == 0 || errno == ENOENT) &&
              (unlink(file->path) == 0 || errno == ENOENT);
    if (!ok) mel_err_errno(err, "cannot remove '%s'", file->path);
    free_file(file);
    return ok;
}

/* ---- fetching ---- */

static bool over_limit(const RemoteFile *file, int64_t length, Err *err)
{
    if (length <= file->limit_bytes - file->fetched_bytes) return false;
    mel_err_reason(err, ERR_LIMIT, "http.too_large", "'%s' needs more than its limit of %lld bytes",
                   mel_path_base(file->path), (long long)file->limit_bytes);
    return true;
}

static bool changed(RemoteFile *file, Err *err)
{
    Err ignored = {0};
    (void)!start_over(file, file->map.size, &ignored);
    mel_err_reason(err, ERR_NET, "http.changed", "'%s' changed on its server",
                   mel_path_base(file->path));
    return mel_err_hint(err, "fetch it again; it starts over");
}

/* One request. What came before a failure is kept. */
static bool fetch(RemoteFile *file, int64_t offset, int64_t length, Err *err)
{
    HttpResponse response;
    Landing landing = {.file = file, .offset = offset};
    const char *validator = *file->map.etag ? file->map.etag : file->map.last_modified;
    HttpRequest request = {.url = file->url,
                           .headers = (const char *const *)file->headers,
                           .offset = offset,
                           .length = length,
                           .limit_bytes = file->limit_bytes,
                           .if_range = *validator ? validator : NULL};
    if (over_limit(file, length, err)) return false;
    bool ok = mel_http_get(file->client, &request, land, &landing, &response, err);
    file->fetched_bytes += landing.length;
    if ((ok && response.total_size != file->map.size) || mel_equal(err->reason, "http.changed"))
        return changed(file, err);
    mel_range_set_add(&file->map.present, offset, landing.length);
    if (landing.length) file->dirty = true;
    return ok;
}

/* The end of the next request that begins at `gap`: holes with little between them together. */
static int64_t request_end(const RemoteFile *file, int64_t gap, int64_t end)
{
    const RangeSet *present = &file->map.present;
    int64_t most = end - gap > HTTP_CHUNK_BYTES_MAX ? gap + HTTP_CHUNK_BYTES_MAX : end;
    int64_t stop = mel_range_set_next(present, gap, most);
    while (stop < most) {
        int64_t hole = mel_range_set_gap(present, stop, most);
        if (hole == most || hole - stop > JOIN_BYTES) break;
        stop = mel_range_set_next(present, hole, most);
    }
    return stop;
}

static bool fetch_missing(RemoteFile *file, int64_t offset, int64_t end, Err *err)
{
    for (;;) {
        int64_t gap = mel_range_set_gap(&file->map.present, offset, end);
        if (gap >= end) return true;
        int64_t stop = request_end(file, gap, end);
        if (!fetch(file, gap, stop - gap, err)) return false;
        if (mel_range_set_gap(&file->map.present, gap, stop) < stop)
            return mel_err_reason(err, ERR_NET, "http.short", "fewer bytes came than were asked");
        offset = stop;
    }
}

bool mel_remote_need(RemoteFile *file, int64_t offset, int64_t length, Err *err)
{
    if (offset < 0 || length < 0) return mel_err(err, ERR_USAGE, "a range before the file's start");
    if (offset >= file->map.size || length == 0) return true;
    int64_t end = length < file->map.size - offset ? offset + length : file->map.size;
    bool ok = fetch_missing(file, offset, end, err);
    Err second = {0};
    bool flushed = flush(file, ok ? err : &second);
    return ok && flushed;
}

/* The index reader's door: not flushed by each small read. */
static bool read_through(void *ctx, int64_t offset, size_t n, uint8_t *out, Err *err)
{
    RemoteFile *file = ctx;
    int64_t size = file->map.size;
    if (offset < 0 || offset > size || (int64_t)n > size - offset)
        return mel_err_reason(err, ERR_FORMAT, "media.container",
                              "the index points out of the file");
    int64_t end = offset + (int64_t)(n > READ_AHEAD_BYTES ? n : READ_AHEAD_BYTES);
    if (mel_range_set_gap(&file->map.present, offset, offset + (int64_t)n) < offset + (int64_t)n &&
        !fetch_missing(file, offset, end < size ? end : size, err))
        return false;
    if (pread(file->fd, out, n, offset) == (ssize_t)n) return true;
    mel_err_errno(err, "cannot read '%s'", file->path);
    return name_local(err);
}

bool mel_remote_need_span(RemoteFile *file, int64_t start_us, int64_t end_us, Err *err)
{
    ContainerPlan *plan = mel_alloc(sizeof *plan);
    Err second = {0};
    bool ok = mel_container_plan(read_through, file, file->map.size, start_us, end_us, plan, err);
    for (size_t i = 0; ok && i < plan->range_count; i++) {
        int64_t offset = plan->ranges[i].offset;
        ok = fetch_missing(file, offset, offset + plan->ranges[i].length, err);
    }
    bool flushed = flush(file, ok ? err : &second);
    free(plan);
    return ok && flushed;
}

/* ---- questions ---- */

int64_t mel_remote_size(const RemoteFile *file)
{
    return file->map.size;
}

int mel_remote_fd(const RemoteFile *file)
{
    return file->fd;
}

int64_t mel_remote_fetched_bytes(const RemoteFile *file)
{
    return file->fetched_bytes;
}

static int compare_lengths(const void *a, const void *b)
{
    int64_t x = ((const ByteRange *)a)->length, y = ((const ByteRange *)b)->length;
    return (x < y) - (x > y);
}

static int compare_offsets(const void *a, const void *b)
{
    int64_t x = ((const ByteRange *)a)->offset, y = ((const ByteRange *)b)->offset;
    return (x > y) - (x < y);
}

void mel_remote_ranges(const RemoteFile *file, CutInput *out)
{
    const RangeSet *present = &file->map.present;
    *out = (CutInput){.size = file->map.size};
    if (mel_range_set_gap(present, 0, file->map.size) == file->map.size) return; /* all there */
    size_t n = present->count;
    ByteRange *sorted = mel_alloc((n + 1) * sizeof *sorted);
    memcpy(sorted, present->ranges, n * sizeof *sorted);
    if (n > INPUT_RANGES_MAX) { /* the small ones can be asked for again */
        qsort(sorted, n, sizeof *sorted, compare_lengths);
        n = INPUT_RANGES_MAX;
        qsort(sorted, n, sizeof *sorted, compare_offsets);
    }
    memcpy(out->ranges, sorted, n * sizeof *sorted);
    out->range_count = (int32_t)n;
    free(sorted);
}
