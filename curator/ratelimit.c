/* SPDX-License-Identifier: Apache-2.0
 *
 * The state is one line of JSON in one file, rewritten in place under flock(2):
 *
 *     {"ytdlp": {"tokens": 3.5, "at_us": 1700000000000000, "paused_until_us": 0, "why": ""}, …}
 *
 * It is not flushed: what a power cut tears is unreadable, and unreadable means "all spent". */
#include "curator/ratelimit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_BYTES_MAX = 64 << 10, SLICE_US = 100000, TELL_EVERY_US = 1000000, NAP_MIN_US = 1000 };
/* A pause that lies further ahead than this was written by a clock that has since been set back. */
static const int64_t pause_max_us = 7 * 24 * 3600 * (int64_t)1000000;

struct RateLimiter {
    char *path;
    int fd;
    pthread_mutex_t mutex; /* flock does not part threads that share a descriptor */
    RateBucket *buckets;
    size_t count;
};

typedef struct BucketState {
    double tokens;
    int64_t at_us, paused_until_us;
    const char *why; /* borrowed from the JSON */
} BucketState;

static const RateBucket *find_bucket(const RateLimiter *limiter, const char *name, Err *err)
{
    for (size_t i = 0; i < limiter->count; i++)
        if (mel_equal(limiter->buckets[i].name, name)) return &limiter->buckets[i];
    mel_err(err, ERR_USAGE, "there is no rate bucket '%s'", name);
    return NULL;
}

static bool check_bucket(const RateBucket *bucket, Err *err)
{
    if (!mel_name_valid(bucket->name))
        return mel_err(err, ERR_USAGE, "'%s' is not a name for a rate bucket", bucket->name);
    if (!(bucket->capacity >= 1 && bucket->capacity <= 1e9))
        return mel_err(err, ERR_USAGE, "rate bucket '%s' holds no token", bucket->name);
    if (!(bucket->refill_per_hour > 0 && bucket->refill_per_hour <= 1e12))
        return mel_err(err, ERR_USAGE, "rate bucket '%s' is never refilled", bucket->name);
    return true;
}

/* ---- the file, under its lock ---- */

static bool lock(RateLimiter *limiter, Err *err)
{
    pthread_mutex_lock(&limiter->mutex);
    while (flock(limiter->fd, LOCK_EX) != 0) {
        if (errno == EINTR) continue;
        mel_err_errno(err, "cannot lock '%s'", limiter->path);
        pthread_mutex_unlock(&limiter->mutex);
        return false;
    }
    return true;
}

static void unlock(RateLimiter *limiter)
{
    flock(limiter->fd, LOCK_UN);
    pthread_mutex_unlock(&limiter->mutex);
}

/* The state object, NULL when the file holds something else. *fresh_out: it is empty, new. */
static json_t *load(const RateLimiter *limiter, bool *fresh_out)
{
    char *text = mel_alloc(STATE_BYTES_MAX);
    ssize_t n = pread(limiter->fd, text, STATE_BYTES_MAX, 0);
    *fresh_out = n == 0;
    Err ignored = {0};
    json_t *root = NULL;
    if (n > 0 && n < STATE_BYTES_MAX)
        root = mel_json_parse(text, (size_t)n, limiter->path, &ignored);
    free(text);
    if (json_is_object(root)) return root;
    json_decref(root);
    return NULL;
}

static bool save(const RateLimiter *limiter, const json_t *root, Err *err)
{
    char *line = mel_json_line(root);
    size_t n = strlen(line);
    bool ok =
        pwrite(limiter->fd, line, n, 0) == (ssize_t)n && ftruncate(limiter->fd, (off_t)n) == 0;
    if (!ok) mel_err_errno(err, "cannot write '%s'", limiter->path);
    free(line);
    return ok;
}

/* What the file says of a bucket, brought to now. Clocks that jump back refill nothing and end no
 * pause early by more than the longest pause; clocks that jump ahead fill it once at most. */
