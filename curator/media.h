/* SPDX-License-Identifier: Apache-2.0
 *
 * The one door to libavformat and libavcodec's decoders: an untrusted input is opened from a
 * descriptor under fixed limits, the packets of a span are gathered, and decoded frames come out
 * with absolute times. Internal to the folder.
 *
 * Nothing but the descriptor is ever read: no protocol, no second file, no playlist. */
#ifndef MEL_CURATOR_MEDIA_H
#define MEL_CURATOR_MEDIA_H

#include "curator/cut.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

enum {
    MEDIA_STREAMS_MAX = 64,
    MEDIA_CHANNELS_MAX = 64,
    MEDIA_RATE_MIN_HZ = 8000,
    MEDIA_RATE_MAX_HZ = 192000,
    MEDIA_PIXELS_MAX = 64 * 1000 * 1000,
    MEDIA_SIDE_MAX = 32768,
    MEDIA_PACKETS_MAX = 400 * 1000,
    MEDIA_PACKET_BYTES_MAX = 384 * 1024 * 1024, /* of one gathered span */
    MEDIA_FRAMES_MAX = 40 * 1000,               /* pictures of one clip */
    MEDIA_FRAME_SAMPLES_MAX = 1 << 20
};

/* ---- bytes --------------------------------------------------------------------------------------
 */

typedef struct MediaIo {
    int fd;
    int64_t size, position;
    const ByteRange *ranges; /* borrowed; NULL = all bytes are there */
    int range_count;
    int64_t missing_offset; /* the first absent byte that was asked for, -1 = none */
    bool behind_end;        /* something pointed behind the end of the file */
    int read_errno;
    AVIOContext *avio;
} MediaIo;

MEL_MUST_CHECK bool media_io_open(MediaIo *io, int fd, const CutInput *input, Err *err);
void media_io_close(MediaIo *io);

/* An AVIOContext that writes to `fd` from its present end; free with media_writer_close. The
 * caller keeps the descriptor. */
typedef struct MediaWriter {
    int fd;
    int64_t position, size;
    int write_errno;
    AVIOContext *avio;
} MediaWriter;

MEL_MUST_CHECK bool media_writer_open(MediaWriter *writer, int fd, Err *err);
void media_writer_close(MediaWriter *writer);

/* ---- files --------------------------------------------------------------------------------------
 */

typedef enum MediaKind { MEDIA_SOUND, MEDIA_PICTURE, MEDIA_KINDS } MediaKind;

typedef struct Media {
    MediaIo io;
    AVFormatContext *format;
    AVStream *stream[MEDIA_KINDS];  /* the chosen ones, NULL = none */
    int64_t zero_us;                /* on libav's clock, of the clock in cut.h */
    int64_t end_stamp[MEDIA_KINDS]; /* by the index as it was opened; AV_NOPTS_VALUE = not said */
    bool linear;                    /* seeking in this format is a guess: read from its start */
    bool moved;                     /* reading did not begin at the start */
} Media;

/* Opens and describes; reads no further than headers and, where these are silent, a few packets.
 * `media` starts zeroed; media_close in any case. */
MEL_MUST_CHECK bool media_open(Media *media, int fd, const CutInput *input, Err *err);
void media_close(Media *media);

/* Leaves out what is not wanted, so that it is not even read. */
void media_select(Media *media, bool sound, bool picture);

/* Turns a libav code into the error it stands for; `what` says what failed. Returns false. */
bool media_error(const Media *media, int code, const char *what, Err *err);

int64_t media_duration_us(const Media *media); /* as the container claims; -1 = it does not say */

/* Where the stream ends by its own index, or -1 when the format keeps no such thing. */
int64_t media_stream_end_us(const Media *media, MediaKind kind);

/* A stream's stamp on the clock of cut.h. */
int64_t media_time_us(const Media *media, MediaKind kind, int64_t stamp);

/* The demuxer's short name: "mov", "matroska". */
void media_container_name(const Media *media, char *name, size_t size);

/* ---- packets ------------------------------------------------------------------------------------
 */

typedef struct PacketList {
    AVPacket **items;
    size_t count, capacity;
} PacketList;

typedef struct MediaSpan {
    PacketList packets[MEDIA_KINDS];
    bool ended[MEDIA_KINDS];          /* the stream ended before the span did */
    int64_t last_end_us[MEDIA_KINDS]; /* of the packets seen, INT64_MIN = none */
    int64_t bytes;
    bool broken; /* the demuxer gave up before the end of the file */
} MediaSpan;

/* What to gather: presentation times [start_us, end_us) of the kinds that are selected, with what
 * their decoders need before. Each attempt looks further back. */
typedef struct MediaWindow {
    int64_t start_us, end_us;
    int64_t behind_us; /* pictures up to so long behind the end too */
    int attempt;       /* 0 first; 1 when the decoder had no picture at start_us */
} MediaWindow;

MEL_MUST_CHECK bool media_gather(Media *media, const MediaWindow *window, MediaSpan *span,
                                 Err *err);
void media_span_clear(MediaSpan *span);

/* ---- frames -------------------------------------------------------------------------------------
 */

typedef struct MediaDecoder {
    const Media *media;
    MediaKind kind;
    AVCodecContext *context;
    const PacketList *packets;
    size_t next;
    bool flushed;
    int64_t errors; /* packets that could not be decoded, at or behind errors_from_us */
    int64_t errors_from_us;
    int64_t errors_seen;  /* before it too */
    int64_t lead_stamp;   /* unreferenced pictures before this stamp are passed over */
    _Atomic bool starved; /* memory for a picture was refused: not the file's damage */
} MediaDecoder;

/* The decoder must stay where it is until it is closed. threads: of libavcodec. Pictures before the
 * last one at or before start_us, which no other picture refers to, are not decoded. */
MEL_MUST_CHECK bool media_decoder_open(MediaDecoder *decoder, const Media *media, MediaKind kind,
                                       const PacketList *packets, int threads, int64_t start_us,
                                       Err *err);
void media_decoder_close(MediaDecoder *decoder);

typedef enum MediaStep { MEDIA_FRAME, MEDIA_END, MEDIA_FAILED } MediaStep;

/* The next frame in presentation order. Damaged packets are counted and passed over. */
MediaStep media_decoder_next(MediaDecoder *decoder, AVFrame *frame, Err *err);

#endif
