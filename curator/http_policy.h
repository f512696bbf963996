/* SPDX-License-Identifier: Apache-2.0
 *
 * The decisions of http.h that need no network: which addresses, which answers, how long to wait.
 * Internal to curator/http*.c and their tests. */
#ifndef MEL_CURATOR_HTTP_POLICY_H
#define MEL_CURATOR_HTTP_POLICY_H

#include "curator/http.h"

#include <sys/socket.h>

/* The policy with its defaults filled in. */
HttpPolicy mel_http_policy_filled(const HttpPolicy *policy);

/* False for loopback, private, link-local, carrier, multicast, documentation and reserved
 * addresses of IPv4 and IPv6, also when they are wrapped (v4-mapped, NAT64, 6to4). */
bool mel_http_address_public(const struct sockaddr *address);

/* True for what is worth another attempt: 408, 429, 500, 502, 503, 504, time-outs and dropped
 * connections. */
bool mel_http_retryable(const char *reason);

/* The wait before attempt n+1: backoff * 2^(n-1), jittered to 50..100 %, at least what the server
 * asked (-1: nothing), at most wait_max_us. */
int64_t mel_http_backoff_us(const HttpPolicy *policy, int attempt, int64_t asked_us, Rng *rng);

/* "bytes 5-9/10", "bytes 5-9/" and "*", "bytes *" and "/10": -1 where a star stands. */
typedef struct ContentRange {
    int64_t first, last, total;
} ContentRange;
bool mel_http_parse_content_range(const char *value, ContentRange *out);

/* An ETag ("x" or W/"x"), as against a date. A strong one may stand in If-Range. */
bool mel_http_is_etag(const char *validator);

/* A URL as messages show it: shortened, without user, query and fragment, which may hold secrets.
 */
enum { HTTP_SHOWN_MAX = 120 };
void mel_http_shown_url(const char *url, char out[HTTP_SHOWN_MAX]);

#endif
