/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/hostile_kinds.h"

#include "tests/support/media_fixture.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static const char *folder; /* where good files are kept */

/* ---- good files ---------------------------------------------------------------------------------
 */

static HostileBytes read_bytes(const char *path)
{
    Err err = {0};
    char *data;
    HostileBytes bytes;
    CHECK_OK(mel_read_file(path, 64 << 20, &data, &bytes.n, &err));
    bytes.data = (uint8_t *)data;
    return bytes;
}

static HostileBytes good(const char *muxer, const char *video, const char *audio,
                         const char *video_options)
{
    MediaSpec spec = {.muxer = muxer,
                      .video_encoder = video,
                      .audio_encoder = audio,
                      .width = 160,
                      .height = 96,
                      .gop = 25,
                      .rate_hz = 44100,
                      .channels = 2,
                      .video_s = 4,
                      .audio_s = 4,
                      .video_options = video_options};
    if (audio && mel_equal(audio, "libopus")) spec.rate_hz = 48000;
    if (video && mel_equal(video, "png")) spec.pixel_format = "rgb24";
    const char *path = test_path(folder, "%s-%s-%s", muxer, video ? video : "", audio ? audio : "");
    if (!mel_path_exists(path)) media_fixture_write(path, &spec);
    return read_bytes(path);
}

static HostileBytes good_mp4(void)
{
    return good("mp4", "libx264", "aac", "preset=ultrafast");
}

static HostileBytes good_webm(void)
{
    return good("webm", "libvpx-vp9", "libopus", "deadline=realtime:cpu-used=8");
}

static HostileBytes text(const char *content)
{
    HostileBytes bytes = {mel_alloc(strlen(content) + 1), strlen(content)};
    memcpy(bytes.data, content, bytes.n);
    return bytes;
}

/* ---- looking into files -------------------------------------------------------------------------
 */

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The first place of a mark behind `from`; the test fails when there is none. */
static size_t find(HostileBytes bytes, const char *mark, size_t from)
{
    void *place = memmem(bytes.data + from, bytes.n - from, mark, strlen(mark));
    if (!place) fail_msg("no '%s' in the file", mark);
    return (size_t)((uint8_t *)place - bytes.data);
}

/* Where a box begins: its size. */
static size_t box(HostileBytes bytes, const char *name)
{
    return find(bytes, name, 4) - 4;
}

static HostileBytes cut_at(HostileBytes bytes, size_t n)
{
    bytes.n = n < bytes.n ? n : bytes.n;
    return bytes;
}

/* `length` zero bytes at a place, for content to be put into. */
static HostileBytes insert(HostileBytes bytes, size_t at, size_t length)
{
    bytes.data = mel_realloc(bytes.data, bytes.n + length + 1);
    memmove(bytes.data + at + length, bytes.data + at, bytes.n - at);
    memset(bytes.data + at, 0, length);
    bytes.n += length;
    return bytes;
}

/* ---- kinds: MP4 ---------------------------------------------------------------------------------
 */

static HostileBytes mp4_until_mdat(void)
{
    HostileBytes b = good_mp4();
    return cut_at(b, box(b, "mdat"));
}

static HostileBytes mp4_inside_ftyp(void)
{
    return cut_at(good_mp4(), 10);
}

static HostileBytes mp4_inside_mdat(void)
{
    HostileBytes b = good_mp4();
    return cut_at(b, (box(b, "mdat") + box(b, "moov")) / 2);
}

static HostileBytes mp4_before_moov(void)
{
    HostileBytes b = good_mp4();
    return cut_at(b, box(b, "moov"));
}

static HostileBytes mp4_inside_moov(void)
{
    HostileBytes b = good_mp4();
    return cut_at(b, (box(b, "moov") + b.n) / 2);
}

static HostileBytes front_mp4(void)
{
    MediaSpec spec = {.muxer = "mp4",
                      .video_encoder = "libx264",
                      .audio_encoder = "aac",
                      .width = 160,
                      .height = 96,
                      .rate_hz = 44100,
                      .channels = 2,
                      .video_s = 4,
                      .audio_s = 4,
                      .video_options = "preset=ultrafast",
                      .muxer_options = "movflags=+faststart"};
    const char *path = test_path(folder, "front.mp4");
    if (!mel_path_exists(path)) media_fixture_write(path, &spec);
    return read_bytes(path);
}

static HostileBytes front_mp4_inside_mdat(void)
{
    HostileBytes b = front_mp4();
    return cut_at(b, (box(b, "mdat") + b.n) / 2);
}

static HostileBytes front_mp4_without_mdat(void)
{
    HostileBytes b = front_mp4();
    return cut_at(b, box(b, "mdat") + 8);
}

