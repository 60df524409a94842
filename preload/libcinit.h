/* SPDX-License-Identifier: BSD-2-Clause */
/* libc's initialisers, ahead of their time. */
#ifndef PRELOAD_LIBCINIT_H
#define PRELOAD_LIBCINIT_H

/*
 * Run libc's own initialisers with the program's arguments, so that dlopen(3)
 * can be used before the loader has come to them.
 */
void libcinit_run(int argc, char **argv, char **envp);

#endif /* !PRELOAD_LIBCINIT_H */
