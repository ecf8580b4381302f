# llc-trace: the privileged observer of llc-policy trace. Its programs are compiled against compiler/trace/kernel.h, not
# against a kernel's headers or BTF, so that the object does not depend on the machine that builds it; libbpf fits
# it to the running kernel. Linked dynamically with libbpf: nothing else needs that library, nothing waits for this program.
BPF_CC ?= clang
# Debian keeps it where only root's PATH leads
BPFTOOL ?= $(or $(wildcard /usr/sbin/bpftool),bpftool)
LIBBPF ?= -lbpf
BPF_ARCH := $(if $(findstring aarch64,$(shell $(CC) -dumpmachine)),arm64,x86)
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-sign-compare -fdebug-compilation-dir=. -Icompiler/trace

$(B)/trace/%.bpf.o: compiler/trace/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(BPF_CC) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $(@:.o=.full.o) $<
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.full.o)
$(B)/trace/%.skel.h: $(B)/trace/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@.tmp && mv $@.tmp $@
# for kernels that load by themselves: no library takes part when it runs
$(B)/trace/%.light.h: $(B)/trace/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton -L $< name $*_light >$@.tmp && mv $@.tmp $@
$(B)/trace/llc-trace.o: compiler/trace/llc-trace.c $(B)/trace/calls.skel.h $(B)/trace/calls.light.h
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -D_GNU_SOURCE -Icompiler/trace -isystem $(B)/trace -MMD -MP -c -o $@ $<
$(B)/llc-trace: $(B)/trace/llc-trace.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBBPF)

# BPF=no: without it; llc-policy trace then uses ptrace
BPF ?= yes
TRACE_PROGRAM := $(if $(filter yes,$(BPF)),$(B)/llc-trace)
ALL_OBJECTS += $(B)/trace/llc-trace.o $(B)/trace/calls.bpf.o
.PRECIOUS: $(B)/trace/%.bpf.o $(B)/trace/%.skel.h $(B)/trace/%.light.h
