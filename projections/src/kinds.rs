//! The kinds of events: a line for each, which names its type. The type defines its members and how
//! they are read (its [`Payload`](crate::json::Payload)), and its effect (its [`EventKind`]).

use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::json::{Adjusted, Declared, Form, Limits, Payload, Stop, object};

macro_rules! kinds {
    ($($(#[$doc:meta])* $Kind:ident = $word:literal, $Event:ident in $($module:ident)::+;)*) => {
        /// The kind of an event; the second token of its subject.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $Kind,)*
        }

        impl Kind {
            /// Every kind, in the order of the list.
            pub const ALL: [Self; [$(Self::$Kind),*].len()] = [$(Self::$Kind),*];

            /// The word in a subject and in an ingest request.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$Kind => $word,)* }
            }

            /// The members of its payload, as it declares them; the id of the entity is or begins with
            /// the first.
            #[must_use]
            pub fn members(self) -> &'static [Declared] {
                match self {
                    $(Self::$Kind => <crate::$($module)::+::$Event<'static> as Payload>::MEMBERS,)*
                }
            }

            /// A payload that any shop takes, with every member that can be there in any shop.
            #[must_use]
            pub fn example(self) -> &'static str {
                match self {
                    $(Self::$Kind => <crate::$($module)::+::$Event<'static> as Payload>::EXAMPLE,)*
                }
            }
        }

        /// An event of any kind, borrowing from its payload if the text needs no unescaping.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event<'a> {
            $($(#[$doc])* $Kind(crate::$($module)::+::$Event<'a>),)*
        }

        impl Event<'_> {
            /// The kind of the event.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$Kind(_) => Kind::$Kind,)* }
            }

            /// The id of the entity, which events of one kind are ordered by.
            #[must_use]
            pub fn entity(&self) -> &str {
                match self { $(Self::$Kind(it) => it.entity(),)* }
            }

            /// The same event with texts of its own, which outlives its payload.
            #[must_use]
            pub fn into_owned(self) -> Event<'static> {
                match self { $(Self::$Kind(it) => Event::$Kind(it.into_owned()),)* }
            }

            /// Changes to values that are not taken as they are.
            #[must_use]
            pub fn adjusted(&self) -> Adjusted {
                match self { $(Self::$Kind(it) => it.adjusted,)* }
            }

            /// Whether the fold remembers its id for a while; see [`EventKind::IS_FACT`].
            #[must_use]
            pub fn is_fact(&self) -> bool {
                fn of<E: EventKind>(_: &E) -> bool {
                    E::IS_FACT
                }
                match self { $(Self::$Kind(it) => of(it),)* }
            }

            /// Whether its entity is known; `None` for a fact, which has none.
            ///
            /// # Errors
            /// [`NotAtHand`] if the entities that the event names were not supplied.
            pub fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
                match self { $(Self::$Kind(it) => it.is_known(fold),)* }
            }

            /// See [`EventKind::identify`].
            pub(crate) fn identify(&self, stamp: &Stamp, ask: &mut Ask<'_>) {
                match self { $(Self::$Kind(it) => it.identify(stamp, ask),)* }
            }

            /// See [`EventKind::links`].
            pub(crate) fn links(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
                match self { $(Self::$Kind(it) => it.links(ask),)* }
            }

            /// See [`EventKind::names`].
            pub(crate) fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
                match self { $(Self::$Kind(it) => it.names(ask),)* }
            }

            /// See [`EventKind::fold`].
            pub(crate) fn fold(
                &self,
                stamp: &Stamp,
                fold: &mut Fold,
                resolved: &mut Resolved,
            ) -> Result<Outcome, NotAtHand> {
                match self { $(Self::$Kind(it) => it.fold(stamp, fold, resolved),)* }
            }
        }

        /// Reads the payload of a kind.
        #[inline]
        pub(crate) fn read<'a>(
            kind: Kind,
            body: &'a str,
            limits: &Limits<'_>,
            form: Form,
        ) -> Result<Event<'a>, Stop<'a>> {
            match kind { $(Kind::$Kind => object(body, limits, form).map(Event::$Kind),)* }
        }
    };
}

kinds! {
    /// A sale, its corrections and its return, by `transactionId`.
    Transaction = "transaction", Transaction in sales::event;
    /// An order with its lines, by `orderId`.
    Order = "order", Order in orders::event;
    /// Newer statuses of an order, by `orderId`.
    OrderStatus = "orderstatus", OrderStatus in orders::patch;
    /// A refund, by `refundId`.
    Refund = "refund", Refund in refunds::event;
    /// A rate of exchange, by `currency` and day.
    Rate = "rate", Rate in rates::event;
    /// An activity of a visitor, by `activityId`; a fact that is never corrected.
    Activity = "activity", Activity in behaviour::event;
    /// A session of a visitor, by `sessionId`, in place of what its activities say.
    Session = "session", Session in sessions::event;
    /// A rating, by `feedbackId`.
    Feedback = "feedback", Feedback in feedback::event;
    /// A product of the catalogue, by `productId`.
    Product = "product", Product in products::event;
    /// The stock of a product, by `productId`.
    Stock = "stock", Stock in products::stock;
    /// The details of a customer, by `userId`.
    Customer = "customer", Customer in customers::event;
}

impl Kind {
    /// The kind whose entities its events are about: a stock is a product's, statuses are an
    /// order's.
    #[must_use]
    pub fn of_entity(self) -> Self {
        match self {
            Kind::Stock => Kind::Product,
            Kind::OrderStatus => Kind::Order,
            kind => kind,
        }
    }

    /// Whether its events are news of the shop to people who look at it: sales, returns and
    /// ratings.
    #[must_use]
    pub fn is_news(self) -> bool {
        matches!(self, Kind::Transaction | Kind::Order | Kind::Refund | Kind::Feedback)
    }

    /// The kind of exactly this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_exact_and_reads_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("Transaction"), None);
        assert_eq!(Kind::parse(""), None);
    }
}
