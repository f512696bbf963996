/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a clip is seen and heard: picture, sound's picture and transport, on the player's one
 * clock. Clips are loaded in threads, the next one before it is asked for. */
#ifndef MEL_ANNOTATOR_STAGE_H
#define MEL_ANNOTATOR_STAGE_H

#include "annotator/core/keys.h"
#include "annotator/player/player.h"
#include "db/db.h"

#include <gtk/gtk.h>

#define MEL_TYPE_STAGE (mel_stage_get_type())
G_DECLARE_FINAL_TYPE(MelStage, mel_stage, MEL, STAGE, GtkWidget)

/* audio: "pulse", "silent" or "virtual"; one that cannot be opened becomes silent, and says so.
 * Emits "told" (const char *sentence) for what a person should know. */
GtkWidget *mel_stage_new(const char *audio);

/* Shows another clip: at once when it was loaded ahead. */
void mel_stage_show(MelStage *stage, const ClipItem *item);
void mel_stage_load_ahead(MelStage *stage, const ClipItem *item);
gboolean mel_stage_is_ready(MelStage *stage);      /* the clip that was asked for is shown */
gboolean mel_stage_is_slow_ready(MelStage *stage); /* half speed takes no time */

/* TRUE when the command is one of the transport's, and done. */
gboolean mel_stage_command(MelStage *stage, KeyCommand command);

void mel_stage_seek_us(MelStage *stage, gint64 time_us);
Player *mel_stage_player(MelStage *stage);    /* borrowed */
const char *mel_stage_audio(MelStage *stage); /* as it was made; borrowed */

#endif
