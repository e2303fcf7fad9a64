//! The collections: a line for each, its field in [`WorkingSets`] and [`Needs`] and its type.

mod counts;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::collection::Collection;
use crate::entity::Entity;
use crate::fold::working_set::{NotAtHand, WorkingSet};
use crate::packed::tally::Tallies;

/// Calls a macro with every collection: `field: path::to::Type,`, once for each.
#[macro_export]
macro_rules! for_each_collection {
    ($with:ident) => {
        $with! {
            ledger: $crate::ledger::Ledger,
            customers: $crate::customers::document::Customers,
            products: $crate::products::document::Products,
            tallies: $crate::packed::tally::Tallies,
            vocabularies: $crate::packed::vocabulary::Vocabularies,
            blocks: $crate::fold::dedup::SeenIds,
            rollups: $crate::packed::rollup::Rollups,
        }
    };
}

macro_rules! declare {
    ($($set:ident: $Collection:ty,)*) => {
        /// The names of all collections.
        pub const NAMES: &[&str] = &[$(<$Collection as Collection>::NAME),*];

        /// The documents of every collection that are at hand.
        #[derive(Debug)]
        pub struct WorkingSets {
            $(
                #[doc = concat!("Those of [`", stringify!($Collection), "`].")]
                pub $set: WorkingSet<$Collection>,
            )*
        }

        impl WorkingSets {
            /// Sets with no document at hand; each keeps the number that its collection states.
            #[must_use]
            pub fn new() -> Self {
                WorkingSets { $($set: WorkingSet::new(<$Collection as Collection>::AT_HAND),)* }
            }

            /// Sets with no document at hand; each keeps about `documents`.
            #[must_use]
            pub fn keeping(documents: usize) -> Self {
                WorkingSets { $($set: WorkingSet::new(documents),)* }
            }

            /// Sets for a generation that is not in the store: all documents are kept, but for
            /// those that are written as they come.
            #[must_use]
            pub fn complete() -> Self {
                WorkingSets { $($set: match <$Collection as Collection>::STREAMED {
                    Some(documents) => WorkingSet::new(documents),
                    None => WorkingSet::complete(),
                },)* }
            }

            /// Goes on to the next batch: changes are on their way to the store, and documents that
            /// were not touched lately are evicted if there are too many.
            pub(crate) fn settle(&mut self) {
                $(self.$set.settle();)*
                $(self.$set.evict();)*
            }

            /// The missing tallies of the entities that were supplied.
            pub(crate) fn needs_counts(&mut self) -> Needs {
                let mut needs = Needs::default();
                self.with_tallies(|sets, tallies| {
                    $(
                        let supplied = sets.$set.supplied();
                        counts::need::<$Collection>(supplied, tallies, &mut needs.tallies);
                    )*
                });
                needs
            }

            /// Counts the entities that were supplied, by their tallies.
            pub(crate) fn take_counts(&mut self) -> Result<(), NotAtHand> {
                self.with_tallies(|sets, tallies| {
                    $(counts::take(&mut sets.$set, tallies)?;)*
                    Ok(())
                })
            }

            /// Keeps the documents that were supplied.
            pub(crate) fn keep_supplied(&mut self) {
                $(self.$set.keep_supplied();)*
            }

            /// Drops the documents that were supplied and are not kept.
            pub(crate) fn drop_supplied(&mut self) {
                $(self.$set.drop_supplied();)*
            }

            /// The missing tallies of the entities that changed.
            pub(crate) fn needs_changed_counts(&mut self) -> Needs {
                let mut needs = Needs::default();
                self.with_tallies(|sets, tallies| {
                    $(
                        let changed = sets.$set.changes().map(|change| change.document);
                        counts::need::<$Collection>(changed, tallies, &mut needs.tallies);
                    )*
                });
                needs
            }

            /// Puts the counts of the entities that changed into their tallies.
            pub(crate) fn put_changed_counts(&mut self) -> Result<(), NotAtHand> {
                self.with_tallies(|sets, tallies| {
                    $(
                        let changed = sets.$set.changes().map(|change| change.document);
                        counts::put::<$Collection>(changed, tallies)?;
                    )*
                    Ok(())
                })
            }

            /// Puts the counts of every entity at hand into its tally.
            ///
            /// # Errors
            /// [`NotAtHand`] if a tally is not at hand.
            pub fn put_all_counts(&mut self) -> Result<(), NotAtHand> {
                self.with_tallies(|sets, tallies| {
                    $(
                        let all = sets.$set.all().map(|(_, document)| document);
                        counts::put::<$Collection>(all, tallies)?;
                    )*
                    Ok(())
                })
            }

            /// Every entity at hand: its kind, its ordinal and its id.
            pub fn named(&self) -> impl Iterator<Item = (Entity, u32, Cow<'_, str>)> {
                let none = std::iter::empty();
                $(let none = none.chain(counts::named(&self.$set));)*
                none
            }

            /// Takes the tallies apart from the rest, so that both can be changed.
            fn with_tallies<T>(
                &mut self,
                change: impl FnOnce(&mut Self, &mut WorkingSet<Tallies>) -> T,
            ) -> T {
                let nothing = WorkingSet::new(0);
                let mut tallies = std::mem::replace(&mut self.tallies, nothing);
                let done = change(self, &mut tallies);
                self.tallies = tallies;
                done
            }

            /// The number of documents at hand, those known to be absent apart.
            #[must_use]
            pub fn documents(&self) -> usize {
                [$(self.$set.all().count()),*].iter().sum()
            }

            /// The number of keys at hand.
            #[must_use]
            pub fn len(&self) -> usize {
                [$(self.$set.len()),*].iter().sum()
            }

            /// Whether no document is at hand.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl Default for WorkingSets {
            fn default() -> Self {
                Self::new()
            }
        }

        /// Documents to be loaded. Each list is without repeats and has only documents that are not
        /// at hand.
        #[derive(Debug, Default)]
        pub struct Needs {
            $(
                #[doc = concat!("Those of [`", stringify!($Collection), "`].")]
                pub $set: BTreeSet<<$Collection as Collection>::Key>,
            )*
        }

        impl Needs {
            /// Whether no document is needed.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                $(self.$set.is_empty())&&*
            }
        }

        $(
            impl Listed for $Collection {
                fn set(sets: &mut WorkingSets) -> &mut WorkingSet<Self> {
                    &mut sets.$set
                }

                fn needs(needs: &mut Needs) -> &mut BTreeSet<Self::Key> {
                    &mut needs.$set
                }
            }
        )*
    };
}

/// A collection of the list, by its type.
pub trait Listed: Collection + Sized {
    /// Its documents at hand.
    fn set(sets: &mut WorkingSets) -> &mut WorkingSet<Self>;

    /// Its documents that are needed.
    fn needs(needs: &mut Needs) -> &mut BTreeSet<Self::Key>;
}

for_each_collection!(declare);
