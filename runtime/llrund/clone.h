/* SPDX-License-Identifier: MIT */
/* clone3(2) of a child that runs a function on a stack of its own: C cannot say that, a new stack has no caller. */
#ifndef LLRUND_CLONE_H
#define LLRUND_CLONE_H

#include "kernel_run.h"
#include "sys.h"

/*
 * Starts a child or thread at function(argument), on args->stack (16-aligned, args->stack_size above it). What the
 * function returns becomes its exit status. Returns the child's id, or a negative error number. With CLONE_VM the child
 * sees the caller's memory: nothing that it uses may live on the caller's stack.
 */
static inline long clone_call(const struct k_clone_args *args, long (*function)(void *argument), void *argument)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[argument], %%rdi\n\t"
			 "call *%[function]\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)NR_clone3), "D"(args),
			   "S"(sizeof(*args)), [function] "r"(function), [argument] "r"(argument), [exit] "i"(NR_exit)
			 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = NR_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[argument]\n\t"
			 "blr %[function]\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc 0\n\t"
			 "brk 0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), [function] "r"(function), [argument] "r"(argument), [exit] "i"(NR_exit)
			 : "memory");
	return x0;
#endif
}

#endif
