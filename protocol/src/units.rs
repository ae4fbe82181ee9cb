//! Quantities as types, so that fuel is never added to credits.
//!
//! All are integers; arithmetic that can overflow is checked or saturating by name.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The sum, or `None` on overflow.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The sum, held at the largest value.
            pub fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, held at zero.
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

unit! {
    /// Deterministic count of WebAssembly work: one unit an operator, by the profile's cost table.
    Fuel
}
unit! {
    /// A size in bytes.
    Bytes
}
unit! {
    /// A moment, in milliseconds since the Unix epoch. A span is a `std::time::Duration`.
    Millis
}
unit! {
    /// Tokens that a model read or wrote.
    Tokens
}
unit! {
    /// Credits, in millionths.
    Credits
}

impl Millis {
    /// The moment `span` later, held at the end of time.
    pub fn after(self, span: std::time::Duration) -> Self {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(span))
    }

    /// The span since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_never_wraps() {
        assert_eq!(Fuel(u64::MAX).checked_add(Fuel(1)), None);
        assert_eq!(Fuel(u64::MAX).saturating_add(Fuel(1)), Fuel(u64::MAX));
        assert_eq!(Credits(1).saturating_sub(Credits(2)), Credits(0));
        assert_eq!(Millis(5).since(Millis(9)), std::time::Duration::ZERO);
    }
}
