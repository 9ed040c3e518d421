// watch_stream.h - `watch` of a stream (cli.md 14).
#ifndef CLI_WATCH_STREAM_H
#define CLI_WATCH_STREAM_H

#include "cli/alarm.h"

// Whether the operand is an address, or standard input; else it is a directory.
bool cli_watches_stream(const cli_args *args);

vblip_status cli_watch_stream_check(cli_session *s, vblip_error *err);

// Until it ends, or is interrupted.
vblip_status cli_watch_stream_run(cli_session *s, cli_alarm *alarm, vblip_error *err);

#endif // CLI_WATCH_STREAM_H
