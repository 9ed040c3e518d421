// cmd.h - the commands, one file each.
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "cli/session.h"

cli_exit cli_cmd_retrieve(cli_session *s);
cli_exit cli_cmd_cut(cli_session *s);
cli_exit cli_cmd_index(cli_session *s);
cli_exit cli_edit_indexes(cli_session *s); // of cli_cmd_index: --remove, --remap
cli_exit cli_cmd_merge(cli_session *s);
cli_exit cli_cmd_export(cli_session *s);
cli_exit cli_cmd_rerank(cli_session *s);
cli_exit cli_cmd_qa(cli_session *s);
cli_exit cli_cmd_caption(cli_session *s);
cli_exit cli_cmd_run(cli_session *s);
cli_exit cli_cmd_match(cli_session *s);
cli_exit cli_cmd_reason(cli_session *s);
cli_exit cli_cmd_embed(cli_session *s);
cli_exit cli_cmd_eval(cli_session *s);
cli_exit cli_cmd_filter(cli_session *s);
cli_exit cli_cmd_calibrate(cli_session *s);
cli_exit cli_cmd_shots(cli_session *s);
cli_exit cli_cmd_serve(cli_session *s);
cli_exit cli_cmd_watch(cli_session *s);
cli_exit cli_cmd_worker(cli_session *s);
cli_exit cli_cmd_mcp(cli_session *s);
cli_exit cli_cmd_tokenize(cli_session *s);
cli_exit cli_cmd_models(cli_session *s);
cli_exit cli_cmd_doctor(cli_session *s);
cli_exit cli_cmd_bench(cli_session *s);

// "linear, attention, layernorm"
void cli_bench_names(vb_string *out);

#endif // CLI_CMD_H
