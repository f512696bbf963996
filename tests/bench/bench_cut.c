/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast is a cut? Against the ffmpeg program making the same products, and against the least
 * that is possible: decoding the same span and encoding the preview.
 *
 *     bench-cut [ROUNDS]
 *
 * The products of a clip of 10 s, 13.217 s into a file with a key picture every 5 s: FLAC, four
 * stills at full size, an MJPEG preview, loudness and true peak (EBU R128), silence. ffmpeg makes
 * fewer measures and no fingerprints; it is timed as one command with all outputs and as the
 * separate commands that a script would run. Rounds alternate and begin with another way each, so
 * that none is always measured after the heaviest. Medians of the time on the wall are shown and
 * judged; processor time is shown beside, because it says more on a machine that others use too
 * (the confined child's is not known here). */
#include "curator/jail.h"

#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { ROUNDS_DEFAULT = 7, ROUNDS_MAX = 101, STILLS = 4, PREVIEW_HEIGHT = 240, THREADS = 2 };
static const double START_S = 13.217, DURATION_S = 10, LEAST_TIMES_WANTED = 1.3;

typedef enum Way { OURS, CONFINED, ONE_THREAD, LEAST, ONE_COMMAND, COMMANDS, WAYS } Way;

static const char *const way_names[WAYS] = {
    [OURS] = "mel_cut, 2 threads",         [CONFINED] = "mel_jail_cut, 2 threads",
    [ONE_THREAD] = "mel_cut, 1 thread",    [LEAST] = "bare decode and preview, 2 threads",
    [ONE_COMMAND] = "ffmpeg, one command", [COMMANDS] = "ffmpeg, a command per product",
};

typedef struct Bench {
    const char *folder, *source;
    Jail *jail;
} Bench;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "bench-cut: failed: %s\n", what);
    exit(1);
}

static void shell(const char *format, ...) MEL_PRINTF(1, 2);
static void shell(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0) give_up(command);
}

/* ---- ours ---------------------------------------------------------------------------------------
 */

static int64_t time_ours(const Bench *bench, Jail *jail, int threads)
{
    CutRequest request = {.start_us = (int64_t)(START_S * 1e6),
                          .duration_us = (int64_t)(DURATION_S * 1e6),
                          .still_count = STILLS,
                          .still_at_us = -1,
                          .preview_height = PREVIEW_HEIGHT,
                          .threads = threads,
                          .want_audio = 1,
                          .want_picture = 1};
    CutFiles files = {
        .inputs = {open(bench->source, O_RDONLY | O_CLOEXEC), -1},
        .audio = memfd_create("audio", MFD_CLOEXEC),
        .preview = memfd_create("preview", MFD_CLOEXEC)
    };
    for (int i = 0; i < STILLS_MAX; i++)
        files.stills[i] = i < STILLS ? memfd_create("still", MFD_CLOEXEC) : -1;
    CutResult result;
    Err err = {0};
    int64_t begin = mel_monotonic_us();
    bool ok = jail ? mel_jail_cut(jail, &request, &files, &result, &err)
                   : mel_cut(&request, &files, &result, &err);
    int64_t took_us = mel_monotonic_us() - begin;
    if (!ok) give_up(err.message);
    if (result.audio_samples != 480000 || result.preview_frames != 250 ||
        result.still_count != STILLS)
        give_up("the cut is not what was asked for");
    close(files.inputs[0]);
    close(files.audio);
    close(files.preview);
    for (int i = 0; i < STILLS; i++)
        close(files.stills[i]);
    return took_us;
}

/* ---- the program's ------------------------------------------------------------------------------
 */

#define FILTERS "ebur128=peak=true,silencedetect=noise=-60dB:d=0.05"
#define PICK "-vf \"select='not(mod(n\\,62))'\" -vsync 0"

static int64_t time_one_command(const Bench *bench)
{
    int64_t begin = mel_monotonic_us();
    shell("cd %s && ffmpeg -nostdin -v error -y -ss %g -t %g -i %s -map 0:a -af " FILTERS
          " -c:a flac one.flac -map 0:v -vf scale=-2:%d -c:v mjpeg -q:v 4 one.mkv"
          " -map 0:v " PICK " -frames:v %d -q:v 2 one%%d.jpg 2>one.log",
          bench->folder, START_S, DURATION_S, bench->source, PREVIEW_HEIGHT, STILLS);
    return mel_monotonic_us() - begin;
}

