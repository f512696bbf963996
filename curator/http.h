/* SPDX-License-Identifier: Apache-2.0
 *
 * Polite, suspicious HTTP over libcurl: http and https only, at most 5 redirects, private addresses
 * refused unless allowed, bytes counted as they arrive, watchdogs on everything, retries only where
 * they make sense (408, 429, 500, 502, 503, 504, time-outs, dropped connections) with back-off and
 * Retry-After. A redirect from https to http is refused. No cookies, no .netrc, no compression, and
 * no proxy: *_proxy variables are not read, as a proxy would hide which address is spoken to. */
#ifndef MEL_CURATOR_HTTP_H
#define MEL_CURATOR_HTTP_H

#include "base/base.h"
#include "curator/ratelimit.h"

enum { HTTP_CHUNK_BYTES_MAX = 10 << 20 }; /* no request for a range asks for more by default */

typedef struct HttpPolicy {
    bool allow_private;        /* loopback and private networks (tests, a lab's own server) */
    int attempts;              /* per request; 0 = 5 */
    int64_t backoff_us;        /* first wait, doubled each time; 0 = 1 s */
    int64_t wait_max_us;       /* longest single wait, also for Retry-After; 0 = 10 min */
    int64_t connect_us;        /* 0 = 15 s */
    int64_t stall_us;          /* no byte for so long ends an attempt; 0 = 30 s */
    int64_t request_us;        /* one attempt, whole; 0 = 10 min */
    int64_t chunk_bytes_max;   /* the longest range of a request; 0 = HTTP_CHUNK_BYTES_MAX */
    int64_t speed_min_bytes_s; /* slower than this over stall_us ends an attempt; 0 = 1024 */
    RateLimiter *limiter;      /* borrowed; NULL = none */
    const char *bucket;        /* its bucket, NULL = "http" */
    const char *user_agent;    /* NULL = "melkit/<version>" */
} HttpPolicy;

typedef struct HttpClient HttpClient; /* one per thread; keeps connections alive */

MEL_MUST_CHECK bool mel_http_new(const HttpPolicy *policy, HttpClient **out, Err *err);
void mel_http_free(HttpClient *client);

typedef struct HttpResponse {
    int status;           /* of the last answer */
    int64_t total_size;   /* of the whole resource (Content-Range or Content-Length), or -1 */
    int64_t range_start;  /* where the body lies in the resource */
    bool ranges_honoured; /* 206 with the range that was asked; false: 200, and the sink got
                             the asked part cut out of the whole */
    char etag[128];
    char last_modified[64];
    char content_type[128];
    char final_url[2048]; /* behind redirects; "" when it is longer */
    int attempts;
} HttpResponse;

/* Called with body bytes in order. Returning false ends the transfer (ERR_CANCELLED unless err is
 * set). After a retry it starts again at the first byte not yet delivered. */
typedef bool HttpSink(void *ctx, const void *bytes, size_t n, Err *err);

typedef struct HttpRequest {
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    int64_t offset, length;     /* range; length 0 = the whole resource, no Range header */
    int64_t limit_bytes;        /* cap for a whole-resource request; 0 = 4 GiB */
    const char *if_range;       /* ETag or Last-Modified of before: a changed resource is
                                   http.changed, never mixed bytes */
} HttpRequest;

/* One GET. `response` is written on success. Reasons: http.404 (and every 4xx/5xx by number),
 * http.redirects, http.scheme, http.private, http.timeout, http.stalled, http.slow, http.dns,
 * http.connect, http.tls, http.short, http.long, http.range, http.changed, http.too_large,
 * http.rate_limited, http.url, http.encoding, http.headers, http.empty, http.protocol;
 * pause.waiting, interrupted. Headers that are this module's own (Range, Host, Cookie,
 * Accept-Encoding, …) are left out of the caller's. */
MEL_MUST_CHECK bool mel_http_get(HttpClient *client, const HttpRequest *request, HttpSink *sink,
                                 void *ctx, HttpResponse *response, Err *err);

/* Seconds or an HTTP date, as microseconds to wait from now_us; -1 when unreadable. */
int64_t mel_http_retry_after_us(const char *value, int64_t now_us);

#endif
