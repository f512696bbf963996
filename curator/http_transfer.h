/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt of one GET: what the answer's headers may say, which of its bytes reach the sink,
 * and the watchdogs. Internal to curator/http*.c. */
#ifndef MEL_CURATOR_HTTP_TRANSFER_H
#define MEL_CURATOR_HTTP_TRANSFER_H

#include "curator/http_policy.h"

#include <curl/curl.h>

/* The headers of the newest answer (redirects start it anew). */
typedef struct AnswerHead {
    int status;
    int64_t length; /* Content-Length, -1 = not announced */
    bool has_range, bad_range;
    ContentRange range;
    char etag[128], last_modified[64], content_type[128], retry_after[64], encoding[64];
    size_t bytes; /* of header lines */
} AnswerHead;

/* What is known of the resource over all attempts of one request. */
typedef struct Transfer {
    const HttpPolicy *policy; /* filled */
    const HttpRequest *request;
    HttpSink *sink;
    void *ctx;
    char shown[HTTP_SHOWN_MAX];
    char etag[128], last_modified[64]; /* of the first answer, or the caller's if_range */
    int64_t total;                     /* size of the resource, -1 = not known */
    int64_t wanted;                    /* bytes to deliver, -1 = until the end */
    int64_t delivered;                 /* to the sink, over all attempts */
    bool ranges_honoured;

    /* of the attempt in hand */
    AnswerHead head;
    bool begun;           /* the body's first byte was judged */
    bool refused_address; /* by the socket guard */
    bool finished_early;  /* all wanted bytes are there; the rest is not read */
    int64_t skip;         /* body bytes to drop before the first wanted one */
    int64_t seen;         /* all bytes that came, for the watchdogs */
    Err *err;
} Transfer;

/* Prepares what does not change between attempts. */
void mel_transfer_init(Transfer *transfer, const HttpPolicy *policy, const HttpRequest *request,
                       HttpSink *sink, void *ctx);

/* Runs one attempt on an easy handle whose URL, headers and limits are set. True: every wanted
 * byte was delivered. */
MEL_MUST_CHECK bool mel_transfer_attempt(Transfer *transfer, CURLM *multi, CURL *easy, Err *err);

/* curl_easy_setopt's callbacks with a Transfer as their data. */
size_t mel_transfer_header(char *line, size_t size, size_t count, void *transfer);
size_t mel_transfer_body(char *bytes, size_t size, size_t count, void *transfer);
curl_socket_t mel_transfer_socket(void *transfer, curlsocktype purpose,
                                  struct curl_sockaddr *address);

#endif
