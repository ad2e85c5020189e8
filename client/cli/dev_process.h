/* Processes of a development cluster: started apart from this one, found again by later calls,
 * ended.
 *
 * A process is remembered in a small file: its id, when it was started, and in which boot, so that
 * a number that was given to somebody else meanwhile is never mistaken for it. For dev_cluster.c
 * and cmd_dev.c. */
#ifndef VESTRY_CLIENT_CLI_DEV_PROCESS_H
#define VESTRY_CLIENT_CLI_DEV_PROCESS_H

#include "keys/words/problem.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The process that the file names, or 0 when it is no more. */
MUST_USE pid_t dev_process_find(const char *pid_path);

/* Start a program in a session of its own; what it prints is appended to `log_path`. */
MUST_USE enum status dev_process_start(const char *const arguments[], const char *log_path,
                                       const char *pid_path, struct problem *problem);

/* Start a program that ends by itself, and wait for its end: the exit code, -1 when a signal ended
 * it. Each that was begun must be ended. */
MUST_USE enum status dev_process_begin(const char *const arguments[], const char *log_path,
                                       pid_t *pid, struct problem *problem);
MUST_USE int dev_process_end(pid_t pid);

/* Send a signal to the process that the file names; false when it is no more. */
MUST_USE bool dev_process_signal(const char *pid_path, int number);

/* Wait until it is no more, and remove the file. False when it still is after `timeout_ms`. */
MUST_USE bool dev_process_wait(const char *pid_path, uint64_t timeout_ms);

/* 0 when a server could listen on that port of 127.0.0.1, otherwise what the system says (errno).
 */
MUST_USE int dev_port_try(uint16_t port);

/* Whether somebody listens on the port: seen without connecting. */
MUST_USE bool dev_port_listens(uint16_t port);

/* STATUS_REFUSED, with the process that has it where that can be seen, when the port is not free.
 */
MUST_USE enum status dev_port_need(uint16_t port, struct problem *problem);

#endif
