/* SPDX-License-Identifier: Apache-2.0 */
#include "base/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* Lock-free, so that both a handler and other threads may use it. */
static atomic_int interrupted;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler must not wait for a lock");

static void on_signal(int number)
{
    atomic_store(&interrupted, number);
    signal(number, SIG_DFL);
}

void mel_interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool mel_interrupted(void)
{
    return atomic_load(&interrupted) != 0;
}

int mel_interrupt_signal(void)
{
    return atomic_load(&interrupted);
}

void mel_interrupt_raise(void)
{
    atomic_store(&interrupted, SIGINT);
}
