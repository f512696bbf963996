/* SPDX-License-Identifier: Apache-2.0
 *
 * The faults that are planted, and the damage they do to a finished recording. */
#ifndef MEL_WORLD_FAULT_H
#define MEL_WORLD_FAULT_H

#include "tests/world/music.h"

/* Planted into a source; the order is the order in which a small world gets them. */
typedef enum Fault {
    FAULT_NONE,
    FAULT_MISMATCH,  /* picture of one mood, music of its opposite */
    FAULT_SILENT,    /* a sound track of digital zeros */
    FAULT_REUPLOAD,  /* the music of another source, later, quieter, other codec and picture */
    FAULT_TRUNCATED, /* the file ends in its middle */
    FAULT_BLACK_PICTURE,
    FAULT_CLIPPED,        /* amplified far beyond full scale */
    FAULT_STATIC_PICTURE, /* one frame all the time */
    FAULT_NO_SOUND,       /* no sound track at all */
    FAULT_SAME_PICTURE,   /* the picture of another source, smaller and coarser */
    FAULT_LOW_BANDWIDTH,  /* as from an 8 kHz recording: nothing above 3.8 kHz */
    FAULT_FAKE_STEREO,    /* mono sold as stereo: both channels equal */
    FAULT_DROPOUTS,       /* short gaps of digital zeros */
    FAULT_LATE_SOUND,     /* the sound track starts seconds after the picture */
    FAULT_NOT_MEDIA,      /* a text file by the name of .mp4 */
    FAULT_COUNT,
} Fault;

const char *mel_fault_id(Fault fault);

enum { DROPOUT_GAP_MS = 150, LOW_BANDWIDTH_HZ = 3800, CLIP_GAIN_DB = 22 };

void mel_fault_silence(Recording *recording);
void mel_fault_gain(Recording *recording, double db);
void mel_fault_clip(Recording *recording);    /* CLIP_GAIN_DB up, cut at full scale */
void mel_fault_lowpass(Recording *recording); /* steep, at LOW_BANDWIDTH_HZ */
void mel_fault_mono(Recording *recording);

/* Gaps of DROPOUT_GAP_MS every 1.1 to 2.3 s; returns how many. */
int mel_fault_dropouts(Recording *recording, Rng *rng);

#endif
