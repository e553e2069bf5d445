//! Options about the code, its debug information and its warnings, which travel.

use super::Class::{
    AssemblerWord, AssemblerWords, Both, Debug, FrontendWord, LlvmOption, Lto, Processor,
};
use super::Style::{Either, Flag, Joined, Separate};
use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    // Whatever begins so and isn't listed elsewhere takes its argument in the same word, if it takes one.
    row("-f", Joined, Both),
    row("-m", Joined, Both),
    row("-W", Joined, Both),
    row("-O", Joined, Both),
    row("--optimize", Flag, Both),
    row("--optimize=", Joined, Both),
    row("-g", Joined, Debug),
    row("--debug", Flag, Debug),
    row("-w", Flag, Both),
    row("--no-warnings", Flag, Both),
    row("--all-warnings", Flag, Both),
    row("--extra-warnings", Flag, Both),
    row("--warn-", Joined, Both),
    row("-pedantic", Flag, Both),
    row("--pedantic", Flag, Both),
    row("-pedantic-errors", Flag, Both),
    row("--pedantic-errors", Flag, Both),
    // The language and the target.
    row("-std=", Joined, Both),
    row("--std=", Joined, Both),
    row("--std", Separate, Both),
    row("-ansi", Flag, Both),
    row("--ansi", Flag, Both),
    row("-pthread", Flag, Both),
    row("-pthreads", Flag, Both),
    row("-p", Flag, Both),
    row("-pg", Flag, Both),
    row("--profile", Flag, Both),
    row("--param", Separate, Both),
    row("--param=", Joined, Both),
    row("--target=", Joined, Both),
    row("-target", Separate, Both),
    row("-meabi", Separate, Both),
    row("-mthread-model", Separate, Both),
    row("-ftrapv-handler", Separate, Both),
    // A name is only a seed here, and only a linker there.
    row("-frandom-seed=", Joined, Both),
    row("-fuse-ld=", Joined, Both),
    // These name files to be compared or replaced, not to be read.
    row("-finstrument-functions-exclude-file-list=", Joined, Both),
    row("-fprofile-prefix-map=", Joined, Both),
    row("-fprofile-update=", Joined, Both),
    row("-fdebug-compilation-dir", Separate, Both),
    row("-march=", Joined, Processor),
    row("-mtune=", Joined, Processor),
    row("-mcpu=", Joined, Processor),
    row("-flto", Joined, Lto(true)),
    row("-fno-lto", Flag, Lto(false)),
    // `-G8` or `-G 8`: how small data must be to go to the small data section of MIPS and others.
    row("-G", Either, Both),
    row("-EB", Flag, Both),
    row("-EL", Flag, Both),
    row("-mlittle-endian", Flag, Both),
    row("-integrated-as", Flag, Both),
    row("-no-integrated-as", Flag, Both),
    // Straight to another stage.
    row("-Wa,", Joined, AssemblerWords),
    row("-Xassembler", Separate, AssemblerWord),
    row("--for-assembler", Separate, AssemblerWord),
    row("-Xclang", Separate, FrontendWord),
    row("-mllvm", Separate, LlvmOption),
    row("-mllvm=", Joined, LlvmOption),
];
