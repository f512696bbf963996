/* SPDX-License-Identifier: Apache-2.0
 *
 * Which libraries this program was linked with: recorded with every product, shown by mel doctor.
 */
#ifndef MEL_CURATOR_VERSIONS_H
#define MEL_CURATOR_VERSIONS_H

#include "base/base.h"

/* One library of the curator. `version` is the running library's own word, except for turbojpeg,
 * which has none (the version of its headers then, "2" or "3" at least). */
typedef struct ToolVersion {
    const char *name; /* "libavcodec" */
    char version[64];
    const char *use; /* what Melkit does with it */
} ToolVersion;

enum { TOOL_VERSIONS_MAX = 12 };

/* Writes at most TOOL_VERSIONS_MAX rows and returns how many. */
size_t mel_tool_versions(ToolVersion versions[TOOL_VERSIONS_MAX]);

/* The same as one line of JSON: {"melkit": "0.1.0", "libavformat": "59.27.100", …}; keys in a fixed
 * order, no times, no paths. Yours to free. */
char *mel_tool_versions_json(void);

/* libcurl's TLS library, "OpenSSL/3.0.15"; NULL when it has none. Borrowed. */
const char *mel_tls_version(void);

#endif