static HostileBytes stsd_of_64k_square(void)
{
    HostileBytes b = good_mp4();
    size_t avc1 = find(b, "avc1", box(b, "stsd"));
    memset(b.data + avc1 + 28, 0xff, 4); /* width and height */
    return b;
}

static HostileBytes png_larger_than_its_header(void)
{
    HostileBytes b = good("mov", "png", "pcm_s16le", NULL);
    for (size_t at = 0; (at = find(b, "IHDR", at)) && at + 12 < b.n;) {
        put32(b.data + at + 4, 40000);
        put32(b.data + at + 8, 12000);
        at += 12;
        if (!memmem(b.data + at, b.n - at, "IHDR", 4)) break;
    }
    return b;
}

/* As large as is let in: it must be the memory or the missing data that ends it. */
static HostileBytes png_bomb(void)
{
    HostileBytes b = good("mov", "png", "pcm_s16le", NULL);
    for (size_t at = 0; (at = find(b, "IHDR", at)) && at + 12 < b.n;) {
        put32(b.data + at + 4, 8000);
        put32(b.data + at + 8, 8000);
        at += 12;
        if (!memmem(b.data + at, b.n - at, "IHDR", 4)) break;
    }
    return b;
}

static HostileBytes ten_years(void)
{
    HostileBytes b = good_mp4();
    size_t mvhd = box(b, "mvhd");
    put32(b.data + mvhd + 20, 1);          /* timescale */
    put32(b.data + mvhd + 24, 315360000U); /* seconds */
    return b;
}

static HostileBytes nanosecond_timescale(void)
{
    HostileBytes b = good_mp4();
    put32(b.data + box(b, "mdhd") + 20, 1000000000U);
    return b;
}

static HostileBytes zero_timescale(void)
{
    HostileBytes b = good_mp4();
    put32(b.data + box(b, "mdhd") + 20, 0);
    put32(b.data + box(b, "mvhd") + 20, 0);
    return b;
}

static HostileBytes moov_without_streams(void)
{
    HostileBytes b = good_mp4();
    size_t moov = box(b, "moov"), trak = find(b, "trak", moov) - 4;
    put32(b.data + moov, (uint32_t)(trak - moov));
    return cut_at(b, trak);
}

static HostileBytes two_hundred_streams(void)
{
    HostileBytes b = good_mp4();
    size_t moov = box(b, "moov"), trak = find(b, "trak", moov) - 4, size = get32(b.data + trak);
    enum { COPIES = 199 };
    b = insert(b, trak, COPIES * size);
    for (size_t i = 0; i < COPIES; i++)
        memcpy(b.data + trak + i * size, b.data + trak + COPIES * size, size);
    put32(b.data + moov, (uint32_t)(get32(b.data + moov) + COPIES * size));
    return b;
}

static HostileBytes table_of_2_32(const char *name, size_t count_at)
{
    HostileBytes b = good_mp4();
    put32(b.data + box(b, name) + count_at, 0xffffffffU);
    return b;
}

static HostileBytes huge_stsz(void)
{
    return table_of_2_32("stsz", 16);
}

static HostileBytes huge_stts(void)
{
    return table_of_2_32("stts", 12);
}

static HostileBytes huge_stsc(void)
{
    return table_of_2_32("stsc", 12);
}

static HostileBytes huge_stco(void)
{
    return table_of_2_32("stco", 12);
}

static HostileBytes offsets_behind_the_end(void)
{
    HostileBytes b = good_mp4();
    for (size_t i = 0, stco = box(b, "stco"); i < get32(b.data + stco + 12); i++)
        put32(b.data + stco + 16 + 4 * i, 0xfffffff0U);
    return b;
}

static HostileBytes box_size(uint32_t size)
{
    HostileBytes b = good_mp4();
    put32(b.data + box(b, "moov"), size);
    return b;
}

static HostileBytes box_of_size_0(void)
{
    return box_size(0);
}

static HostileBytes box_of_size_1(void)
{
    return box_size(1); /* a 64-bit size follows: "mvhd" and its own fields, read as a number */
}

static HostileBytes box_of_size_7(void)
{
    return box_size(7);
}

static HostileBytes box_of_64_bit_overflow(void)
{
    HostileBytes b = good_mp4();
    size_t mdat = box(b, "mdat");
    b = insert(b, mdat + 8, 8);
    put32(b.data + mdat, 1);
    memset(b.data + mdat + 8, 0xff, 8);
    return b;
}

