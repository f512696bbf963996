/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/http.h"

#include "curator/http_transfer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REDIRECTS_MAX = 5, URL_BYTES_MAX = 16384, HEADERS_MAX = 64, SLICE_US = 20000 };

struct HttpClient {
    HttpPolicy policy; /* filled; its texts are our own copies */
    char *bucket, *user_agent;
    CURLM *multi; /* holds the connections that stay alive */
    CURL *easy;
    Rng jitter;
};

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool mel_http_new(const HttpPolicy *policy, HttpClient **out, Err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Atomic uint64_t clients;
    pthread_once(&once, global_init);
    HttpClient *client = mel_alloc(sizeof *client);
    client->policy = mel_http_policy_filled(policy);
    client->policy.bucket = client->bucket = mel_strdup(client->policy.bucket);
    client->policy.user_agent = client->user_agent = mel_strdup(client->policy.user_agent);
    client->jitter =
        (Rng){.seed = (uint64_t)mel_wall_us(), .stream = (uint64_t)getpid() << 32 | ++clients};
    client->multi = curl_multi_init();
    client->easy = curl_easy_init();
    if (!client->multi || !client->easy) {
        mel_http_free(client);
        return mel_err(err, ERR_NOMEM, "cannot set up libcurl");
    }
    *out = client;
    return true;
}

void mel_http_free(HttpClient *client)
{
    if (!client) return;
    curl_easy_cleanup(client->easy);
    curl_multi_cleanup(client->multi);
    free(client->bucket);
    free(client->user_agent);
    free(client);
}

/* ---- what is asked ---- */

static bool check_url(const char *url, Err *err)
{
    size_t n = strlen(url);
    char shown[HTTP_SHOWN_MAX];
    mel_http_shown_url(url, shown);
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        return mel_err_reason(err, ERR_DENIED, "http.scheme", "'%s' is neither http nor https",
                              shown);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)url[i] <= ' ' || url[i] == 0x7f)
            return mel_err_reason(err, ERR_FORMAT, "http.url",
                                  "'%s' has a blank or control character in it", shown);
    if (n > URL_BYTES_MAX)
        return mel_err_reason(err, ERR_LIMIT, "http.url", "'%s' has more than %d bytes", shown,
                              (int)URL_BYTES_MAX);
    return true;
}

static bool check_request(const HttpRequest *request, const HttpPolicy *policy, Err *err)
{
    if (!check_url(request->url, err)) return false;
    int64_t end;
    if (request->offset < 0 || request->length < 0 ||
        __builtin_add_overflow(request->offset, request->length, &end))
        return mel_err(err, ERR_USAGE, "a range starts or ends outside of any file");
    if (request->length == 0 && request->offset != 0)
        return mel_err(err, ERR_USAGE, "a range needs a length");
    if (request->length > policy->chunk_bytes_max)
        return mel_err(err, ERR_USAGE, "a range of %lld bytes is over the limit of %lld",
                       (long long)request->length, (long long)policy->chunk_bytes_max);
    return true;
}

/* Headers that decide what bytes come, or that would leak something, are never a caller's. */
static bool header_allowed(const char *header)
{
    static const char *const own[] = {
        "Range",   "If-Range",   "Accept-Encoding",   "Host",       "Cookie",
        "TE",      "Connection", "Transfer-Encoding", "Keep-Alive", "Content-Length",
        "Upgrade", "Expect",     "Proxy-Connection",
    };
    size_t name = strcspn(header, ":");
    if (name == 0 || !header[name] || header[strcspn(header, "\r\n")]) return false;
    for (size_t i = 0; i < MEL_COUNT(own); i++)
        if (name == strlen(own[i]) && strncasecmp(header, own[i], name) == 0) return false;
    return true;
}

static struct curl_slist *append(struct curl_slist *list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(list, header);
    MEL_ASSERT(longer);
    return longer;
}

static struct curl_slist *make_headers(const Transfer *t, bool ranged)
{
    struct curl_slist *list = NULL;
    const char *const *given = t->request->headers;
    for (size_t i = 0; given && given[i] && i < HEADERS_MAX; i++)
        if (header_allowed(given[i])) list = append(list, given[i]);
    const char *validator = *t->etag ? t->etag : t->last_modified;
    /* a weak ETag must not be used here (RFC 9110, 13.1.5); answers are compared with it anyway */
    if (!ranged || !*validator || mel_starts_with(validator, "W/")) return list;
    char *line = mel_asprintf("If-Range: %s", validator);
    list = append(list, line);
    free(line);
    return list;
}

