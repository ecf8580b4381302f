/* SPDX-License-Identifier: MIT */
/* Subcommands that live in compiler/tools: argv[0] is the command's own name; the result is the exit status. */
#ifndef COMPILER_TOOLS_H
#define COMPILER_TOOLS_H

int cmd_compile(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_trust(int argc, char **argv);
int cmd_runlock(int argc, char **argv);
int cmd_landrun(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_why(int argc, char **argv);

#endif