static HostileBytes nested_boxes(void)
{
    enum { DEPTH = 20000 };
    HostileBytes b = {mel_alloc(DEPTH * 8 + 24), DEPTH * 8 + 16};
    memcpy(b.data,
           "\0\0\0\x10"
           "ftypisom\0\0\0\0",
           16);
    for (size_t i = 0; i < DEPTH; i++) {
        put32(b.data + 16 + i * 8, (uint32_t)((DEPTH - i) * 8));
        memcpy(b.data + 20 + i * 8, i ? "trak" : "moov", 4);
    }
    return b;
}

/* Edits that repeat the media for ever. */
static HostileBytes edit_list_loop(void)
{
    enum { EDITS = 600 };
    HostileBytes b = good_mp4();
    size_t moov = box(b, "moov"), trak = find(b, "trak", moov) - 4,
           edts = find(b, "edts", trak) - 4;
    size_t elst = find(b, "elst", edts) - 4, old = get32(b.data + elst + 12);
    size_t more = (EDITS - old) * 12;
    b = insert(b, elst + 16 + old * 12, more);
    put32(b.data + elst + 12, EDITS);
    for (size_t i = 0; i < EDITS; i++) {
        put32(b.data + elst + 16 + i * 12, 1);
        put32(b.data + elst + 20 + i * 12, (uint32_t)(i * 7919 % 20000));
        put32(b.data + elst + 24 + i * 12, 0x10000);
    }
    const size_t around[] = {moov, trak, edts, elst};
    for (int i = 0; i < 4; i++)
        put32(b.data + around[i], (uint32_t)(get32(b.data + around[i]) + more));
    return b;
}

static HostileBytes edit_list_of_negative_times(void)
{
    HostileBytes b = good_mp4();
    size_t elst = box(b, "elst");
    put32(b.data + elst + 16, 0xffffffffU);
    put32(b.data + elst + 20, 0x80000000U);
    return b;
}

static HostileBytes noise_in_mdat(size_t every)
{
    HostileBytes b = good_mp4();
    Rng rng = {.seed = 7, .stream = every};
    size_t end = box(b, "moov");
    for (size_t at = box(b, "mdat") + 8 + every; at < end; at += every)
        b.data[at] = (uint8_t)mel_rng_u32(&rng);
    return b;
}

static HostileBytes damaged_frames(void)
{
    return noise_in_mdat(4000);
}

static HostileBytes ruined_frames(void)
{
    return noise_in_mdat(3);
}

static HostileBytes hostile_tags(void)
{
    HostileBytes b = good_mp4();
    size_t tool = find(b, "Lavf", box(b, "udta"));
    memcpy(b.data + tool, "\0\xff\xfe\x1b[31m\xc3", 9);
    return b;
}

static HostileBytes unknown_codec(void)
{
    HostileBytes b = good_mp4();
    memcpy(b.data + find(b, "avc1", box(b, "stsd")), "xyzw", 4);
    return b;
}

static HostileBytes broken_avcc(void)
{
    HostileBytes b = good_mp4();
    memset(b.data + find(b, "avcC", 0) + 4, 0xff, 30);
    return b;
}

/* ---- kinds: other containers --------------------------------------------------------------------
 */

static HostileBytes webm_inside_a_cluster(void)
{
    HostileBytes b = good_webm();
    return cut_at(b, b.n * 2 / 5);
}

static HostileBytes webm_header_only(void)
{
    return cut_at(good_webm(), 100);
}

static HostileBytes ebml_of_huge_size(void)
{
    HostileBytes b = good_webm();
    size_t tracks = find(b, "\x16\x54\xae\x6b", 0);
    memset(b.data + tracks + 4, 0xff, 8);
    b.data[tracks + 4] = 0x01; /* an eight-byte size of nearly 2^56 */
    b.data[tracks + 11] = 0xfe;
    return b;
}

static HostileBytes ebml_of_unknown_sizes(void)
{
    HostileBytes b = good_webm();
    for (size_t i = 40; i + 4 < b.n && i < 400; i++)
        if (b.data[i] == 0x01 && b.data[i + 1] == 0) b.data[i + 1] = 0xff;
    return b;
}

static HostileBytes ogg_with_bad_checksums(void)
{
    HostileBytes b = good("ogg", NULL, "libvorbis", NULL);
    for (size_t at = 1000; at + 30 < b.n; at += 500)
        b.data[at] ^= 0x55;
    return b;
}

static HostileBytes truncated_ogg(void)
{
    HostileBytes b = good("ogg", NULL, "libvorbis", NULL);
    return cut_at(b, b.n / 3);
}