/* The range of what is still missing; false when all is asked. */
static bool make_range(const Transfer *t, char text[64])
{
    int64_t first = t->request->offset + t->delivered;
    if (t->request->length > 0)
        snprintf(text, 64, "%lld-%lld", (long long)first,
                 (long long)(t->request->offset + t->request->length - 1));
    else
        snprintf(text, 64, "%lld-", (long long)first);
    return t->request->length > 0 || t->delivered > 0;
}

static void set_safety(CURL *easy, bool https)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

static void set_up(CURL *easy, const Transfer *t, struct curl_slist *headers, const char *range)
{
    const HttpPolicy *policy = t->policy;
    curl_easy_reset(easy);
    set_safety(easy, strncasecmp(t->request->url, "https:", 6) == 0);
    curl_easy_setopt(easy, CURLOPT_URL, t->request->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, policy->user_agent);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_RANGE, range);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)((policy->connect_us + 999) / 1000));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, mel_transfer_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, mel_transfer_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, mel_transfer_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
}

/* ---- attempts ---- */

static bool attempt(HttpClient *client, Transfer *t, Err *err)
{
    const HttpPolicy *policy = &client->policy;
    if (policy->limiter &&
        !mel_ratelimit_take(policy->limiter, policy->bucket, policy->wait_max_us, NULL, NULL, err))
        return false;
    char range[64];
    bool ranged = make_range(t, range);
    struct curl_slist *headers = make_headers(t, ranged);
    set_up(client->easy, t, headers, ranged ? range : NULL);
    bool ok = mel_transfer_attempt(t, client->multi, client->easy, err);
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return ok;
}

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

/* Waits before the next attempt. "Too many requests" concerns everybody: the bucket pauses. */
static bool wait_for_next(HttpClient *client, const Transfer *t, int attempts, Err *err)
{
    const HttpPolicy *policy = &client->policy;
    int64_t asked_us = -1;
    if (t->head.status >= 400)
        asked_us = mel_http_retry_after_us(t->head.retry_after, mel_wall_us());
    int64_t wait_us = mel_http_backoff_us(policy, attempts, asked_us, &client->jitter);
    if (policy->limiter && t->head.status == 429) {
        char why[200];
        snprintf(why, sizeof why, "'%s' answered 429", t->shown);
        if (!mel_ratelimit_pause(policy->limiter, policy->bucket, wait_us, why, err)) return false;
    }
    return nap(wait_us, err);
}

/* The last word on a request whose attempts are used up. */
static void give_up(const Transfer *t, const Err *last, int attempts, Err *err)
{
    bool limited = t->head.status == 429 && mel_equal(last->reason, "http.429");
    mel_err_reason(err, last->code, limited ? "http.rate_limited" : last->reason, "%s",
                   last->message);
    if (*last->hint) mel_err_hint(err, "%s", last->hint);
    if (attempts > 1) mel_err_hint(err, "%d attempts were made; try again later", attempts);
}

static void fill(const HttpClient *client, const Transfer *t, int attempts, HttpResponse *response)
{
    char *url = NULL;
    *response = (HttpResponse){.status = t->head.status,
                               .total_size = t->total,
                               .range_start = t->request->offset,
                               .ranges_honoured = t->ranges_honoured,
                               .attempts = attempts};
    memcpy(response->etag, t->etag, sizeof response->etag);
    memcpy(response->last_modified, t->last_modified, sizeof response->last_modified);
    memcpy(response->content_type, t->head.content_type, sizeof response->content_type);
    curl_easy_getinfo(client->easy, CURLINFO_EFFECTIVE_URL, &url);
    if (url && strlen(url) < sizeof response->final_url)
        snprintf(response->final_url, sizeof response->final_url, "%s", url);
}

bool mel_http_get(HttpClient *client, const HttpRequest *request, HttpSink *sink, void *ctx,
                  HttpResponse *response, Err *err)
{
    Transfer t;
    if (!check_request(request, &client->policy, err)) return false;
    mel_transfer_init(&t, &client->policy, request, sink, ctx);
    for (int attempts = 1;; attempts++) {
        Err problem = {0};
        if (attempt(client, &t, &problem)) {
            if (t.total < 0 && request->length <= 0) t.total = t.delivered;
            fill(client, &t, attempts, response);
            return true;
        }
        if (attempts >= client->policy.attempts || !mel_http_retryable(problem.reason)) {
            give_up(&t, &problem, attempts, err);
            return false;
        }
        if (!wait_for_next(client, &t, attempts, err)) return false;
    }
}
