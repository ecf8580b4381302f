# Tests: tests/unit/*_test.c are TAP programs (linked with libllc.a); tests/*.bats drive the real programs;
# tests/probe/*.c are static helpers that run under policies. tests/run counts them all.
LDLIBS_enter_test = $(B)/libllrun.a -lpthread
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT_SRC))
PROBE_SRC := $(wildcard tests/probe/*.c)
PROBE_BIN := $(patsubst tests/probe/%.c,$(B)/tests/%,$(PROBE_SRC))
HELPER_SRC := $(wildcard tests/helper/*.c)
HELPER_BIN := $(patsubst tests/helper/%.c,$(B)/tests/%,$(HELPER_SRC))
TEST_BINS := $(UNIT_BIN) $(PROBE_BIN) $(HELPER_BIN)

# common code of the test programs: tests/lib/*.c
TESTLIB_OBJ := $(patsubst tests/lib/%.c,$(B)/tests/lib/%.o,$(wildcard tests/lib/*.c))
TEST_CFLAGS := $(CFLAGS) $(WARNINGS) -D_GNU_SOURCE $(COMPILER_INCLUDES) -Iruntime -Itests/lib
$(B)/tests/lib/%.o: tests/lib/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/tests/enter_test: $(B)/libllrun.a
$(B)/tests/%: tests/unit/%.c $(TESTLIB_OBJ) $(B)/libllc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(TESTLIB_OBJ) $(B)/libllc.a $(COMPILER_LIBS) $(LDLIBS_$*)
# hosted helpers that need the compiler's library or the reader
$(B)/tests/%: tests/helper/%.c $(TESTLIB_OBJ) $(B)/libllc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(TESTLIB_OBJ) $(B)/libllc.a $(COMPILER_LIBS) -lpthread
# probes run under policies and in virtual machines: static, small, musl
$(B)/tests/%: tests/probe/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)musl-gcc -static -O2 -std=gnu11 -Wall -Wextra -Werror -Ischema -idirafter /usr/include/$(shell uname -m)-linux-gnu \
		-idirafter /usr/include -MMD -MP -MF $@.d -o $@ $<

# aarch64, where there is a cross compiler: llrun, and what it needs in the machine of tests/vm.bats (static glibc)
ifneq ($(shell command -v $(ARM64_CC) 2>/dev/null),)
ARM64_TEST_BINS := $(addprefix $(B)/aarch64/,llrun llrund tests/probe tests/vminit)
endif
$(B)/aarch64/tests/%: tests/probe/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(ARM64_CC) -static -O2 -std=gnu11 -Wall -Wextra -Werror -Ischema -MMD -MP -MF $@.d -o $@ $<

# llrund, for whom two seconds without a run are a long time
TEST_BINS += $(B)/tests/llrund-idle
$(B)/tests/llrund-idle.o: runtime/llrund/spawner.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(RUNTIME_CFLAGS) -DIDLE_TIME=2 -MMD -MP -MF $(B)/tests/llrund-idle.d -c -o $@ $<
$(B)/tests/llrund-idle: $(B)/tests/llrund-idle.o $(filter-out $(B)/runtime/llrund/spawner.o,$(LLRUND_OBJ)) $(LIBLLRUN_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(RUNTIME_LDFLAGS) -o $@ $(filter %.o,$^)

# what tests/run NAME needs
.PHONY: test-programs
test-programs: all $(TEST_BINS) $(ARM64_TEST_BINS)

check: test-programs check-generated
	$(Q)tests/run

-include $(TEST_BINS:=.d) $(ARM64_TEST_BINS:=.d) $(TESTLIB_OBJ:.o=.d)