static HostileBytes wav_header(uint32_t rate, uint32_t channels, uint32_t data_bytes)
{
    HostileBytes b = {mel_alloc(4096), 4096};
    memcpy(b.data, "RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\x01\0", 22);
    memcpy(b.data + 22, &channels, 2);
    memcpy(b.data + 24, &rate, 4);
    memcpy(b.data + 28, "\0\x10\0\0\x02\0\x10\0data", 12);
    memcpy(b.data + 40, &data_bytes, 4);
    return b;
}

static HostileBytes wav_of_2_31_hz_and_1024_channels(void)
{
    return wav_header(0x7fffffff, 1024, 4000);
}

static HostileBytes wav_of_nothing(void)
{
    return wav_header(0, 0, 0);
}

static HostileBytes wav_of_4_gib_in_4_kib(void)
{
    return wav_header(44100, 2, 0xfffffff0U);
}

static HostileBytes noise(uint64_t seed)
{
    HostileBytes b = {mel_alloc(65536), 65536};
    Rng rng = {.seed = seed};
    for (size_t i = 0; i < b.n; i++)
        b.data[i] = (uint8_t)mel_rng_u32(&rng);
    return b;
}

static HostileBytes garbage(void)
{
    return noise(1);
}

static HostileBytes garbage_behind_a_mark(const char *mark, size_t length)
{
    HostileBytes b = noise(2);
    memcpy(b.data, mark, length);
    return b;
}

static HostileBytes garbage_mp3(void)
{
    return garbage_behind_a_mark("ID3\x04\0\0\x7f\x7f\x7f\x7f", 10);
}

static HostileBytes garbage_flac(void)
{
    return garbage_behind_a_mark("fLaC\0\xff\xff\xff", 8);
}

static HostileBytes garbage_flv(void)
{
    return garbage_behind_a_mark("FLV\x01\x05\0\0\0\x09\0\0\0\0", 13);
}

static HostileBytes garbage_avi(void)
{
    return garbage_behind_a_mark("RIFF\xff\xff\xff\xff"
                                 "AVI LIST\xff\xff\xff\xffhdrlavih\xff\xff\xff\xff",
                                 28);
}

static HostileBytes garbage_ts(void)
{
    HostileBytes b = noise(3);
    for (size_t at = 0; at < b.n; at += 188)
        b.data[at] = 0x47;
    return b;
}

static HostileBytes ruined_ts(void)
{
    HostileBytes b = good("mpegts", "libx264", "aac", "preset=ultrafast");
    for (size_t at = 2000; at < b.n; at += 97)
        b.data[at] ^= 0xff;
    return b;
}

static HostileBytes ruined_avi(void)
{
    HostileBytes b = good("avi", "mpeg4", "pcm_s16le", NULL);
    for (size_t at = 300; at < b.n; at += 61)
        b.data[at] ^= 0xff;
    return b;
}

/* ---- kinds: not media ---------------------------------------------------------------------------
 */

static HostileBytes nothing(void)
{
    return text("");
}

static HostileBytes one_byte(void)
{
    return text("x");
}

static HostileBytes prose(void)
{
    return text("This is no video.\nIt only says so in its name.\n");
}

static HostileBytes hls_playlist(void)
{
    return text("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n"
                "#EXTINF:10,\nfile:///etc/passwd\n#EXTINF:10,\nhttp://127.0.0.1:1/a.ts\n"
                "#EXT-X-ENDLIST\n");
}

static HostileBytes concat_script(void)
{
    return text("ffconcat version 1.0\nfile /etc/passwd\nfile 'http://127.0.0.1:1/a.mp4'\n");
}

static HostileBytes metadata_file(void)
{
    return text(";FFMETADATA1\ntitle=a\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\n");
}

static HostileBytes dash_manifest(void)
{
    return text("<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
                "profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"static\">"
                "<Period><AdaptationSet><Representation><BaseURL>file:///etc/passwd</BaseURL>"
                "</Representation></AdaptationSet></Period></MPD>\n");
}

static HostileBytes session_description(void)
{
    return text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n");
}

static HostileBytes subtitles(void)
{
    return text("1\n00:00:00,000 --> 00:00:05,000\nnothing but words\n\n"
                "2\n00:00:05,000 --> 00:00:09,000\nand more of them\n\n");
}

static HostileBytes archive(void)
{
    return garbage_behind_a_mark("PK\x03\x04\x14\0\0\0\x08\0", 10);
}

#define KIND(make, ends)                                                                           \
    {                                                                                              \
#make, make, ends                                                                          \
    }

