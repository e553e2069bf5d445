//! Reasons that are counted: a word for the statistics and a sentence for people.

/// Declares an enum of reasons: for each a variant, its name in `farmbuild stats`, and its sentence (which is its
/// documentation too).
#[macro_export]
macro_rules! named_reasons {
    (
        $(#[$doc:meta])*
        pub enum $Reasons:ident in $section:literal {
            $($variant:ident $name:literal $sentence:literal)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $Reasons {
            $(#[doc = $sentence] $variant,)*
        }

        impl $Reasons {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[doc = concat!("The word behind `", $section, ".` in `farmbuild stats`.")]
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for people, without a full stop.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}
