/* cli.h: the command line as a function, so that main stays one line. */
#ifndef SLIPWAY_CLI_H
#define SLIPWAY_CLI_H

/* Runs the verb that argv names and gives the process's exit status: 0 well, 1 the work failed (a
 * job, a finding), 2 the command or its input is invalid, 130 cancelled. */
int cli_main(int argc, char **argv);

/* The index of git's that a hook was run for (a commit of some files, or of all, has one of its
 * own), or NULL. The variable itself is gone by now, with all that point git somewhere. */
const char *cli_index_file(void);

#endif
