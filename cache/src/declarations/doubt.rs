//! Why a text isn't split: a word, which `farmbuild stats` counts, and a sentence for people (`farmbuild why`).

use farmbuild_core::named_reasons;

named_reasons! {
    /// A reason why a file is refused: what isn't understood for certain is never guessed.
    pub enum Doubt in "jobs.declarations" {
    Byte "byte" "a byte outside of literals that no C text has (a backslash, a digraph, a control character)"
    Comment "comment" "a comment in preprocessed text"
    Literal "literal" "a literal that doesn't end in its line, or a raw one"
    Directive "directive" "a directive that preprocessing should have removed, or a line marker that can't be read"
    Pragma "pragma" "a pragma whose reach isn't known"
    Brackets "brackets" "brackets that don't match"
    Depth "depth" "brackets within brackets, deeper than anybody writes"
    Unfinished "unfinished" "the text ends within a declaration"
    Specifiers "specifiers" "what a declaration begins with isn't understood"
    ImplicitInt "implicit-int" "a declaration without a type"
    Declarator "declarator" "a declarator that isn't understood"
    OldStyle "old-style" "a function definition in the style of K&R"
    TagScope "tag-scope" "a struct, union or enum that is declared where its scope isn't clear"
    TagKind "tag-kind" "a tag that is a struct in one place and a union or an enum in another"
    Position "position" "a word that asks for a place or a name in the source (__builtin_LINE, __builtin_dump_struct and their like)"
    Macros "macros" "a word that only a preprocessor knows (_Pragma, __DATE__, __COUNTER__)"
    Size "size" "more text than is looked at"
    Language "language" "it isn't C (C++ is refused: a name means too many things there)"
    Positions "positions" "where things stand shows in its object in ways that aren't followed (clang's debug info, -g3, sanitizers, coverage, LTO, profiles)"
    Line "line" "a #line directive, behind which nobody knows in which column of which file something stands"
    Files "files" "the files that it was made of aren't what they were any more"
    Option "option" "an option lets unused declarations show in the object or in messages"
    Builtins "builtins" "which functions its compiler knows by itself can't be told"
    Travelling "travelling" "its text was made to travel, with macros in it"
    TurnedOff "turned-off" "the tier is turned off for this compiler and these flags, see farmbuild doctor"
    Tangled "tangled" "declarations that name each other in too many ways"
    }
}
