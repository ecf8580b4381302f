# llc-policy: grammar, compiler, and the runtime's blob reader.
COMPILER_INCLUDES := -Ischema -Igrammar -Icompiler -Icompiler/front -Icompiler/back -Icompiler/tools
COMPILER_DEFINES := -D_GNU_SOURCE -DLLC_PREFIX='"$(PREFIX)"' -DLLC_BINDIR='"$(BINDIR)"' -DLLC_LIBEXECDIR='"$(LIBEXECDIR)"'
COMPILER_LIBS := -lseccomp -lelf -ljansson -lmd

FRONT_SRC := $(wildcard compiler/front/*.c)
BACK_SRC := $(wildcard compiler/back/*.c)
TOOLS_SRC := compiler/options.c compiler/compile.c $(wildcard compiler/tools/*.c)
# everything but main(), for the tests and the fuzzers
LIBLLC_OBJ := $(patsubst %.c,$(B)/%.o,$(FRONT_SRC) $(BACK_SRC) $(TOOLS_SRC)) $(B)/grammar/toml.lex.o \
	$(B)/grammar/toml.tab.o $(B)/grammar/cond.lex.o $(B)/grammar/cond.tab.o $(B)/hosted/blob.o \
	$(B)/hosted/blob_broker.o $(B)/hosted/blob_view.o
LLC_OBJ := $(B)/compiler/llc-policy.o
GENERATED_SOURCES := $(foreach g,toml cond,$(addprefix $(B)/grammar/$(g).,lex.c lex.h tab.c tab.h))

# Loading shared libraries is a third of what `llc-policy run` costs: where all of them have an archive, the program is
# static, position-independent all the same (it reads files that others wrote), and else dynamic.
LLC_STATIC := -static-pie -lelf -lz -ljansson -lmd
$(B)/llc-policy: $(LLC_OBJ) $(B)/libllc.a $(B)/libperform.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LLC_STATIC) 2>/dev/null || \
		$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(COMPILER_LIBS)

$(B)/libllc.a: $(LIBLLC_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/compiler/tools/%.o $(B)/compiler/compile.o: COMPILER_INCLUDES += -Iruntime
$(B)/compiler/%.o: compiler/%.c | $(GENERATED_SOURCES)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(WARNINGS) $(COMPILER_DEFINES) $(COMPILER_INCLUDES) -MMD -MP -c -o $@ $<

# the same reader that llrun links, built for a hosted program
$(B)/hosted/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(WARNINGS) -Ischema -Iruntime -MMD -MP -c -o $@ $<

$(B)/grammar/%.tab.c $(B)/grammar/%.tab.h: grammar/%.y
	@mkdir -p $(@D)
	$(call say,BISON,$<)
	$(Q)$(BISON) -Werror -Wall -o $(B)/grammar/$*.tab.c --defines=$(B)/grammar/$*.tab.h $<

$(B)/grammar/%.lex.c $(B)/grammar/%.lex.h: grammar/%.l
	@mkdir -p $(@D)
	$(call say,FLEX,$<)
	$(Q)$(FLEX) --header-file=$(B)/grammar/$*.lex.h -o $(B)/grammar/$*.lex.c $<

# generated code: the narrowest exceptions that flex and bison need
$(B)/grammar/%.o: $(B)/grammar/%.c | $(GENERATED_SOURCES)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(WARNINGS) -Wno-conversion -Wno-sign-conversion -Wno-switch-enum -Wno-missing-prototypes -Wno-unused-function \
		$(COMPILER_DEFINES) $(COMPILER_INCLUDES) -I$(B)/grammar -MMD -MP -c -o $@ $<

ALL_OBJECTS += $(LIBLLC_OBJ) $(LLC_OBJ)
