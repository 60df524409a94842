/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address sanitizer wants to be the first library of all, and asks for its
 * options by this name: a program that has a function of that name itself needs
 * ASAN_OPTIONS.  Others need not see anything in their environment.
 */
const char *__asan_default_options(void);

__attribute__((__visibility__("default"))) const char *
__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}
