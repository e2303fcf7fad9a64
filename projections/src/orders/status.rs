//! The statuses of an order, of its payment and of its delivery, and what an order counts as.

use serde::{Deserialize, Serialize};

use crate::sales::status::Status;

macro_rules! statuses {
    ($(#[$doc:meta])* $Name:ident from $first:literal, $follows:expr, { $($(#[$each:meta])* $Word:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $Name {
            $($(#[$each])* $Word,)*
        }

        impl Step for $Name {
            const FIRST: usize = $first;
            const ALL: &'static [Self] = &[$(Self::$Word),*];
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn index(self) -> usize {
                self as usize
            }

            fn follows(self, before: Self) -> bool {
                $follows(before, self)
            }
        }
    };
}

/// A closed vocabulary of statuses, in the order of a life cycle.
pub trait Step: Copy + Eq + Sized + 'static {
    /// The place of its first word among [`STEPS`].
    const FIRST: usize;
    /// Every status, each at its index.
    const ALL: &'static [Self];
    /// Their words on the wire.
    const WORDS: &'static [&'static str];

    /// The place among its own.
    fn index(self) -> usize;

    /// Whether it regularly comes after another: forward, never back.
    fn follows(self, before: Self) -> bool;

    /// The place among [`STEPS`].
    fn step(self) -> usize {
        Self::FIRST + self.index()
    }

    /// The word on the wire.
    fn as_str(self) -> &'static str {
        Self::WORDS[self.index()]
    }

    /// The status of exactly this word.
    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == word)
    }
}

statuses! {
    /// The status of an order; nothing comes after delivered and cancelled.
    OrderStep from 0, |from: Self, to: Self| from < to && from != Self::Delivered, {
        /// Placed.
        Pending = "pending",
        /// Being prepared.
        Processing = "processing",
        /// On its way.
        Shipped = "shipped",
        /// Received.
        Delivered = "delivered",
        /// Given up.
        Cancelled = "cancelled",
    }
}

statuses! {
    /// The status of an order's payment; one that failed may be paid after all.
    PaymentStep from 5, |from: Self, to: Self| from < to, {
        /// Not paid yet.
        Pending = "pending",
        /// Refused.
        Failed = "failed",
        /// Paid.
        Paid = "paid",
    }
}

statuses! {
    /// The status of an order's delivery; it is pending again once its assignment is cancelled.
    DeliveryStep from 8, |from: Self, to: Self| from < to || to == Self::Pending, {
        /// Nobody has it yet.
        Pending = "pending",
        /// Given to a courier.
        Assigned = "assigned",
        /// With the courier.
        Picked = "picked",
        /// Handed over.
        Delivered = "delivered",
    }
}

/// The statuses of all three vocabularies, as the slices of a family.
pub const STEPS: &[&str] = &[
    "order-pending",
    "order-processing",
    "order-shipped",
    "order-delivered",
    "order-cancelled",
    "payment-pending",
    "payment-failed",
    "payment-paid",
    "delivery-pending",
    "delivery-assigned",
    "delivery-picked",
    "delivery-delivered",
];

/// The status that an order counts as. A status that was never stated is unknown and decides
/// nothing.
///
/// | order | payment | counts as |
/// |---|---|---|
/// | cancelled | none, pending, failed | failed |
/// | cancelled | paid | returned |
/// | another or none | failed | failed |
/// | another or none | paid | completed |
/// | delivered | pending, in cash on delivery (`cod`) | completed |
/// | another or none | pending | pending |
/// | pending | none | pending |
/// | another or none | none | completed |
#[must_use]
pub fn counts_as(order: Option<OrderStep>, payment: Option<PaymentStep>, method: &str) -> Status {
    let is_cash = method.eq_ignore_ascii_case("cod");
    match (order, payment) {
        (Some(OrderStep::Cancelled), Some(PaymentStep::Paid)) => Status::Returned,
        (Some(OrderStep::Cancelled), _) | (_, Some(PaymentStep::Failed)) => Status::Failed,
        (Some(OrderStep::Delivered), Some(PaymentStep::Pending)) if is_cash => Status::Completed,
        (_, Some(PaymentStep::Pending)) | (Some(OrderStep::Pending), None) => Status::Pending,
        _ => Status::Completed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_slice_of_its_own() {
        let steps = (OrderStep::ALL.iter().map(|it| ("order", it.step(), it.as_str())))
            .chain(PaymentStep::ALL.iter().map(|it| ("payment", it.step(), it.as_str())))
            .chain(DeliveryStep::ALL.iter().map(|it| ("delivery", it.step(), it.as_str())));
        let names: Vec<String> = steps
            .map(|(of, step, word)| {
                let name = format!("{of}-{word}");
                assert_eq!(STEPS[step], name);
                name
            })
            .collect();
        assert_eq!(names, STEPS);
        assert_eq!(OrderStep::parse("shipped"), Some(OrderStep::Shipped));
        assert_eq!(OrderStep::parse("Shipped"), None);
    }

    #[test]
    fn an_order_counts_by_both_statuses_and_by_one_alone() {
        use OrderStep::{Cancelled, Delivered, Processing};
        use PaymentStep::{Failed, Paid};
        let cod = "COD";
        for (order, payment, method, status) in [
            (None, None, "", Status::Completed),
            (Some(OrderStep::Pending), None, "", Status::Pending),
            (Some(Processing), None, "", Status::Completed),
            (Some(Cancelled), None, "", Status::Failed),
            (Some(Cancelled), Some(Paid), "", Status::Returned),
            (Some(Cancelled), Some(PaymentStep::Pending), "", Status::Failed),
            (Some(Processing), Some(Failed), "", Status::Failed),
            (Some(OrderStep::Pending), Some(Paid), "", Status::Completed),
            (Some(Delivered), Some(PaymentStep::Pending), cod, Status::Completed),
            (Some(Delivered), Some(PaymentStep::Pending), "paypal", Status::Pending),
            (None, Some(PaymentStep::Pending), cod, Status::Pending),
            (None, Some(Paid), "", Status::Completed),
        ] {
            assert_eq!(counts_as(order, payment, method), status, "{order:?} {payment:?} {method}");
        }
    }
}
