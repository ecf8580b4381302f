# make bench: the table of docs/performance.md, measured on this machine (x86_64; bubblewrap and firejail where they
# are installed: make deps-bench). BENCH_N: rounds of a measurement; BENCH_RUNS: how often each is repeated.
BENCH_N ?= 400
BENCH_RUNS ?= 3

# The floor and the targets: no C library, one read-execute segment. The launcher's flags are not shared on purpose.
BARE := -std=gnu11 -O2 -ffreestanding -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -fomit-frame-pointer -Ischema -nostdlib -static -no-pie \
	-Wl,--build-id=none,-z,norelro,-z,noseparate-code,-z,noexecstack
BENCH_SLOPE := 32 128 512
BENCH_BARE := $(addprefix $(B)/bench/,true noop daemon_client service_client floor view_floor $(BENCH_SLOPE:%=floor%))
BENCH_LLC := $(B)/bench/model $(B)/bench/compile_and_exec $(B)/bench/compare $(BENCH_SLOPE:%=$(B)/bench/compare%)
BENCH_HOSTED := -D_GNU_SOURCE $(COMPILER_INCLUDES) -Iruntime -I$(B)/bench

$(B)/bench/true $(B)/bench/noop $(B)/bench/daemon_client $(B)/bench/service_client $(B)/bench/floor $(B)/bench/view_floor: $(B)/bench/%: bench/%.c bench/sys.h bench/service.h bench/policy_p.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(WARNINGS) $(BARE) -o $@ $<

# P with further path rules, up to N: directories four components deep, as found on this machine
$(B)/bench/more%.h $(B)/bench/P%.toml &: bench/policies/P.toml bench/more.sh
	@mkdir -p $(@D)
	$(Q)sh bench/more.sh $* bench/policies/P.toml $(B)/bench/more$*.h $(B)/bench/P$*.toml
.PRECIOUS: $(B)/bench/more%.h $(B)/bench/P%.toml
$(BENCH_SLOPE:%=$(B)/bench/floor%): $(B)/bench/floor%: bench/floor.c bench/sys.h bench/policy_p.h $(B)/bench/more%.h
	$(call say,LD,$@)
	$(Q)$(CC) $(WARNINGS) $(BARE) -I$(B)/bench -DFLOOR_MORE='"more$*.h"' -o $@ $<
$(BENCH_SLOPE:%=$(B)/bench/compare%): $(B)/bench/compare%: bench/compare.c bench/policy_p.h $(B)/bench/more%.h $(B)/libllc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -DFLOOR_MORE='"more$*.h"' -o $@ $< $(B)/libllc.a $(COMPILER_LIBS)

$(B)/bench/spawn: bench/spawn.c bench/embed.c bench/embed.h bench/policy_p.h $(B)/libllrun.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -static -o $@ bench/spawn.c bench/embed.c $(B)/libllrun.a -lm
$(B)/bench/step: bench/step.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -o $@ $<
$(B)/bench/model $(B)/bench/compare: $(B)/bench/%: bench/%.c bench/lists.def bench/policy_p.h $(B)/libllc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -o $@ $< $(B)/libllc.a $(COMPILER_LIBS)
$(B)/bench/compile_and_exec: bench/compile_and_exec.c $(B)/libllc.a $(B)/libllrun.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -o $@ $< $(B)/libllc.a $(B)/libllrun.a $(COMPILER_LIBS)

$(B)/bench/docker: bench/docker.c bench/docker_profile.c bench/docker_time.c bench/docker.h $(B)/libllc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -o $@ $(filter %.c,$^) $(B)/libllc.a $(COMPILER_LIBS)
$(B)/bench/bitmap: bench/bitmap.c $(B)/libllc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(BENCH_HOSTED) -o $@ $< $(B)/libllc.a $(COMPILER_LIBS)

# the floor of a daemon: a hosted program, as its time is that of its children; its loop makes raw system calls
$(B)/bench/daemon_floor: bench/daemon_floor.c bench/sys.h bench/service.h bench/policy_p.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -std=gnu11 $(BENCH_HOSTED) -static -o $@ $<
$(B)/bench/daemon_floor_service: bench/daemon_floor.c bench/sys.h bench/service.h bench/policy_p.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -std=gnu11 $(BENCH_HOSTED) -static -DSERVICE -o $@ $<
$(B)/bench/daemon_floor512: bench/daemon_floor.c bench/sys.h bench/service.h bench/policy_p.h $(B)/bench/more512.h
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -std=gnu11 $(BENCH_HOSTED) -static -DFLOOR_MORE='"more512.h"' -o $@ $<
# what a brokered call costs
$(B)/bench/broker_calls: bench/broker_calls.c schema/kernel_broker.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -std=gnu11 -Ischema -static -o $@ $<
$(B)/bench/soak: bench/soak.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -D_GNU_SOURCE -o $@ $<
# 100,000 runs through the daemon: nothing may grow
SOAK_RUNS ?= 100000
soak: $(B)/llc-policy $(B)/llrun $(B)/llrund $(B)/bench/soak $(B)/bench/true $(B)/bench/P512.toml
	$(Q)bench/soak.sh $(B) $(SOAK_RUNS)
.PHONY: soak
BENCH_DAEMON := $(B)/bench/daemon_floor $(B)/bench/daemon_floor_service $(B)/bench/daemon_floor512

bench-programs: $(B)/bench/broker_calls $(B)/tests/closure $(BENCH_DAEMON) $(BENCH_BARE) $(BENCH_LLC) $(B)/bench/spawn $(B)/bench/step $(B)/bench/docker $(B)/bench/bitmap
ifeq ($(shell uname -m),x86_64)
bench: $(B)/llc-policy $(B)/llrun bench-programs
	$(Q)MAKE='$(MAKE)' bench/run $(B) $(BENCH_N) $(BENCH_RUNS)
else
bench:
	$(Q)echo "make bench: its floor is written for x86_64"; exit 1
endif
# the figures of docs/performance.md, measured anew: on a machine that does nothing else
bench-docs: $(B)/llc-policy $(B)/llrun bench-programs
	$(Q)$(MAKE) -s bench >$(B)/bench/figures.md
	$(Q)sed -i '/^As printed by/q' docs/performance.md
	$(Q){ echo; cat $(B)/bench/figures.md; } >>docs/performance.md
# a million brokered calls, and what the broker has then that it did not have before: descriptors, memory, threads
SOAK_CALLS ?= 1000000
soak-broker: $(B)/llc-policy $(B)/llrun $(B)/llrund $(B)/tests/brokered
	$(Q)sh bench/soak_broker.sh $(B) $(SOAK_CALLS)
.PHONY: bench-programs bench-docs soak-broker
