/* SPDX-License-Identifier: Apache-2.0
 *
 * A small HTTP/1.1 server on the loopback for tests: each path has a script that says how it
 * misbehaves; bytes are counted by path. It ends with http_server_stop, or by itself after two
 * minutes, so that a test that dies leaves nothing running. */
#ifndef MEL_TESTS_HTTP_SERVER_H
#define MEL_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct HttpServer HttpServer;

/* How a path answers; all zero: `bytes` with ranges, ETag and Content-Length as they should be. */
typedef struct HttpRoute {
    const char *path;
    const void *bytes; /* borrowed until the server stops */
    size_t size;
    const char *file;          /* a file in place of bytes */
    const char *content_type;  /* NULL = video/mp4 */
    const char *etag;          /* without quotes; NULL = none */
    const char *etag_later;    /* from the second request on */
    const char *extra_headers; /* whole lines with CRLF */
    const char *location;      /* with a 3xx status */
    const char *raw;           /* sent as it is in place of everything */
    size_t raw_size;           /* 0 = strlen(raw) */
    int status;                /* 0 = 200 or 206 */
    int status_count;          /* only so many requests get `status`; 0 = all */
    bool no_ranges;            /* 200 with everything, whatever was asked */
    bool chunked;              /* chunked transfer coding */
    bool no_length;            /* no Content-Length, the connection's end ends the body */
    bool endless;              /* goes on until the client leaves; implies no_length */
    bool no_content_range;     /* a 206 without it */
    int64_t length_lie;        /* added to Content-Length */
    int64_t range_lie;         /* added to both ends in Content-Range */
    int64_t total_lie;         /* added to the total in Content-Range, from the second request on */
    int64_t send_more;         /* body bytes behind the right ones */
    int64_t cut_after;         /* closes after so many body bytes; 0 = never */
    int cut_count;             /* only in so many requests; 0 = all */
    int64_t stall_after;       /* with stall_ms: body bytes before the pause */
    int stall_ms;              /* pause once */
    int stall_count;           /* only in so many requests; 0 = all */
    int drip_ms;               /* pause after every byte */
    size_t header_bytes;       /* a header line of this length */
} HttpRoute;

HttpServer *http_server_start(void);
void http_server_stop(HttpServer *server);

/* Adds a path, or gives it another script. The texts and bytes are borrowed. */
void http_server_add(HttpServer *server, const HttpRoute *route);

/* "http://127.0.0.1:<port><path>"; lives as long as the process. */
const char *http_server_url(const HttpServer *server, const char *path);
int http_server_port(const HttpServer *server);

/* Counters of a path; "" = all paths. Bytes are body bytes sent, or about to be. */
int http_server_requests(HttpServer *server, const char *path);
int64_t http_server_bytes(HttpServer *server, const char *path);
int64_t http_server_largest_range(HttpServer *server, const char *path);

/* The newest request's head, whole; yours to free. */
char *http_server_last_request(HttpServer *server);

#endif
