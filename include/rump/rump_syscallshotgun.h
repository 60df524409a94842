/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls of the rump kernel under their plain names, for sources that
 * are to use no others.  Define RUMP_SYS_NETWORKING, _IOCTL, _CLOSE, _OPEN,
 * _READWRITE, _FILEOPS, _STAT or _PROCOPS before including rump/rump.h, and the
 * host's headers before that; structures and flags must be NetBSD's all the
 * same.
 */
#ifndef RUMP_RUMP_SYSCALLSHOTGUN_H
#define RUMP_RUMP_SYSCALLSHOTGUN_H

#ifdef RUMP_SYS_NETWORKING
#define socket(...) rump_sys_socket(__VA_ARGS__)
#define accept(...) rump_sys_accept(__VA_ARGS__)
#define bind(...) rump_sys_bind(__VA_ARGS__)
#define connect(...) rump_sys_connect(__VA_ARGS__)
#define getpeername(...) rump_sys_getpeername(__VA_ARGS__)
#define getsockname(...) rump_sys_getsockname(__VA_ARGS__)
#define getsockopt(...) rump_sys_getsockopt(__VA_ARGS__)
#define listen(...) rump_sys_listen(__VA_ARGS__)
#define recvfrom(...) rump_sys_recvfrom(__VA_ARGS__)
#define recvmsg(...) rump_sys_recvmsg(__VA_ARGS__)
#define recvmmsg(...) rump_sys_recvmmsg(__VA_ARGS__)
#define sendmsg(...) rump_sys_sendmsg(__VA_ARGS__)
#define sendmmsg(...) rump_sys_sendmmsg(__VA_ARGS__)
#define sendto(...) rump_sys_sendto(__VA_ARGS__)
#define setsockopt(...) rump_sys_setsockopt(__VA_ARGS__)
#define shutdown(...) rump_sys_shutdown(__VA_ARGS__)
#define socketpair(...) rump_sys_socketpair(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_IOCTL
#define fcntl(...) rump_sys_fcntl(__VA_ARGS__)
#define ioctl(...) rump_sys_ioctl(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_CLOSE
#define close(...) rump_sys_close(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_OPEN
#define open(...) rump_sys_open(__VA_ARGS__)
#define openat(...) rump_sys_openat(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_READWRITE
#define pread(...) rump_sys_pread(__VA_ARGS__)
#define preadv(...) rump_sys_preadv(__VA_ARGS__)
#define pwrite(...) rump_sys_pwrite(__VA_ARGS__)
#define pwritev(...) rump_sys_pwritev(__VA_ARGS__)
#define read(...) rump_sys_read(__VA_ARGS__)
#define readv(...) rump_sys_readv(__VA_ARGS__)
#define write(...) rump_sys_write(__VA_ARGS__)
#define writev(...) rump_sys_writev(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_FILEOPS
#include <sys/types.h> /* has select() */
#define access(...) rump_sys_access(__VA_ARGS__)
#define chdir(...) rump_sys_chdir(__VA_ARGS__)
#define chmod(...) rump_sys_chmod(__VA_ARGS__)
#define chown(...) rump_sys_chown(__VA_ARGS__)
#define chroot(...) rump_sys_chroot(__VA_ARGS__)
#define dup(...) rump_sys_dup(__VA_ARGS__)
#define dup2(...) rump_sys_dup2(__VA_ARGS__)
#define dup3(...) rump_sys_dup3(__VA_ARGS__)
#define faccessat(...) rump_sys_faccessat(__VA_ARGS__)
#define fchdir(...) rump_sys_fchdir(__VA_ARGS__)
#define fchmod(...) rump_sys_fchmod(__VA_ARGS__)
#define fchmodat(...) rump_sys_fchmodat(__VA_ARGS__)
#define fchown(...) rump_sys_fchown(__VA_ARGS__)
#define fchownat(...) rump_sys_fchownat(__VA_ARGS__)
#define fdatasync(...) rump_sys_fdatasync(__VA_ARGS__)
#define flock(...) rump_sys_flock(__VA_ARGS__)
#define fsync(...) rump_sys_fsync(__VA_ARGS__)
#define ftruncate(...) rump_sys_ftruncate(__VA_ARGS__)
#define futimens(...) rump_sys_futimens(__VA_ARGS__)
#define futimes(...) rump_sys_futimes(__VA_ARGS__)
#define getdents(...) rump_sys_getdents(__VA_ARGS__)
#define lchmod(...) rump_sys_lchmod(__VA_ARGS__)
#define lchown(...) rump_sys_lchown(__VA_ARGS__)
#define link(...) rump_sys_link(__VA_ARGS__)
#define linkat(...) rump_sys_linkat(__VA_ARGS__)
#define lseek(...) rump_sys_lseek(__VA_ARGS__)
#define lutimes(...) rump_sys_lutimes(__VA_ARGS__)
#define mkdir(...) rump_sys_mkdir(__VA_ARGS__)
#define mkdirat(...) rump_sys_mkdirat(__VA_ARGS__)
#define mkfifo(...) rump_sys_mkfifo(__VA_ARGS__)
#define mkfifoat(...) rump_sys_mkfifoat(__VA_ARGS__)
#define mknod(...) rump_sys_mknod(__VA_ARGS__)
#define mknodat(...) rump_sys_mknodat(__VA_ARGS__)
#define mount(...) rump_sys_mount(__VA_ARGS__)
#define pathconf(...) rump_sys_pathconf(__VA_ARGS__)
#define pipe(...) rump_sys_pipe(__VA_ARGS__)
#define pipe2(...) rump_sys_pipe2(__VA_ARGS__)
#define poll(...) rump_sys_poll(__VA_ARGS__)
#define pselect(...) rump_sys_pselect(__VA_ARGS__)
#define readlink(...) rump_sys_readlink(__VA_ARGS__)
#define readlinkat(...) rump_sys_readlinkat(__VA_ARGS__)
#define rename(...) rump_sys_rename(__VA_ARGS__)
#define renameat(...) rump_sys_renameat(__VA_ARGS__)
#define rmdir(...) rump_sys_rmdir(__VA_ARGS__)
#define select(...) rump_sys_select(__VA_ARGS__)
#define symlink(...) rump_sys_symlink(__VA_ARGS__)
#define symlinkat(...) rump_sys_symlinkat(__VA_ARGS__)
#define sync(...) rump_sys_sync(__VA_ARGS__)
#define truncate(...) rump_sys_truncate(__VA_ARGS__)
#define umask(...) rump_sys_umask(__VA_ARGS__)
#define unlink(...) rump_sys_unlink(__VA_ARGS__)
#define unlinkat(...) rump_sys_unlinkat(__VA_ARGS__)
#define unmount(...) rump_sys_unmount(__VA_ARGS__)
#define utimensat(...) rump_sys_utimensat(__VA_ARGS__)
#define utimes(...) rump_sys_utimes(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_STAT
#define fstat(...) rump_sys_fstat(__VA_ARGS__)
#define fstatat(...) rump_sys_fstatat(__VA_ARGS__)
#define lstat(...) rump_sys_lstat(__VA_ARGS__)
#define stat(...) rump_sys_stat(__VA_ARGS__)
#endif

