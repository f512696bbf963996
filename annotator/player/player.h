/* SPDX-License-Identifier: Apache-2.0
 *
 * The transport of one clip: sound goes to an output, and the picture to show is the one of the
 * sample that is heard now. Positions are samples of the clip's own sound at every speed.
 *
 *     Player *player = mel_player_new();
 *     mel_player_set_clip(player, clip);
 *     if (!mel_player_open_output(player, &(AudioSpec){.kind = AUDIO_PULSE}, &err)) …
 *     mel_player_play(player);
 *     … at each drawing: show(clip->pictures[mel_player_picture_now(player)])
 *
 * Playing, pausing and jumping fade over 4 ms, so that they make no click; everything else, the
 * joints of a repeated region too, is the clip to the bit.
 *
 * One thread calls these functions; the output's thread only takes samples, under a lock that is
 * held for no longer than copying them. */
#ifndef MEL_PLAYER_PLAYER_H
#define MEL_PLAYER_PLAYER_H

#include "annotator/player/audio_out.h"
#include "annotator/player/loaded_clip.h"
#include "annotator/player/stretch.h"

typedef struct Player Player;

Player *mel_player_new(void);
void mel_player_free(Player *player); /* closes its output; NULL is fine */

/* Another clip (takes a reference of its own; NULL = none), paused at its start at speed 1 and
 * without a region. An output of another rate is closed: open one again when there is none. */
void mel_player_set_clip(Player *player, LoadedClip *clip);

/* Opens an output in place of the present one, at the clip's rate; what is playing plays on from
 * where it was heard. Of the spec: kind, latency_us and server. When it fails there is no output.
 */
MEL_MUST_CHECK bool mel_player_open_output(Player *player, const AudioSpec *spec, Err *err);
AudioOut *mel_player_output(Player *player);         /* borrowed; NULL = none */
int mel_player_output_rate_hz(const Player *player); /* 0 = none */

/* Plays on, from the start of the region (of the clip) when outside of it (at its end). */
void mel_player_play(Player *player);
void mel_player_pause(Player *player); /* where it is heard to be */
bool mel_player_is_playing(Player *player);

/* At the end: pause there (the usual), or begin again. A region always repeats. */
void mel_player_set_repeat(Player *player, bool repeat);

void mel_player_seek(Player *player, int64_t sample); /* clamped to the clip; plays on if it did */

/* Pauses and goes `pictures` on (or back) from the one that is shown; 1/25 s each without any. */
void mel_player_step(Player *player, int pictures);

/* Repeats [first, end) without a gap, to the sample; playing jumps into it. Clamped to the clip. An
 * empty one takes the region away. A seek behind it plays on to the clip's end. */
void mel_player_set_region(Player *player, int64_t first, int64_t end);
bool mel_player_region(Player *player, int64_t *first_out, int64_t *end_out); /* false = none */

/* 1, or the speed of the slow sound that was given; ERR_USAGE otherwise. */
MEL_MUST_CHECK bool mel_player_set_speed(Player *player, double speed, Err *err);
double mel_player_speed(Player *player);

/* The present clip's slow sound; takes it over. Goes back to speed 1 when that speed is in use. */
void mel_player_take_slow(Player *player, Stretched *slow);

/* A factor, at first 1; reached within 5 ms. At exactly 1 samples are passed on to the bit. */
void mel_player_set_gain(Player *player, float gain);

/* The sample that leaves the speaker now; when paused, where playing will go on. 0..frames. */
int64_t mel_player_heard_sample(Player *player);

/* The index of the picture to show now; -1 = there is none. */
int64_t mel_player_picture_now(Player *player);

#endif
