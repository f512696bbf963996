/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cut_run.h"

#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <libavformat/avformat.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <turbojpeg.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
/* FFmpeg's libraries are not built with the sanitizer, which therefore does not see what orders
 * their threads. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libavutil.so\ncalled_from_lib:libavcodec.so\n"
           "called_from_lib:libswscale.so\nrace:libavutil.so\nrace:libavcodec.so\n";
}
#endif

void cut_run_open(CutRun *run, const char *path, const char *audio_path, double start_s,
                  double duration_s)
{
    *run = (CutRun){
        .request = {.start_us = llrint(start_s * 1e6),
                    .duration_us = llrint(duration_s * 1e6),
                    .still_at_us = -1,
                    .threads = 2,
                    .want_audio = 1,
                    .want_picture = 1,
                    .separate_audio = audio_path != NULL},
        .files = {.inputs = {-1, -1},                   .audio = -1,                       .preview = -1}
    };
    for (int i = 0; i < STILLS_MAX; i++)
        run->files.stills[i] = -1;
    run->files.inputs[0] = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(run->files.inputs[0] >= 0);
    if (audio_path) run->files.inputs[1] = open(audio_path, O_RDONLY | O_CLOEXEC);
}

static void renew(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = memfd_create("product", MFD_CLOEXEC);
    assert_true(*fd >= 0);
}

bool cut_run(CutRun *run, Jail *jail)
{
    mel_err_clear(&run->err);
    renew(&run->files.audio);
    renew(&run->files.preview);
    for (int i = 0; i < STILLS_MAX; i++)
        renew(&run->files.stills[i]);
    if (jail) return mel_jail_cut(jail, &run->request, &run->files, &run->result, &run->err);
    return mel_cut(&run->request, &run->files, &run->result, &run->err);
}

void cut_run_close(CutRun *run)
{
    int all[4 + STILLS_MAX] = {run->files.inputs[0], run->files.inputs[1], run->files.audio,
                               run->files.preview};
    memcpy(all + 4, run->files.stills, sizeof run->files.stills);
    for (size_t i = 0; i < MEL_COUNT(all); i++)
        if (all[i] >= 0) close(all[i]);
}

uint8_t *cut_run_bytes(int fd, size_t *n_out)
{
    off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size >= 0);
    uint8_t *bytes = mel_alloc((size_t)size + 1);
    assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
    *n_out = (size_t)size;
    return bytes;
}

int32_t *cut_run_sound(const CutRun *run, int64_t *count_out)
{
    SF_INFO info = {0};
    lseek(run->files.audio, 0, SEEK_SET);
    SNDFILE *file = sf_open_fd(run->files.audio, SFM_READ, &info, SF_FALSE);
    assert_non_null(file);
    assert_int_equal(info.frames, run->result.audio_samples);
    assert_int_equal(info.samplerate, run->result.sample_rate_hz);
    assert_int_equal(info.channels, run->result.channels);
    int32_t *samples = mel_alloc(sizeof *samples * (size_t)(info.frames * info.channels));
    assert_int_equal(sf_readf_int(file, samples, info.frames), info.frames);
    for (sf_count_t i = 0; i < info.frames * info.channels; i++)
        samples[i] >>= 32 - run->result.bits_per_sample;
    sf_close(file);
    *count_out = info.frames;
    return samples;
}

size_t cut_run_preview(const CutRun *run, PreviewFrame **out)
{
    char path[64];
    size_t count = 0, capacity = 0;
    AVFormatContext *format = NULL;
    *out = NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", run->files.preview);
    assert_true(avformat_open_input(&format, path, NULL, NULL) >= 0);
    AVPacket *packet = av_packet_alloc();
    tjhandle jpeg = tjInitDecompress();
    while (av_read_frame(format, packet) >= 0) {
        PreviewFrame frame = {.time_ms = av_rescale_q(packet->pts, format->streams[0]->time_base,
                                                      (AVRational){1, 1000})};
        int subsampling, colors;
        assert_int_equal(tjDecompressHeader3(jpeg, packet->data, (unsigned long)packet->size,
                                             &frame.width, &frame.height, &subsampling, &colors),
                         0);
        uint8_t *grey = mel_alloc((size_t)(frame.width * frame.height));
        assert_int_equal(tjDecompress2(jpeg, packet->data, (unsigned long)packet->size, grey,
                                       frame.width, frame.width, frame.height, TJPF_GRAY, 0),
                         0);
        frame.number = media_fixture_number(grey, frame.width, frame.width, frame.height);
        free(grey);
        mel_grow(out, &capacity, count + 1, sizeof **out);
        (*out)[count++] = frame;
        av_packet_unref(packet);
    }
    tjDestroy(jpeg);
    av_packet_free(&packet);
    avformat_close_input(&format);
    return count;
}
