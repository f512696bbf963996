/* SPDX-License-Identifier: Apache-2.0
 *
 * TensorBoard's event files: records (length, its CRC, data, its CRC; CRC-32C, masked) of the
 * protocol buffer Event. */
#ifndef MEL_TRAINER_EVENTS_H
#define MEL_TRAINER_EVENTS_H

#include "base/base.h"

typedef struct Events Events;

/* A new file "events.out.tfevents.<seconds>.melkit" in the folder. */
MEL_MUST_CHECK bool events_open(const char *folder, Events **out, Err *err);
void events_close(Events *events); /* NULL is fine */

/* One number under a tag; buffered until events_flush. */
void events_number(Events *events, const char *tag, int64_t step, double value);
MEL_MUST_CHECK bool events_flush(Events *events, Err *err);

#endif
