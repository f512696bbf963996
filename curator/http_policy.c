/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/http_policy.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

#define MEL_USER_AGENT "melkit/" MEL_VERSION

HttpPolicy mel_http_policy_filled(const HttpPolicy *policy)
{
    static const int64_t second_us = 1000000;
    HttpPolicy p = policy ? *policy : (HttpPolicy){0};
    if (p.attempts <= 0) p.attempts = 5;
    if (p.backoff_us <= 0) p.backoff_us = second_us;
    if (p.wait_max_us <= 0) p.wait_max_us = 600 * second_us;
    if (p.connect_us <= 0) p.connect_us = 15 * second_us;
    if (p.stall_us <= 0) p.stall_us = 30 * second_us;
    if (p.chunk_bytes_max <= 0) p.chunk_bytes_max = HTTP_CHUNK_BYTES_MAX;
    if (p.request_us <= 0) p.request_us = 600 * second_us;
    if (p.speed_min_bytes_s <= 0) p.speed_min_bytes_s = 1024;
    if (!p.bucket) p.bucket = "http";
    if (!p.user_agent) p.user_agent = MEL_USER_AGENT;
    return p;
}

/* ---- addresses ---- */

static bool v4_public(uint32_t address)
{
    /* IANA's special-purpose registry (RFC 6890 and its updates), multicast, and class E */
    static const struct {
        uint32_t network;
        int bits;
    } closed[] = {
        {0x00000000, 8 },
        {0x0a000000, 8 },
        {0x64400000, 10},
        {0x7f000000, 8 },
        {0xa9fe0000, 16},
        {0xac100000, 12},
        {0xc0000000, 24},
        {0xc0000200, 24},
        {0xc0586300, 24},
        {0xc0a80000, 16},
        {0xc6120000, 15},
        {0xc6336400, 24},
        {0xcb007100, 24},
        {0xe0000000, 4 },
        {0xf0000000, 4 },
    };
    for (size_t i = 0; i < MEL_COUNT(closed); i++)
        if (((address ^ closed[i].network) >> (32 - closed[i].bits)) == 0) return false;
    return true;
}

static uint32_t v4_inside(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool v6_public(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
        return v4_public(v4_inside(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02) return v4_public(v4_inside(a + 2)); /* 6to4 */
    if ((a[0] & 0xe0) != 0x20) return false;                              /* not 2000::/3 */
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02)
        return false; /* 2001::/23, Teredo and others */
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return false;
    return !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10); /* 3fff::/20, documentation */
}

bool mel_http_address_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return v4_public(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return v6_public(v6.sin6_addr.s6_addr);
    }
    return false;
}

/* ---- retries ---- */

bool mel_http_retryable(const char *reason)
{
    static const char *const again[] = {
        "http.408", "http.429",     "http.500",     "http.502",  "http.503",
        "http.504", "http.timeout", "http.stalled", "http.slow", "http.short",
    };
    for (size_t i = 0; i < MEL_COUNT(again); i++)
        if (mel_equal(reason, again[i])) return true;
    return false;
}

int64_t mel_http_backoff_us(const HttpPolicy *policy, int attempt, int64_t asked_us, Rng *rng)
{
    double wait_us = (double)policy->backoff_us;
    for (int i = 1; i < attempt && wait_us < (double)policy->wait_max_us; i++)
        wait_us *= 2;
    wait_us *= mel_rng_range(rng, 0.5, 1);
    if ((double)asked_us > wait_us) wait_us = (double)asked_us;
    return wait_us < (double)policy->wait_max_us ? (int64_t)wait_us : policy->wait_max_us;
}

int64_t mel_http_retry_after_us(const char *value, int64_t now_us)
{
    static const int64_t seconds_max = INT64_MAX / 1000000;
    int64_t seconds;
    if (!value) return -1;
    if (mel_parse_i64(value, &seconds)) {
        if (seconds < 0) return -1;
        return (seconds < seconds_max ? seconds : seconds_max) * 1000000;
    }
    if (!strpbrk(value, ":")) return -1; /* curl_getdate takes bare numbers for dates */
    time_t when = curl_getdate(value, NULL);
    if (when < 0) return -1;
    int64_t wait_us = (int64_t)when * 1000000 - now_us;
    return wait_us > 0 ? wait_us : 0;
}

/* ---- texts ---- */

/* Digits only; moves *p behind them. */
static bool scan_number(const char **p, int64_t *out)
{
    int64_t value = 0;
    const char *start = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **p - '0', &value))
            return false;
    *out = value;
    return *p > start;
}

static bool scan_star(const char **p, int64_t *out)
{
    if (**p != '*') return false;
    (*p)++;
    *out = -1;
    return true;
}

bool mel_http_parse_content_range(const char *value, ContentRange *out)
{
    ContentRange range = {-1, -1, -1};
    const char *p = value + strspn(value, " \t");
    if (strncasecmp(p, "bytes", 5) != 0) return false;
    p += 5;
    p += strspn(p, " \t=");
    if (!scan_star(&p, &range.first)) {
        if (!scan_number(&p, &range.first) || *p++ != '-') return false;
        if (!scan_number(&p, &range.last) || range.last < range.first) return false;
        if (range.last == INT64_MAX) return false;
    }
    if (*p++ != '/') return false;
    if (!scan_star(&p, &range.total) && !scan_number(&p, &range.total)) return false;
    if (p[strspn(p, " \t\r\n")]) return false;
    if (range.total >= 0 && range.last >= range.total) return false;
    *out = range;
    return true;
}

bool mel_http_is_etag(const char *validator)
{
    return validator[0] == '"' || mel_starts_with(validator, "W/\"");
}

void mel_http_shown_url(const char *url, char out[HTTP_SHOWN_MAX])
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    const char *shown = at ? at + 1 : host;
    size_t n = strcspn(shown, "?#");
    snprintf(out, HTTP_SHOWN_MAX, "%.*s%.*s%s", (int)(host - url), url, n > 90 ? 90 : (int)n, shown,
             n > 90 ? "..." : "");
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
}
