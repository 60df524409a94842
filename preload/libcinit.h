/* SPDX-License-Identifier: BSD-2-Clause */
/* libc's initialisers, ahead of their time. */
#ifndef PRELOAD_LIBCINIT_H
#define PRELOAD_LIBCINIT_H

/*
 * Run libc's own initialisers with the program's arguments, so that dlopen(3)
 * can be used before the loader has come to them.
 */
void libcinit_run(int argc, char **argv, char **envp);

/* Put right what that has undone in the calling thread. */
void libcinit_again(void);

#endif /* !PRELOAD_LIBCINIT_H */