static BucketState current(const json_t *root, const RateBucket *bucket, int64_t now_us)
{
    const json_t *object = json_object_get(root, bucket->name);
    BucketState state = {
        .tokens = mel_json_f64(object, "tokens", object ? 0 : bucket->capacity),
        .at_us = mel_json_i64(object, "at_us", now_us),
        .paused_until_us = mel_json_i64(object, "paused_until_us", 0),
        .why = mel_json_text(object, "why", ""),
    };
    double elapsed_us = state.at_us < now_us ? (double)now_us - (double)state.at_us : 0;
    state.tokens += elapsed_us * bucket->refill_per_hour / 3.6e9;
    if (!(state.tokens >= 0)) state.tokens = 0;
    if (state.tokens > bucket->capacity) state.tokens = bucket->capacity;
    state.at_us = now_us;
    if (state.paused_until_us > now_us + pause_max_us)
        state.paused_until_us = now_us + pause_max_us;
    if (state.paused_until_us <= now_us) {
        state.paused_until_us = 0;
        state.why = "";
    }
    return state;
}

static void put(json_t *root, const RateBucket *bucket, const BucketState *state)
{
    json_t *object = json_object();
    mel_json_set_f64(object, "tokens", state->tokens);
    mel_json_set_i64(object, "at_us", state->at_us);
    mel_json_set_i64(object, "paused_until_us", state->paused_until_us);
    mel_json_set_text(object, "why", state->why);
    json_object_set_new(root, bucket->name, object);
}

/* An unreadable file may hide that everything was spent a moment ago: every bucket starts empty. */
static json_t *load_or_reset(const RateLimiter *limiter, int64_t now_us)
{
    bool fresh;
    json_t *root = load(limiter, &fresh);
    if (root) return root;
    root = json_object();
    for (size_t i = 0; !fresh && i < limiter->count; i++) {
        BucketState spent = {.at_us = now_us, .why = ""};
        put(root, &limiter->buckets[i], &spent);
    }
    return root;
}

/* ---- the interface ---- */

bool mel_ratelimit_open(const char *path, const RateBucket *buckets, size_t count,
                        RateLimiter **out, Err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!check_bucket(&buckets[i], err)) return false;
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) return mel_err_errno(err, "cannot open rate file '%s'", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return mel_err(err, ERR_IO, "rate file '%s' is not a regular file", path);
    }
    RateLimiter *limiter = mel_alloc(sizeof *limiter);
    *limiter = (RateLimiter){.path = mel_strdup(path), .fd = fd, .count = count};
    pthread_mutex_init(&limiter->mutex, NULL);
    limiter->buckets = mel_alloc((count + 1) * sizeof *buckets);
    for (size_t i = 0; i < count; i++) {
        limiter->buckets[i] = buckets[i];
        limiter->buckets[i].name = mel_strdup(buckets[i].name);
    }
    *out = limiter;
    return true;
}

void mel_ratelimit_close(RateLimiter *limiter)
{
    if (!limiter) return;
    for (size_t i = 0; i < limiter->count; i++)
        free((char *)(uintptr_t)limiter->buckets[i].name);
    free(limiter->buckets);
    pthread_mutex_destroy(&limiter->mutex);
    close(limiter->fd);
    free(limiter->path);
    free(limiter);
}

/* Takes a token if there is one: *wait_us_out 0. Else how long it may take until there is. */
static bool try_take(RateLimiter *limiter, const RateBucket *bucket, int64_t *wait_us_out,
                     bool *paused_out, char why[160], Err *err)
{
    if (!lock(limiter, err)) return false;
    int64_t now_us = mel_wall_us();
    json_t *root = load_or_reset(limiter, now_us);
    BucketState state = current(root, bucket, now_us);
    *paused_out = state.paused_until_us > now_us;
    snprintf(why, 160, "%s", state.why);
    if (*paused_out) {
        *wait_us_out = state.paused_until_us - now_us;
    } else if (state.tokens >= 1) {
        *wait_us_out = 0;
        state.tokens -= 1;
    } else {
        double left_us = (1 - state.tokens) * 3.6e9 / bucket->refill_per_hour;
        *wait_us_out = left_us < NAP_MIN_US ? NAP_MIN_US : (int64_t)left_us + 1;
    }
    put(root, bucket, &state);
    bool ok = save(limiter, root, err);
    json_decref(root);
    unlock(limiter);
    return ok;
}