static int64_t time_commands(const Bench *bench)
{
    char head[1024];
    snprintf(head, sizeof head, "cd %s && ffmpeg -nostdin -v error -y -ss %g -t %g -i %s",
             bench->folder, START_S, DURATION_S, bench->source);
    int64_t begin = mel_monotonic_us();
    shell("%s -vn -c:a flac many.flac", head);
    shell("%s -an -vf scale=-2:%d -c:v mjpeg -q:v 4 many.mkv", head, PREVIEW_HEIGHT);
    shell("%s -an " PICK " -frames:v %d -q:v 2 many%%d.jpg", head, STILLS);
    shell("cd %s && ffmpeg -nostdin -v error -i many.flac -af " FILTERS " -f null - 2>many.log",
          bench->folder);
    return mel_monotonic_us() - begin;
}

/* ---- the least ----------------------------------------------------------------------------------
 */

typedef struct Least {
    struct SwsContext *sws;
    tjhandle jpeg;
    uint8_t *planes[3], *bytes;
    int stride[3], width;
    int frames;
} Least;

static void encode_preview(Least *least, const AVFrame *frame)
{
    unsigned long length = tjBufSize(least->width, PREVIEW_HEIGHT, TJSAMP_420);
    const uint8_t *const *data = (const uint8_t *const *)least->planes;
    const int *stride = least->stride;
    if (frame->height == PREVIEW_HEIGHT) {
        data = (const uint8_t *const *)frame->data;
        stride = frame->linesize;
    } else
        sws_scale(least->sws, (const uint8_t *const *)frame->data, frame->linesize, 0,
                  frame->height, least->planes, least->stride);
    const unsigned char *sources[3] = {data[0], data[1], data[2]};
    if (tjCompressFromYUVPlanes(least->jpeg, sources, least->width, stride, PREVIEW_HEIGHT,
                                TJSAMP_420, &least->bytes, &length, 80,
                                TJFLAG_NOREALLOC | TJFLAG_FASTDCT) != 0)
        give_up("a JPEG");
    least->frames++;
}

static void prepare(Least *least, const AVCodecContext *decoder)
{
    least->width = (decoder->width * PREVIEW_HEIGHT / decoder->height + 1) / 2 * 2;
    least->sws =
        sws_getContext(decoder->width, decoder->height, AV_PIX_FMT_YUV420P, least->width,
                       PREVIEW_HEIGHT, AV_PIX_FMT_YUV420P, SWS_FAST_BILINEAR, NULL, NULL, NULL);
    least->jpeg = tjInitCompress();
    least->bytes = tjAlloc((int)tjBufSize(least->width, PREVIEW_HEIGHT, TJSAMP_420));
    for (int i = 0; i < 3; i++) {
        least->stride[i] = (least->width + 63) / 64 * 64;
        least->planes[i] = av_malloc((size_t)least->stride[i] * PREVIEW_HEIGHT);
    }
}

static int64_t stamp_us(const AVFrame *frame, const AVStream *stream)
{
    return av_rescale_q(frame->best_effort_timestamp, stream->time_base, AV_TIME_BASE_Q);
}

/* Seek, decode the span's pictures, scale and encode each where it is met: nothing else. */
static int64_t time_least(const Bench *bench)
{
    Least least = {0};
    AVFormatContext *format = NULL;
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    const int64_t start_us = (int64_t)(START_S * 1e6),
                  end_us = start_us + (int64_t)(DURATION_S * 1e6);
    bool done = false;
    int64_t begin = mel_monotonic_us();
    if (avformat_open_input(&format, bench->source, NULL, NULL) < 0) give_up(bench->source);
    if (avformat_find_stream_info(format, NULL) < 0) give_up(bench->source);
    int index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    AVStream *stream = format->streams[index];
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(decoder, stream->codecpar);
    decoder->thread_count = THREADS;
    if (avcodec_open2(decoder, codec, NULL) < 0) give_up("the decoder");
    prepare(&least, decoder);
    av_seek_frame(format, index, av_rescale_q(start_us, AV_TIME_BASE_Q, stream->time_base),
                  AVSEEK_FLAG_BACKWARD);
    while (!done && av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == index) avcodec_send_packet(decoder, packet);
        av_packet_unref(packet);
        while (!done && avcodec_receive_frame(decoder, frame) >= 0) {
            done = stamp_us(frame, stream) >= end_us;
            if (!done && stamp_us(frame, stream) >= start_us) encode_preview(&least, frame);
        }
    }
    int64_t took_us = mel_monotonic_us() - begin;
    if (least.frames != 250) give_up("the bare decode met another number of pictures");
    avcodec_free_context(&decoder);
    avformat_close_input(&format);
    av_frame_free(&frame);
    av_packet_free(&packet);
    sws_freeContext(least.sws);
    tjDestroy(least.jpeg);
    tjFree(least.bytes);
    for (int i = 0; i < 3; i++)
        av_freep(&least.planes[i]);
    return took_us;
}

/* ---- rounds -------------------------------------------------------------------------------------
 */