#ifdef RUMP_SYS_PROCOPS
#define getegid(...) rump_sys_getegid(__VA_ARGS__)
#define geteuid(...) rump_sys_geteuid(__VA_ARGS__)
#define getgid(...) rump_sys_getgid(__VA_ARGS__)
#define getgroups(...) rump_sys_getgroups(__VA_ARGS__)
#define getpgid(...) rump_sys_getpgid(__VA_ARGS__)
#define getpgrp(...) rump_sys_getpgrp(__VA_ARGS__)
#define getpid(...) rump_sys_getpid(__VA_ARGS__)
#define getppid(...) rump_sys_getppid(__VA_ARGS__)
#define getrlimit(...) rump_sys_getrlimit(__VA_ARGS__)
#define getsid(...) rump_sys_getsid(__VA_ARGS__)
#define getuid(...) rump_sys_getuid(__VA_ARGS__)
#define setegid(...) rump_sys_setegid(__VA_ARGS__)
#define seteuid(...) rump_sys_seteuid(__VA_ARGS__)
#define setgid(...) rump_sys_setgid(__VA_ARGS__)
#define setgroups(...) rump_sys_setgroups(__VA_ARGS__)
#define setpgid(...) rump_sys_setpgid(__VA_ARGS__)
#define setrlimit(...) rump_sys_setrlimit(__VA_ARGS__)
#define setsid(...) rump_sys_setsid(__VA_ARGS__)
#define setuid(...) rump_sys_setuid(__VA_ARGS__)
#endif

#endif /* !RUMP_RUMP_SYSCALLSHOTGUN_H */
