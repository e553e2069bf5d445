//! The grammar, row by row.

use proptest::prelude::*;

use super::*;
use crate::AddressError;

fn remote(host: &str, port: u16, slots: usize, compression: Compression) -> RemoteHost {
    RemoteHost { address: Address { host: host.to_owned(), port }, slots, compression }
}

#[test]
fn each_form_of_a_tcp_host_is_read() {
    use Compression::{Lzo, None};
    for (text, expected) in [
        ("red", remote("red", 3632, 4, None)),
        ("red.example.org", remote("red.example.org", 3632, 4, None)),
        ("10.0.0.1", remote("10.0.0.1", 3632, 4, None)),
        ("red:4200", remote("red", 4200, 4, None)),
        ("red/16", remote("red", 3632, 16, None)),
        ("red:4200/16", remote("red", 4200, 16, None)),
        ("red/16:4200", remote("red", 4200, 16, None)),
        ("red,lzo", remote("red", 3632, 4, Lzo)),
        ("red:4200/16,lzo", remote("red", 4200, 16, Lzo)),
        ("red,lzo,lzo", remote("red", 3632, 4, Lzo)),
        ("[::1]", remote("::1", 3632, 4, None)),
        ("[::1]/2", remote("::1", 3632, 2, None)),
        ("[fe80::1%eth0]:99/2,lzo", remote("fe80::1%eth0", 99, 2, Lzo)),
        ("localhost:4200", remote("localhost", 4200, 4, None)),
        ("localhost/3:4200", remote("localhost", 4200, 3, None)),
        ("localhost,lzo", remote("localhost", 3632, 4, Lzo)),
        ("localhost2", remote("localhost2", 3632, 4, None)),
        ("red/500", remote("red", 3632, 500, None)),
    ] {
        let list = HostList { hosts: vec![expected], ..HostList::default() };
        assert_eq!(parse(text), Ok(list), "{text}");
    }
}

#[test]
fn localhost_is_this_machine_and_keeps_its_place() {
    let list = parse("red localhost/3 green").unwrap();
    assert_eq!(list.local, Some(LocalHost { slots: 3, position: 1 }));
    assert_eq!(parse("localhost").unwrap().local, Some(LocalHost { slots: 2, position: 0 }));
}

#[test]
fn global_options_are_read() {
    let list = parse("--randomize --localslots=7 red --localslots_cpp=9").unwrap();
    assert!(list.randomize);
    assert_eq!((list.local_slots, list.local_preprocessors), (Some(7), Some(9)));
    assert_eq!(list.hosts.len(), 1);
}

#[test]
fn comments_and_white_space_part_words() {
    let list =
        parse("# all boards\r\nred,lzo\tgreen # the slow one\n\n  blue#and this\n#\n").unwrap();
    let names: Vec<_> = list.hosts.iter().map(|host| host.address.host.as_str()).collect();
    assert_eq!(names, ["red", "green", "blue"]);
}

#[test]
fn an_empty_list_is_a_list() {
    assert_eq!(parse(" \n # nothing\n"), Ok(HostList::default()));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    use HostListProblem as P;
    let limit = |text: &str| P::BadLimit(text.to_owned());
    for (text, problem) in [
        ("red,cpp", P::Pump),
        ("red,lzo,cpp", P::Pump),
        ("red,cpp,lzo", P::Pump),
        ("red,auth", P::Auth),
        ("red,auth=red.example.org", P::Auth),
        ("@red", P::Ssh),
        ("me@red", P::Ssh),
        ("me@red/16:/opt/bin/distccd,lzo", P::Ssh),
        ("+zeroconf", P::Zeroconf),
        ("--wizard", P::UnknownGlobalOption),
        ("--localslots", P::UnknownGlobalOption),
        ("-j4", P::UnknownGlobalOption),
        ("--localslots=", limit("")),
        ("--localslots=many", limit("many")),
        ("--localslots_cpp=0", limit("0")),
        ("red/", limit("")),
        ("red/0", limit("0")),
        ("red/-1", limit("-1")),
        ("red/99999999999999999999", limit("99999999999999999999")),
        ("localhost/x", limit("x")),
        ("red,zstd", P::UnknownHostOption("zstd".to_owned())),
        ("red,", P::UnknownHostOption(String::new())),
        ("red/1/2", P::Repeated("limit")),
        ("red:1/2:3", P::Repeated("port")),
        ("red:", P::Address(AddressError::BadPort(String::new()))),
        ("red:port", P::Address(AddressError::BadPort("port".to_owned()))),
        ("red:65536", P::Address(AddressError::BadPort("65536".to_owned()))),
        ("::1", P::Address(AddressError::BareIpv6)),
        ("fe80::1:2", P::Address(AddressError::BareIpv6)),
        ("[::1", P::Address(AddressError::BadBrackets)),
        ("[::1]x", P::Address(AddressError::BadBrackets)),
        ("[red]", P::Address(AddressError::BadIpv6("red".to_owned()))),
        ("/4", P::Address(AddressError::NoHost)),
        ("+red", P::Address(AddressError::BadCharacter('+'))),
        ("re\u{7}d", P::Address(AddressError::BadCharacter('\u{7}'))),
    ] {
        assert_eq!(parse(text).map_err(|error| error.problem), Err(problem), "{text}");
    }
}

#[test]
fn an_error_says_where() {
    let error = parse("red\n# ü\n ü  green,cpp blue\n").unwrap_err();
    assert_eq!((error.line, error.column, error.word.as_str()), (3, 5, "green,cpp"));
    assert!(error.to_string().starts_with("line 3, column 5: \"green,cpp\": pump mode"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_a_list_or_an_error_that_points_at_its_word(text in ".{0,80}") {
        points_at_its_word(&text)?;
    }

    #[test]
    fn any_mixture_of_the_grammars_parts_is_a_list_or_an_error(
        parts in prop::collection::vec(prop::sample::select(vec![
            "red", "localhost", "--localslots", "=", "[", "]", "::1", ":", "/", "4", ",", "lzo", "cpp", "@", "#",
            "\n", " ", "+zeroconf", "%", "ü",
        ]), 0..20),
    ) {
        points_at_its_word(&parts.concat())?;
    }

    #[test]
    fn what_is_written_is_read_back(
        name in "[a-z][a-z0-9.-]{0,20}", port in 1..=u16::MAX, slots in 1..100_000_usize, lzo in any::<bool>(),
    ) {
        prop_assume!(name != "localhost");
        let text = format!("{name}:{port}/{slots}{}", if lzo { ",lzo" } else { "" });
        let compression = if lzo { Compression::Lzo } else { Compression::None };
        prop_assert_eq!(parse(&text).unwrap().hosts, [remote(&name, port, slots, compression)]);
    }
}

fn points_at_its_word(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = parse(text) {
        let line = text.split('\n').nth(error.line - 1).unwrap();
        let found: String = line.chars().skip(error.column - 1).collect();
        prop_assert!(found.starts_with(&error.word), "{}", error);
    }
    Ok(())
}
