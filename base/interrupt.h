/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C and SIGTERM set a flag; long loops ask for it and finish the item in hand. */
#ifndef MEL_BASE_INTERRUPT_H
#define MEL_BASE_INTERRUPT_H

#include <stdbool.h>

void mel_interrupt_install(void); /* SIGINT and SIGTERM; a second one kills as usual */
bool mel_interrupted(void);
int mel_interrupt_signal(void); /* which of them it was, 0 for none */
void mel_interrupt_raise(void); /* as if the signal had come (tests, windows) */

#endif
