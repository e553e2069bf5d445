//! Whether a definition may be dropped where it stands.
//!
//! Knows what stands before it, not the definition. There are three places in which even a macro that nobody mentions
//! is noticed:
//! - Between a macro's name and its arguments: the directive ends the search for `(`. So the last token has to be one
//!   that can't be such a name, nor end an expansion to one.
//! - Behind `#ifndef GUARD`: for `-Wheader-guard` it is a misspelt guard.
//! - Outside of such a guard: it makes the guard none, and the warning goes.

/// What stands before the current line; definitions that are dropped count as nothing.
#[derive(Debug, Default)]
pub(super) struct Place {
    before: Before,
    depth: u32,
    /// Whether something but conditions is outside of all conditions, so that the file has no guard.
    open: bool,
}

#[derive(Debug, Default)]
enum Before {
    #[default]
    Start,
    Guard,
    Directive,
    Code(u8),
}

impl Place {
    /// Whether a definition may be dropped here.
    pub(super) fn allows_dropping(&self) -> bool {
        let apart = matches!(self.before, Before::Directive | Before::Code(b';' | b'{' | b'}'));
        apart && (self.open || self.depth > 0)
    }

    /// A line of code ended with a token of kind `last`.
    pub(super) fn after_code(&mut self, last: u8) {
        self.before = Before::Code(last);
        self.open |= self.depth == 0;
    }

    /// A directive was kept.
    pub(super) fn after_directive(&mut self) {
        self.before = Before::Directive;
        self.open |= self.depth == 0;
    }

    /// `#if` and the like; `negated` if it may open a guard.
    pub(super) fn after_if(&mut self, negated: bool) {
        self.before = if negated { Before::Guard } else { Before::Directive };
        self.depth += 1;
    }

    /// `#else` and the like.
    pub(super) fn after_else(&mut self) {
        self.before = Before::Directive;
    }

    /// `#endif`.
    pub(super) fn after_endif(&mut self) {
        self.before = Before::Directive;
        self.depth = self.depth.saturating_sub(1);
    }
}
