//! The kit's real trees arrive whole. Needs the distribution's mirror, so it is asked for by name.

use farmbuild_testkit::trees;

#[test]
#[ignore = "fetches 145 MB and unpacks 1.4 GB: run it by name, see CONTRIBUTING.md"]
fn trees_arrive_from_the_distribution() {
    assert!(trees::haproxy().join("src/haproxy.c").is_file());
    assert!(trees::linux().join("kernel/fork.c").is_file());
}
