//! The trees that a bisect builds in: one for the commit at hand, and while it is tested one for each that may be next.
//!
//! A step goes on in the tree whose files are nearest to its commit's, so what was built ahead is where it is needed.

use std::thread;

use crate::history::HistoryError;
use crate::history::recipe::{Build, Means, Tested};
use crate::history::stop::Stop;
use crate::history::tree::Tree;

/// The commit at hand, and the two that may be next.
const MOST: usize = 3;

/// Worktrees, with what was built in them.
#[derive(Default)]
pub(super) struct Pool {
    trees: Vec<Place>,
}

struct Place {
    tree: Tree,
    /// The commit that was built to an end here.
    built: Option<(String, Build)>,
}

/// A commit's build, and where it is.
pub(super) struct Here {
    index: usize,
    pub(super) build: Build,
    /// It was built ahead.
    pub(super) ahead: bool,
}

impl Pool {
    /// Builds a commit, unless that was done ahead.
    pub(super) fn build(&mut self, means: Means<'_>, commit: &str) -> Result<Here, HistoryError> {
        let is_built = |place: &Place| place.built.as_ref().is_some_and(|(id, _)| id == commit);
        if let Some(index) = self.trees.iter().position(is_built)
            && let Some((_, build)) = self.trees[index].built.take()
        {
            return Ok(Here { index, build, ahead: true });
        }
        if self.trees.is_empty() {
            self.add(means, commit)?;
        }
        let index = self.nearest(commit, &[]).unwrap_or_default();
        let place = &mut self.trees[index];
        place.built = None;
        let build =
            means.recipe.build(means.workplace, &mut place.tree, commit, false, means.stop)?;
        Ok(Here { index, build, ahead: false })
    }

    /// Runs the test where a commit was built. Meanwhile builds `next` ahead, until the test ends.
    pub(super) fn test(
        &mut self,
        means: Means<'_>,
        here: &Here,
        test: &str,
        next: &[String],
    ) -> Result<Tested, HistoryError> {
        let ahead = means.stop.apart();
        let mut taken = vec![here.index];
        let mut wanted: Vec<(usize, &String)> = Vec::new();
        for commit in next {
            // What can't be built ahead (the disk may be full) is built when its time comes.
            if self.trees.len() < MOST
                && self.trees.len() == taken.len()
                && self.add(means, commit).is_err()
            {
                break;
            }
            if let Some(index) = self.nearest(commit, &taken) {
                taken.push(index);
                wanted.push((index, commit));
            }
        }
        thread::scope(|scope| {
            let mut tree = None;
            for (index, place) in self.trees.iter_mut().enumerate() {
                if index == here.index {
                    tree = Some(&place.tree);
                } else if let Some((_, commit)) = wanted.iter().find(|(it, _)| *it == index) {
                    let ahead = &ahead;
                    scope.spawn(move || place.build_ahead(means, commit, ahead));
                }
            }
            let tested = match tree {
                Some(tree) => means.recipe.test(test, tree, &here.build.log, means.stop),
                None => Err(HistoryError::Stopped),
            };
            ahead.ask();
            tested
        })
    }

    /// The tree with the fewest files to change; a fresh one only if there is no other.
    fn nearest(&self, commit: &str, taken: &[usize]) -> Option<usize> {
        let free = self.trees.iter().enumerate().filter(|(index, _)| !taken.contains(index));
        let far = |place: &Place| place.tree.distance(commit).unwrap_or(usize::MAX);
        free.min_by_key(|(_, place)| far(place)).map(|(index, _)| index)
    }

    fn add(&mut self, means: Means<'_>, commit: &str) -> Result<(), HistoryError> {
        let name = self.trees.len().to_string();
        let tree = Tree::add(means.repository, means.workplace, &name, commit)?;
        self.trees.push(Place { tree, built: None });
        Ok(())
    }
}

impl Place {
    /// Builds a commit that may not be wanted. What goes wrong here goes wrong again, and is told, if it is.
    fn build_ahead(&mut self, means: Means<'_>, commit: &str, stop: &Stop) {
        if self.built.as_ref().is_some_and(|(id, _)| id == commit) {
            return;
        }
        self.built = None;
        if let Ok(build) = means.recipe.build(means.workplace, &mut self.tree, commit, true, stop) {
            self.built = Some((commit.to_owned(), build));
        }
    }
}
