/* SPDX-License-Identifier: Apache-2.0
 *
 * curator: from a list of videos to verified clips, duplicates, splits and exports.
 * The header that other folders include; each topic has its own. */
#ifndef MEL_CURATOR_H
#define MEL_CURATOR_H

#include "curator/agree_run.h"
#include "curator/agree_terms.h"
#include "curator/agreement.h"
#include "curator/assign.h"
#include "curator/cut.h"
#include "curator/dedup.h"
#include "curator/export.h"
#include "curator/failure.h"
#include "curator/fetch.h"
#include "curator/fingerprint.h"
#include "curator/http.h"
#include "curator/hub.h"
#include "curator/import.h"
#include "curator/jail.h"
#include "curator/load.h"
#include "curator/measures.h"
#include "curator/packet.h"
#include "curator/playback.h"
#include "curator/ratelimit.h"
#include "curator/remote.h"
#include "curator/save.h"
#include "curator/source_list.h"
#include "curator/split.h"
#include "curator/suggest.h"
#include "curator/thumbnail.h"
#include "curator/verify.h"
#include "curator/versions.h"
#include "curator/ytdlp.h"

#endif
