//! Whether a build is still coming or at its end: how many jobs are there now, against how many there were.

/// A build of which this part of its jobs is left at once is at its end.
const LEFT: f64 = 0.9;

/// How fast many jobs at once are forgotten: by this factor at each new job.
const FORGET: f64 = 0.99;

/// How many jobs at once there have been.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    most: f64,
}

impl Crowd {
    /// A job came, and now there are so many.
    pub(super) fn came(&mut self, jobs: usize) {
        self.most = (self.most * FORGET).max(jobs as f64);
    }

    /// Whether, of the `jobs` there are now, those that end are replaced by new ones: a build in which a fixed number
    /// is in flight comes to its end when that number falls.
    pub(super) fn goes_on(&self, jobs: usize) -> bool {
        jobs as f64 >= LEFT * self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_goes_on_while_new_jobs_replace_those_that_end() {
        let mut crowd = Crowd::default();
        (1..=60).for_each(|jobs| crowd.came(jobs));
        (0..100).for_each(|_| crowd.came(60));
        assert!(crowd.goes_on(58));
        assert!(!crowd.goes_on(50));
    }

    #[test]
    fn a_smaller_build_after_a_large_one_goes_on_in_its_own_measure() {
        let mut crowd = Crowd::default();
        crowd.came(200);
        (0..300).for_each(|_| crowd.came(20));
        assert!(crowd.goes_on(20));
    }
}
