/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP sockets, over IPv4 and IPv6, for the processes of one run: no call waits for ever. All are
 * non-blocking, send at once, and are given up by the system when what was sent is not answered
 * for half a minute. Deadlines are moments of mel_monotonic_us. */
#ifndef MEL_TRAINER_TCP_H
#define MEL_TRAINER_TCP_H

#include "base/base.h"

enum { TCP_HOST_SIZE = 256 };

/* Listens where `host` is reached: on the loopback alone when that is what it names, on every
 * interface otherwise. Port 0 takes any; *port gets the one that was taken. A port in use is tried
 * for until the deadline. */
MEL_MUST_CHECK bool tcp_listen(const char *host, int port, int64_t deadline_us, int *fd_out,
                               int *port_out, Err *err);

/* Tries again until there is somebody. ERR_NET at the deadline. */
MEL_MUST_CHECK bool tcp_connect(const char *host, int port, int64_t deadline_us, int *fd_out,
                                Err *err);

/* ERR_LIMIT when nobody came until the deadline. */
MEL_MUST_CHECK bool tcp_accept(int listener, int64_t deadline_us, int *fd_out, Err *err);

/* All n bytes. ERR_NET when the other side is gone, ERR_LIMIT at the deadline. */
MEL_MUST_CHECK bool tcp_send(int fd, const void *bytes, size_t n, int64_t deadline_us, Err *err);
MEL_MUST_CHECK bool tcp_receive(int fd, void *bytes, size_t n, int64_t deadline_us, Err *err);

/* The other side's number as text; false for one of this host's own loopback. */
bool tcp_peer(int fd, char host[TCP_HOST_SIZE]);

#endif
