/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/versions.h"

#include <curl/curl.h>
#include <ebur128.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <sndfile.h>
#include <stdlib.h>
#include <turbojpeg.h>
#if __has_include(<jconfig.h>)
#include <jconfig.h>
#endif

#define QUOTE_TOKENS(tokens) #tokens
#define QUOTE(macro) QUOTE_TOKENS(macro)

static void add(ToolVersion *versions, size_t *count, const char *name, const char *version,
                const char *use)
{
    MEL_ASSERT(*count < TOOL_VERSIONS_MAX);
    ToolVersion *row = &versions[(*count)++];
    row->name = name;
    row->use = use;
    snprintf(row->version, sizeof row->version, "%s", version);
}

static void add_av(ToolVersion *versions, size_t *count, const char *name, unsigned version,
                   const char *use)
{
    char text[40];
    snprintf(text, sizeof text, "%u.%u.%u", AV_VERSION_MAJOR(version), AV_VERSION_MINOR(version),
             AV_VERSION_MICRO(version));
    add(versions, count, name, text, use);
}

static const char *turbojpeg_version(void)
{
#if defined(LIBJPEG_TURBO_VERSION)
    return QUOTE(LIBJPEG_TURBO_VERSION);
#elif defined(TJ_NUMINIT)
    return "3";
#else
    return "2";
#endif
}

size_t mel_tool_versions(ToolVersion versions[TOOL_VERSIONS_MAX])
{
    size_t count = 0;
    add_av(versions, &count, "libavformat", avformat_version(), "opens containers");
    add_av(versions, &count, "libavcodec", avcodec_version(), "decodes sound and picture");
    add_av(versions, &count, "libavutil", avutil_version(), "frames and times");
    add_av(versions, &count, "libswscale", swscale_version(), "scales and converts pictures");
    add_av(versions, &count, "libswresample", swresample_version(), "converts sample formats");
    char text[128];
    sf_command(NULL, SFC_GET_LIB_VERSION, text, sizeof text);
    add(versions, &count, "libsndfile", mel_starts_with(text, "libsndfile-") ? text + 11 : text,
        "writes and reads FLAC");
    add(versions, &count, "turbojpeg", turbojpeg_version(), "writes and reads stills");
    add(versions, &count, "libcurl", curl_version_info(CURLVERSION_NOW)->version,
        "fetches byte ranges over HTTP");
    int major, minor, patch;
    ebur128_get_version(&major, &minor, &patch);
    snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
    add(versions, &count, "libebur128", text, "measures loudness and true peak");
    return count;
}

char *mel_tool_versions_json(void)
{
    ToolVersion versions[TOOL_VERSIONS_MAX];
    size_t count = mel_tool_versions(versions);
    json_t *object = json_object();
    mel_json_set_text(object, "melkit", MEL_VERSION);
    for (size_t i = 0; i < count; i++)
        mel_json_set_text(object, versions[i].name, versions[i].version);
    char *line = mel_json_line(object);
    json_decref(object);
    return line;
}

const char *mel_tls_version(void)
{
    const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;
    return tls && *tls ? tls : NULL;
}