/* Sleeps, in slices, so that an interruption is seen by every thread. */
static bool nap(int64_t duration_us, Err *err)
{
    int64_t end_us = mel_monotonic_us() + duration_us;
    for (;;) {
        if (mel_interrupted())
            return mel_err_reason(err, ERR_CANCELLED, "interrupted", "interrupted while waiting");
        int64_t left_us = end_us - mel_monotonic_us();
        if (left_us <= 0) return true;
        mel_sleep_us(left_us < SLICE_US ? left_us : SLICE_US);
    }
}

bool mel_ratelimit_take(RateLimiter *limiter, const char *name, int64_t patience_us,
                        RateWaiting *waiting, void *ctx, Err *err)
{
    const RateBucket *bucket = find_bucket(limiter, name, err);
    if (!bucket) return false;
    for (;;) {
        int64_t wait_us;
        bool paused;
        char why[160];
        if (!try_take(limiter, bucket, &wait_us, &paused, why, err)) return false;
        if (wait_us == 0) return true;
        if (paused && wait_us > patience_us) {
            mel_err_reason(err, ERR_LIMIT, "pause.waiting", "'%s' is paused for %lld s more%s%s",
                           name, (long long)((wait_us + 999999) / 1000000), *why ? ": " : "", why);
            return mel_err_hint(err, "run the command again then");
        }
        if (waiting) waiting(ctx, name, wait_us);
        if (!nap(wait_us < TELL_EVERY_US ? wait_us : TELL_EVERY_US, err)) return false;
    }
}

/* Cuts a text to fit, at a character's end; bytes that are not UTF-8 become '?'. */
static void copy_why(char out[160], const char *why)
{
    size_t whole = why ? strlen(why) : 0, n = whole < 160 ? whole : 159;
    while (n < whole && n > 156 && ((unsigned char)why[n] & 0xc0) == 0x80)
        n--;
    snprintf(out, 160, "%.*s", (int)n, why ? why : "");
    if (mel_utf8_valid(out, n)) return;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)out[i] >= 0x80) out[i] = '?';
}

bool mel_ratelimit_pause(RateLimiter *limiter, const char *name, int64_t pause_us, const char *why,
                         Err *err)
{
    const RateBucket *bucket = find_bucket(limiter, name, err);
    if (!bucket || !lock(limiter, err)) return false;
    int64_t now_us = mel_wall_us();
    json_t *root = load_or_reset(limiter, now_us);
    BucketState state = current(root, bucket, now_us);
    char text[160];
    copy_why(text, why);
    if (pause_us < 0) pause_us = 0;
    if (pause_us > pause_max_us) pause_us = pause_max_us;
    if (now_us + pause_us > state.paused_until_us) {
        state.paused_until_us = now_us + pause_us;
        state.why = text;
    }
    put(root, bucket, &state);
    bool ok = save(limiter, root, err);
    json_decref(root);
    unlock(limiter);
    return ok;
}

bool mel_ratelimit_state(RateLimiter *limiter, const char *name, RateState *out, Err *err)
{
    const RateBucket *bucket = find_bucket(limiter, name, err);
    if (!bucket || !lock(limiter, err)) return false;
    int64_t now_us = mel_wall_us();
    json_t *root = load_or_reset(limiter, now_us);
    unlock(limiter);
    BucketState state = current(root, bucket, now_us);
    *out = (RateState){.tokens = state.tokens, .paused_until_wall_us = state.paused_until_us};
    snprintf(out->why, sizeof out->why, "%s", state.why);
    json_decref(root);
    return true;
}
