//! The cache as people meet it: builds again, and what is found again.

use crate::run;
use crate::tree::{project, remove_new, same_files, snapshot};
use crate::user::User;

#[test]
fn a_build_that_was_made_before_is_found_again_to_the_byte() {
    let (user, tree) = (User::alone().with_cache(), project(6));
    let before = snapshot(tree.path());
    run::run(user.command(tree.path(), "make").arg("-j2")).ok();
    let plain = snapshot(tree.path());
    for _ in 0..2 {
        remove_new(tree.path(), &before);
        user.build(&tree, ["make", "-j2"]).ok();
        same_files(&snapshot(tree.path()), &plain);
    }
    assert_eq!(user.stat("jobs.hit.direct"), 7, "{}", user.stats());
}