static const HostileKind kinds[] = {
    KIND(nothing, "open"),
    KIND(one_byte, "container"),
    KIND(prose, "container"),
    KIND(garbage, "container no_audio no_picture damaged"),
    KIND(archive, "container"),
    KIND(hls_playlist, "playlist container"),
    KIND(concat_script, "playlist"),
    KIND(metadata_file, "container"),
    KIND(dash_manifest, "playlist container"),
    KIND(session_description, "playlist container"),
    KIND(subtitles, "container"),
    KIND(mp4_inside_ftyp, "container truncated"),
    KIND(mp4_until_mdat, "container truncated"),
    KIND(mp4_inside_mdat, "container truncated"),
    KIND(mp4_before_moov, "container truncated"),
    KIND(mp4_inside_moov, "container truncated"),
    KIND(front_mp4_inside_mdat, "truncated"),
    KIND(front_mp4_without_mdat, "truncated"),
    KIND(stsd_of_64k_square, "dimensions"),
    KIND(png_larger_than_its_header, "dimensions damaged"),
    KIND(png_bomb, "memory damaged"),
    KIND(ten_years, "duration"),
    KIND(nanosecond_timescale, "ok past_end truncated damaged"),
    KIND(zero_timescale, "ok past_end container truncated"),
    KIND(moov_without_streams, "container no_audio no_picture"),
    KIND(two_hundred_streams, "streams"),
    KIND(huge_stsz, "container truncated memory no_picture past_end"),
    KIND(huge_stts, "container truncated memory past_end ok"),
    KIND(huge_stsc, "container truncated memory past_end"),
    KIND(huge_stco, "container truncated memory past_end ok"),
    KIND(offsets_behind_the_end, "truncated"),
    KIND(box_of_size_0, "ok container truncated"),
    KIND(box_of_size_1, "container truncated no_audio"),
    KIND(box_of_size_7, "container truncated"),
    KIND(box_of_64_bit_overflow, "container truncated"),
    KIND(nested_boxes, "container truncated no_audio no_picture"),
    KIND(edit_list_loop, "ok past_end damaged truncated memory"),
    KIND(edit_list_of_negative_times, "ok past_end container"),
    KIND(damaged_frames, "ok damaged"),
    KIND(ruined_frames, "damaged past_end"),
    KIND(hostile_tags, "ok"),
    KIND(unknown_codec, "codec no_picture"),
    KIND(broken_avcc, "codec damaged"),
    KIND(webm_inside_a_cluster, "ok truncated"),
    KIND(webm_header_only, "container truncated no_audio no_picture"),
    KIND(ebml_of_huge_size, "container truncated no_audio no_picture ok"),
    KIND(ebml_of_unknown_sizes, "container truncated no_audio no_picture ok"),
    KIND(ogg_with_bad_checksums, "container no_picture"),
    KIND(truncated_ogg, "no_picture"),
    KIND(wav_of_2_31_hz_and_1024_channels, "container no_picture"),
    KIND(wav_of_nothing, "container no_audio no_picture"),
    KIND(wav_of_4_gib_in_4_kib, "no_picture"),
    KIND(garbage_mp3, "container truncated no_audio no_picture damaged"),
    KIND(garbage_flac, "container no_audio no_picture"),
    KIND(garbage_flv, "container no_audio no_picture damaged past_end truncated"),
    KIND(garbage_avi, "container no_audio no_picture truncated"),
    KIND(garbage_ts, "container no_audio no_picture damaged"),
    KIND(ruined_ts, "container no_audio no_picture damaged past_end"),
    KIND(ruined_avi, "container no_audio no_picture damaged past_end truncated codec"),
};

/* The same again with sound only, for kinds that end at the missing picture above. */
static const HostileKind sound_kinds[] = {
    KIND(ogg_with_bad_checksums, "ok container damaged past_end"),
    KIND(truncated_ogg, "ok past_end truncated"),
    KIND(wav_of_2_31_hz_and_1024_channels, "container"),
    KIND(wav_of_nothing, "container no_audio"),
    KIND(wav_of_4_gib_in_4_kib, "truncated past_end"),
    KIND(garbage_mp3, "container truncated no_audio damaged past_end"),
    KIND(garbage_flac, "container no_audio damaged past_end"),
    KIND(garbage, "container no_audio damaged past_end"),
};

void hostile_kinds_use_folder(const char *path)
{
    folder = path;
}

const HostileKind *hostile_kinds(size_t *count_out)
{
    *count_out = MEL_COUNT(kinds);
    return kinds;
}

const HostileKind *hostile_sound_kinds(size_t *count_out)
{
    *count_out = MEL_COUNT(sound_kinds);
    return sound_kinds;
}

HostileBytes hostile_good_file(int which)
{
    return which == 0 ? good_mp4() : which == 1 ? front_mp4() : good_webm();
}
