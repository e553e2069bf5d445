//! Lines as real build systems write them.

use crate::line::{analysed, words};

struct Row {
    line: &'static str,
    preprocess: &'static str,
    compile: &'static str,
    side_outputs: &'static [&'static str],
}

const ROWS: &[Row] = &[
    // Linux 6.1, an x86 object with a module name.
    Row {
        line: r#"gcc -Wp,-MMD,kernel/.fork.o.d -nostdinc -I./arch/x86/include -I./include -include ./include/linux/compiler-version.h -include ./include/linux/kconfig.h -include ./include/linux/compiler_types.h -D__KERNEL__ -fmacro-prefix-map=./= -Wall -Wundef -std=gnu11 -fshort-wchar -mno-sse -m64 -falign-jumps=1 -mcmodel=kernel -mindirect-branch=thunk-extern -fcf-protection=none -Wno-frame-address -O2 --param=allow-store-data-races=0 -fstack-protector-strong -Wimplicit-fallthrough=5 -fno-strict-overflow -fconserve-stack -Werror=date-time -mstack-protector-guard=global -DKBUILD_MODFILE='"kernel/fork"' -DKBUILD_BASENAME='"fork"' -DKBUILD_MODNAME='"fork"' -D__KBUILD_MODNAME=kmod_fork -c -o kernel/fork.o kernel/fork.c"#,
        preprocess: r#"-Wp,-MMD,kernel/.fork.o.d -nostdinc -I./arch/x86/include -I./include -include ./include/linux/compiler-version.h -include ./include/linux/kconfig.h -include ./include/linux/compiler_types.h -D__KERNEL__ -fmacro-prefix-map=./= -Wall -Wundef -std=gnu11 -fshort-wchar -mno-sse -m64 -falign-jumps=1 -mcmodel=kernel -mindirect-branch=thunk-extern -fcf-protection=none -Wno-frame-address -O2 --param=allow-store-data-races=0 -fstack-protector-strong -Wimplicit-fallthrough=5 -fno-strict-overflow -fconserve-stack -Werror=date-time -mstack-protector-guard=global -DKBUILD_MODFILE='"kernel/fork"' -DKBUILD_BASENAME='"fork"' -DKBUILD_MODNAME='"fork"' -D__KBUILD_MODNAME=kmod_fork kernel/fork.c"#,
        compile: "-fmacro-prefix-map=./= -Wall -Wundef -std=gnu11 -fshort-wchar -mno-sse -m64 -falign-jumps=1 -mcmodel=kernel -mindirect-branch=thunk-extern -fcf-protection=none -Wno-frame-address -O2 --param=allow-store-data-races=0 -fstack-protector-strong -Wimplicit-fallthrough=5 -fno-strict-overflow -fconserve-stack -Werror=date-time -mstack-protector-guard=global -c kernel/fork.c -o kernel/fork.o",
        side_outputs: &["kernel/.fork.o.d"],
    },
    // Linux cross-compiled by clang.
    Row {
        line: "clang -Wp,-MMD,lib/.crc32.o.d -nostdinc -I./include -D__KERNEL__ --target=aarch64-linux-gnu -fintegrated-as -Werror=unknown-warning-option -mgeneral-regs-only -mbranch-protection=pac-ret -Wa,-march=armv8.5-a -DARM64_ASM_ARCH='\"armv8.5-a\"' -O2 -mllvm -asan-mapping-offset=0xd -c -o lib/crc32.o lib/crc32.c",
        preprocess: "-MQ lib/crc32.o -Wp,-MMD,lib/.crc32.o.d -nostdinc -I./include -D__KERNEL__ --target=aarch64-linux-gnu -fintegrated-as -Werror=unknown-warning-option -mgeneral-regs-only -mbranch-protection=pac-ret -Wa,-march=armv8.5-a -DARM64_ASM_ARCH='\"armv8.5-a\"' -O2 -mllvm -asan-mapping-offset=0xd lib/crc32.c",
        compile: "--target=aarch64-linux-gnu -fintegrated-as -Werror=unknown-warning-option -mgeneral-regs-only -mbranch-protection=pac-ret -Wa,-march=armv8.5-a -O2 -mllvm -asan-mapping-offset=0xd -c lib/crc32.c -o lib/crc32.o",
        side_outputs: &["lib/.crc32.o.d"],
    },
    // haproxy.
    Row {
        line: r#"gcc -Iinclude -O2 -g -fwrapv -Wall -Wextra -Wundef -Wno-address-of-packed-member -Wimplicit-fallthrough -DUSE_EPOLL -DUSE_THREAD -DCONFIG_HAPROXY_VERSION=\"3.2.0\" -DBUILD_TARGET='"linux-glibc"' -pthread -c -o src/cfgparse.o src/cfgparse.c"#,
        preprocess: r#"-Iinclude -O2 -g -fwrapv -Wall -Wextra -Wundef -Wno-address-of-packed-member -Wimplicit-fallthrough -DUSE_EPOLL -DUSE_THREAD -DCONFIG_HAPROXY_VERSION=\"3.2.0\" -DBUILD_TARGET='"linux-glibc"' -pthread src/cfgparse.c"#,
        compile: "-O2 -g -fwrapv -Wall -Wextra -Wundef -Wno-address-of-packed-member -Wimplicit-fallthrough -pthread -c src/cfgparse.c -o src/cfgparse.o",
        side_outputs: &[],
    },
    // cmake.
    Row {
        line: "/usr/bin/g++ -DNDEBUG -I/src/include -isystem /dep/include -O3 -std=gnu++17 -fPIC -MD -MT CMakeFiles/x.dir/a.cpp.o -MF CMakeFiles/x.dir/a.cpp.o.d -o CMakeFiles/x.dir/a.cpp.o -c /src/a.cpp",
        preprocess: "-DNDEBUG -I/src/include -isystem /dep/include -O3 -std=gnu++17 -fPIC -MD -MT CMakeFiles/x.dir/a.cpp.o -MF CMakeFiles/x.dir/a.cpp.o.d /src/a.cpp",
        compile: "-O3 -std=gnu++17 -fPIC -c /src/a.cpp -o CMakeFiles/x.dir/a.cpp.o",
        side_outputs: &["CMakeFiles/x.dir/a.cpp.o.d"],
    },
    // meson with ninja.
    Row {
        line: "clang++ -Ilib.p -I../inc -fcolor-diagnostics -D_FILE_OFFSET_BITS=64 -Wnon-virtual-dtor -O2 -fPIC -MD -MQ lib.p/a.cc.o -MF lib.p/a.cc.o.d -o lib.p/a.cc.o -c ../a.cc",
        preprocess: "-Ilib.p -I../inc -fcolor-diagnostics -D_FILE_OFFSET_BITS=64 -Wnon-virtual-dtor -O2 -fPIC -MD -MQ lib.p/a.cc.o -MF lib.p/a.cc.o.d ../a.cc",
        compile: "-fcolor-diagnostics -Wnon-virtual-dtor -O2 -fPIC -c ../a.cc -o lib.p/a.cc.o",
        side_outputs: &["lib.p/a.cc.o.d"],
    },
    // automake.
    Row {
        line: "gcc -DHAVE_CONFIG_H -I. -I.. -g -O2 -MT main.o -MD -MP -MF .deps/main.Tpo -c -o main.o main.c",
        preprocess: "-DHAVE_CONFIG_H -I. -I.. -g -O2 -MT main.o -MD -MP -MF .deps/main.Tpo main.c",
        compile: "-g -O2 -c main.c -o main.o",
        side_outputs: &[".deps/main.Tpo"],
    },
    // libtool.
    Row {
        line: "gcc -DPACKAGE=\\\"x\\\" -g -O2 -MT libx_la-a.lo -MD -MP -MF .deps/libx_la-a.Tpo -c a.c -fPIC -DPIC -o .libs/libx_la-a.o",
        preprocess: "-DPACKAGE=\\\"x\\\" -g -O2 -MT libx_la-a.lo -MD -MP -MF .deps/libx_la-a.Tpo a.c -fPIC -DPIC",
        compile: "-g -O2 -fPIC -c a.c -o .libs/libx_la-a.o",
        side_outputs: &[".deps/libx_la-a.Tpo"],
    },
    // The cc crate of Rust.
    Row {
        line: "gcc -O3 -ffunction-sections -fdata-sections -fPIC -gdwarf-4 -fno-omit-frame-pointer -m64 -I vendor/zlib -Wall -Wextra -DZ_HAVE_UNISTD_H -o /t/out/1fb8e-adler32.o -c vendor/zlib/adler32.c",
        preprocess: "-O3 -ffunction-sections -fdata-sections -fPIC -gdwarf-4 -fno-omit-frame-pointer -m64 -I vendor/zlib -Wall -Wextra -DZ_HAVE_UNISTD_H vendor/zlib/adler32.c",
        compile: "-O3 -ffunction-sections -fdata-sections -fPIC -gdwarf-4 -fno-omit-frame-pointer -m64 -Wall -Wextra -c vendor/zlib/adler32.c -o /t/out/1fb8e-adler32.o",
        side_outputs: &[],
    },
    // A Debian package.
    Row {
        line: "gcc -Wdate-time -D_FORTIFY_SOURCE=2 -g -O2 -ffile-prefix-map=/build/x=. -fstack-protector-strong -Wformat -Werror=format-security -Wa,--noexecstack -c -o a.o a.c",
        preprocess: "-Wdate-time -D_FORTIFY_SOURCE=2 -g -O2 -ffile-prefix-map=/build/x=. -fstack-protector-strong -Wformat -Werror=format-security -Wa,--noexecstack a.c",
        compile: "-Wdate-time -g -O2 -ffile-prefix-map=/build/x=. -fstack-protector-strong -Wformat -Werror=format-security -Wa,--noexecstack -c a.c -o a.o",
        side_outputs: &[],
    },
    // busybox.
    Row {
        line: "arm-linux-gnueabihf-gcc -Wp,-MD,coreutils/.cat.o.d -std=gnu99 -Iinclude -Ilibbb -include include/autoconf.h -D_GNU_SOURCE -DNDEBUG -DBB_VER='\"1.36.1\"' -Os -static-libgcc -c -o coreutils/cat.o coreutils/cat.c",
        preprocess: "-Wp,-MD,coreutils/.cat.o.d -std=gnu99 -Iinclude -Ilibbb -include include/autoconf.h -D_GNU_SOURCE -DNDEBUG -DBB_VER='\"1.36.1\"' -Os -static-libgcc coreutils/cat.c",
        compile: "-std=gnu99 -Os -static-libgcc -c coreutils/cat.c -o coreutils/cat.o",
        side_outputs: &["coreutils/.cat.o.d"],
    },
    // make's own rule, without a name for the object.
    Row {
        line: "gcc -g -O2 -c sub/x.c",
        preprocess: "-g -O2 sub/x.c",
        compile: "-g -O2 -c sub/x.c -o x.o",
        side_outputs: &[],
    },
    // git.
    Row {
        line: "gcc -o builtin/add.o -c -MF builtin/.depend/add.o.d -MQ builtin/add.o -MMD -MP -g -O2 -Wall -I. -DSHA1_DC builtin/add.c",
        preprocess: "-MF builtin/.depend/add.o.d -MQ builtin/add.o -MMD -MP -g -O2 -Wall -I. -DSHA1_DC builtin/add.c",
        compile: "-g -O2 -Wall -c builtin/add.c -o builtin/add.o",
        side_outputs: &["builtin/.depend/add.o.d"],
    },
];

#[test]
fn lines_of_real_build_systems_travel() {
    for Row { line, preprocess, compile, side_outputs } in ROWS {
        let analysis = analysed(line);
        let plan = analysis.remote.unwrap_or_else(|refused| panic!("{line}: {refused}"));
        assert_eq!(plan.preprocess_args, words(preprocess), "{line}");
        assert_eq!(plan.compile_args, words(compile), "{line}");
        let written: Vec<_> =
            analysis.side_outputs.iter().map(|one| one.path.as_os_str()).collect();
        assert_eq!(written, *side_outputs, "{line}");
    }
}