/* Of this process and of its children that have ended. */
static int64_t processor_us(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return (own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec +
            children.ru_stime.tv_sec) *
               1000000LL +
           own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec +
           children.ru_stime.tv_usec;
}

static int64_t time_way(const Bench *bench, Way way)
{
    switch (way) {
    case OURS:
        return time_ours(bench, NULL, THREADS);
    case CONFINED:
        return time_ours(bench, bench->jail, THREADS);
    case ONE_THREAD:
        return time_ours(bench, NULL, 1);
    case LEAST:
        return time_least(bench);
    case ONE_COMMAND:
        return time_one_command(bench);
    default:
        return time_commands(bench);
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool verdict(const char *what, double got, double wanted, bool at_least)
{
    bool ok = at_least ? got >= wanted : got <= wanted;
    printf("  %-38s %7.2f x, wanted %s %.1f x: %s\n", what, got, at_least ? "at least" : "at most",
           wanted, ok ? "met" : "MISSED");
    return ok;
}

/* Bit rates are those of usual uploads; noise alone would make the decoder all that is measured. */
static bool run_size(Bench *bench, const char *size, int kbit_s, double wanted, int rounds)
{
    static int64_t took_us[WAYS][ROUNDS_MAX], busy_us[WAYS][ROUNDS_MAX];
    double median_ms[WAYS];
    char source[512];
    snprintf(source, sizeof source, "%s/%s.mp4", bench->folder, size);
    shell("ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=s=%s:r=25:d=30,noise=alls=4:allf=t"
          " -f lavfi -i \"sine=330:r=48000:d=30,tremolo=f=3\" -f lavfi -i "
          "anoisesrc=r=48000:a=0.1:d=30"
          " -filter_complex \"[1][2]amerge=inputs=2[a]\" -map 0:v -map \"[a]\" -pix_fmt yuv420p"
          " -c:v libx264 -preset medium -b:v %dk -g 125 -c:a aac -b:a 128k %s",
          size, kbit_s, source);
    bench->source = source;
    for (int round = -1; round < rounds; round++) /* the first one warms up */
        for (int turn = 0; turn < WAYS; turn++) {
            Way way = (Way)((turn + round + 1) % WAYS);
            int64_t busy = processor_us(), us = time_way(bench, way);
            if (round < 0) continue;
            took_us[way][round] = us;
            busy_us[way][round] = processor_us() - busy;
        }
    printf("%s, %d rounds\n", size, rounds);
    for (Way way = 0; way < WAYS; way++) {
        qsort(took_us[way], (size_t)rounds, sizeof **took_us, by_value);
        qsort(busy_us[way], (size_t)rounds, sizeof **busy_us, by_value);
        median_ms[way] = (double)took_us[way][rounds / 2] / 1000;
        printf("  %-38s %7.1f ms (%.1f to %.1f)", way_names[way], median_ms[way],
               (double)took_us[way][0] / 1000, (double)took_us[way][rounds - 1] / 1000);
        if (way == CONFINED)
            printf("\n");
        else
            printf(", processor %.1f\n", (double)busy_us[way][rounds / 2] / 1000);
    }
    /* One command decodes once, as we do, with the same decoder: that bounds what can be won. */
    printf("  %-38s %7.2f x, of %.2f x that the bare decode leaves\n",
           "faster than ffmpeg's one command", median_ms[ONE_COMMAND] / median_ms[OURS],
           median_ms[ONE_COMMAND] / median_ms[LEAST]);
    bool ok = verdict("faster than ffmpeg's commands", median_ms[COMMANDS] / median_ms[OURS],
                      wanted, true);
    ok &= verdict("of the bare decode and preview", median_ms[OURS] / median_ms[LEAST],
                  LEAST_TIMES_WANTED, false);
    return ok;
}

int main(int count, char **arguments)
{
    int64_t rounds = ROUNDS_DEFAULT;
    if (count > 1 && (!mel_parse_i64(arguments[1], &rounds) || rounds < 1 || rounds > ROUNDS_MAX))
        give_up("rounds are a number from 1 to 101");
    const char *base = getenv("TMPDIR");
    char *folder = mel_asprintf("%s/bench-cut-XXXXXX", base ? base : "/tmp");
    Err err = {0};
    if (!mkdtemp(folder)) give_up("no temporary folder");
    Bench bench = {.folder = folder};
    if (!mel_jail_start(NULL, &bench.jail, &err)) give_up(err.message);
    bool ok = run_size(&bench, "640x360", 700, 3, (int)rounds);
    ok &= run_size(&bench, "1920x1080", 4500, 1.5, (int)rounds);
    mel_jail_stop(bench.jail);
    if (!mel_remove_tree(folder, &err)) give_up(err.message);
    free(folder);
    return ok ? 0 : 1;
}
