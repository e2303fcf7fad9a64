//! The list of families of rollups: a line names the slices of one and the shape of its tables. And
//! the list of dimensions of open values.
//!
//! | shape | levels | chunk | row |
//! |---|---|---|---|
//! | by quarter | month | | quarter of the month |
//! | by minute | day | | minute of the day |
//! | by cell, by shop's cell | day, month | first and third value | second value, quarter of the day or day of the month |
//! | by entity | quarter, day, month, ever | its ordinal, high bits | low bits |
//! | by entity in | quarter, day, month, ever | value and ordinal, high bits | value, low 3 bits; ordinal, low bits |
//! | by value, by shop's value | day, month | | value, quarter of the day or day of the month |
//! | now | ever | the entity's ordinal, high bits | low bits |
//!
//! A family that a later version of the fold brought says so behind its shape: `since 3`.
//!
//! Every table is bounded: by the quarters of its bucket, by the cap on a vocabulary, or by the
//! width of a chunk.

use crate::bucket::Level;
use crate::entity::Entity;
use crate::feedback::document::STARS;
use crate::funnel::document::STAGES;
use crate::orders::status::STEPS;
use crate::sales::basis::Basis;
use crate::sales::status::Status;

/// The shape of a family's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// By quarter hour.
    ByQuarter,
    /// By minute.
    ByMinute,
    /// By three values of vocabularies and quarter hour.
    ByCell,
    /// By entity, over any range of time.
    ByEntity(Entity),
    /// By entity within a value of the shop's vocabulary of a dimension, over any range of time.
    ByEntityIn(Entity, Dimension),
    /// By three values of the shop's vocabularies and quarter hour.
    ByShopCell,
    /// By a value of a vocabulary and quarter hour.
    ByValue(Dimension),
    /// By a value of the shop's vocabulary of a dimension and quarter hour.
    ByShopValue(Dimension),
    /// By entity, as it stands now.
    Now(Entity),
}

impl Shape {
    /// Whether its codes are those of the shop's vocabularies, not of a month's.
    #[must_use]
    pub const fn is_of_the_shop(self) -> bool {
        matches!(self, Shape::ByShopCell | Shape::ByShopValue(_) | Shape::ByEntityIn(..))
    }

    /// The lengths of the buckets that a contribution is counted in, from the shortest. A row of a longer
    /// one is the sum of rows of the one before.
    #[must_use]
    pub const fn levels(self) -> &'static [Level] {
        match self {
            Shape::ByQuarter => &[Level::Month],
            Shape::ByMinute => &[Level::Day],
            Shape::ByEntity(_) | Shape::ByEntityIn(..) => {
                &[Level::Quarter, Level::Day, Level::Month, Level::Ever]
            }
            Shape::ByCell | Shape::ByShopCell | Shape::ByValue(_) | Shape::ByShopValue(_) => {
                &[Level::Day, Level::Month]
            }
            Shape::Now(_) => &[Level::Ever],
        }
    }
}

/// A part of a family that is counted by itself: an index into [`Family::slices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice(u8);

impl Slice {
    /// The one slice of a family that is not cut.
    pub const WHOLE: Slice = Slice(0);

    /// The slice at an index of [`Family::slices`].
    #[must_use]
    pub const fn at(index: u8) -> Self {
        Slice(index)
    }

    /// Its index.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl From<Status> for Slice {
    fn from(status: Status) -> Self {
        Slice(status as u8)
    }
}

impl From<Basis> for Slice {
    fn from(basis: Basis) -> Self {
        Slice(basis as u8)
    }
}

/// The slice of a status, or the whole of a family that has no slices by status.
impl From<Option<Status>> for Slice {
    fn from(status: Option<Status>) -> Self {
        status.map_or(Slice::WHOLE, Slice::from)
    }
}

/// The slices of a family that is not cut.
const WHOLE: &[&str] = &["-"];

macro_rules! families {
    (@since) => { 1 };
    (@since $since:literal) => { $since };
    ($($(#[$doc:meta])* $Family:ident = $name:literal, $slices:expr, $shape:expr
        $(, since $since:literal)?;)*) => {
        /// The figures that a table counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Family {
            $($(#[$doc])* $Family,)*
        }

        impl Family {
            /// All of them.
            pub const ALL: &[Family] = &[$(Family::$Family),*];

            /// The first part of a document's id.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Family::$Family => $name,)* }
            }

            /// The family of a name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Family::$Family),)* _ => None }
            }

            /// The names of its slices.
            #[must_use]
            pub const fn slices(self) -> &'static [&'static str] {
                match self { $(Family::$Family => $slices,)* }
            }

            /// The shape of its tables.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self { $(Family::$Family => $shape,)* }
            }

            /// The version of the fold that counted it first; generations of earlier ones lack it.
            #[must_use]
            pub const fn since(self) -> u32 {
                match self { $(Family::$Family => families!(@since $($since)?),)* }
            }
        }
    };
}

families! {
    /// Sales by time: orders, quantity, amount less discounts.
    Sales = "sales", Status::WORDS, Shape::ByQuarter;
    /// Sales by minute: orders, quantity, amount.
    Minutes = "minutes", Status::WORDS, Shape::ByMinute, since 4;
    /// Sales by category, payment method and country: orders, quantity, amount.
    Cells = "cells", Status::WORDS, Shape::ByCell;
    /// Sales by category: orders that have a line of it, quantity, amount.
    Categories = "categories", Status::WORDS, Shape::ByValue(Dimension::Category), since 4;
    /// Sales by payment method: orders, quantity, amount.
    PaymentMethods = "paymentmethods", Status::WORDS, Shape::ByValue(Dimension::PaymentMethod),
        since 4;
    /// Sales by shipping country: orders, quantity, amount.
    Destinations = "destinations", Status::WORDS, Shape::ByValue(Dimension::Country), since 4;
    /// Sales by customer: orders, quantity, amount. Distinct customers, and their ranking, over
    /// any range.
    Buyers = "buyers", Status::WORDS, Shape::ByEntity(Entity::Customer);
    /// Sales by product: orders, quantity, amount.
    Sold = "sold", Status::WORDS, Shape::ByEntity(Entity::Product);
    /// Sales by category and customer: orders that have a line of the category. Distinct customers of
    /// each category over any range.
    CategoryBuyers = "categorybuyers", Status::WORDS,
        Shape::ByEntityIn(Entity::Customer, Dimension::Category), since 4;
    /// Returns, by time: returns, quantity, amount.
    Returns = "returns", Basis::WORDS, Shape::ByQuarter, since 3;
    /// Returns, by minute: returns, quantity, amount.
    ReturnMinutes = "returnminutes", Basis::WORDS, Shape::ByMinute, since 4;
    /// Returns, by category, payment method and country: returns, quantity, amount.
    ReturnCells = "returncells", Basis::WORDS, Shape::ByShopCell, since 5;
    /// Returns, by category: returns, quantity, amount.
    ReturnCategories = "returncategories", Basis::WORDS, Shape::ByShopValue(Dimension::Category),
        since 5;
    /// Returns, by payment method: returns, quantity, amount.
    ReturnPaymentMethods = "returnpaymentmethods", Basis::WORDS,
        Shape::ByShopValue(Dimension::PaymentMethod), since 5;
    /// Returns, by shipping country: returns, quantity, amount.
    ReturnDestinations = "returndestinations", Basis::WORDS,
        Shape::ByShopValue(Dimension::Country), since 5;
    /// Returns, by customer: returns, quantity, amount.
    Returners = "returners", Basis::WORDS, Shape::ByEntity(Entity::Customer), since 3;
    /// Returns, by product: returns, quantity, amount.
    Returned = "returned", Basis::WORDS, Shape::ByEntity(Entity::Product), since 3;
    /// Money of orders beside the amount of their lines, by time: discounts, delivery fees, tax.
    Money = "money", Status::WORDS, Shape::ByQuarter, since 3;
    /// Cost of orders by time: cost of what was sold, amount of the lines with a cost, lines without.
    Cost = "cost", Status::WORDS, Shape::ByQuarter, since 3;
    /// Statuses of orders by time: orders that entered one, orders that left it.
    Steps = "steps", STEPS, Shape::ByQuarter, since 3;
    /// Sales in other currencies than the shop's, by currency: orders, amount in that currency, the
    /// same in the shop's.
    Currencies = "currencies", Status::WORDS, Shape::ByValue(Dimension::Currency), since 3;
    /// Returns in other currencies than the shop's, by currency: returns, amount in that
    /// currency, the same in the shop's.
    ReturnCurrencies = "returncurrencies", Basis::WORDS, Shape::ByShopValue(Dimension::Currency),
        since 4;
    /// Stock by product: units on hand, 1 if known.
    Stock = "stock", WHOLE, Shape::Now(Entity::Product);
    /// Customers by the time they became known: identified, guests.
    Newcomers = "newcomers", WHOLE, Shape::ByQuarter;
    /// Ratings by time, each number of stars by itself: count.
    Stars = "stars", STARS, Shape::ByQuarter, since 4;
    /// Ratings by product: count, sum.
    Rated = "rated", WHOLE, Shape::ByEntity(Entity::Product), since 4;
    /// Customers who bought, as their purchases stand now: the quarter hour of the first purchase, that
    /// of the last, 1.
    Purchases = "purchases", WHOLE, Shape::Now(Entity::Customer), since 4;
    /// Ratings by time: count, sum.
    Feedback = "feedback", WHOLE, Shape::ByQuarter;
    /// Activities by customer. Distinct active customers over any range.
    Actives = "actives", WHOLE, Shape::ByEntity(Entity::Customer), since 4;
    /// Customers by the time of their first activity.
    Debuts = "debuts", WHOLE, Shape::ByQuarter, since 4;
    /// Activities by type.
    Types = "types", WHOLE, Shape::ByValue(Dimension::ActivityType);
    /// Activities by device.
    Devices = "devices", WHOLE, Shape::ByValue(Dimension::Device);
    /// Activities by page.
    Pages = "pages", WHOLE, Shape::ByValue(Dimension::Page);
    /// Activities by country.
    Countries = "countries", WHOLE, Shape::ByValue(Dimension::ActivityCountry);
    /// Sessions by time: sessions, bounces, milliseconds.
    Sessions = "sessions", WHOLE, Shape::ByQuarter, since 4;
    /// Activities of sessions by time of the session: activities, sessions of customers with an account.
    Visits = "visits", WHOLE, Shape::ByQuarter, since 4;
    /// Sessions by device: sessions, bounces, milliseconds.
    SessionDevices = "sessiondevices", WHOLE, Shape::ByValue(Dimension::Device), since 4;
    /// Sessions by the page that they began on: sessions, bounces, milliseconds.
    EntryPages = "entrypages", WHOLE, Shape::ByValue(Dimension::Page), since 4;
    /// Sessions by country: sessions, bounces, milliseconds.
    SessionCountries = "sessioncountries", WHOLE, Shape::ByValue(Dimension::ActivityCountry), since 4;
    /// Attempts of the funnel by category, and by device, of the view: viewed, added, purchased.
    Funnel = "funnel", WHOLE, Shape::ByCell, since 4;
    /// Attempts of the funnel by customer: viewed, added, purchased.
    FunnelUsers = "funnelusers", WHOLE, Shape::ByEntity(Entity::Customer), since 4;
    /// Attempts of the funnel by category of the view, and customer: those that got to a stage.
    FunnelCategories = "funnelcategories", STAGES,
        Shape::ByEntityIn(Entity::Customer, Dimension::Category), since 4;
    /// Attempts of the funnel by device of the view, and customer: those that got to a stage.
    FunnelDevices = "funneldevices", STAGES,
        Shape::ByEntityIn(Entity::Customer, Dimension::Device), since 4;
}

impl Family {
    /// The slice of a name.
    #[must_use]
    pub fn slice(self, name: &str) -> Option<Slice> {
        let index = self.slices().iter().position(|it| *it == name)?;
        u8::try_from(index).ok().map(Slice)
    }

    /// The name of a slice.
    #[must_use]
    pub fn slice_name(self, slice: Slice) -> &'static str {
        self.slices()[usize::from(slice.0)]
    }

    /// All of its slices.
    pub fn every_slice(self) -> impl Iterator<Item = Slice> {
        (0..).map(Slice).take(self.slices().len())
    }
}

/// A set of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families(u64);

impl Families {
    /// Every family.
    pub const ALL: Families = Families(u64::MAX);

    /// The same without a family.
    #[must_use]
    pub const fn without(self, family: Family) -> Self {
        Families(self.0 & !(1 << family as u32))
    }

    /// Whether a family is in the set.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        self.0 & 1 << family as u32 != 0
    }
}

macro_rules! dimensions {
    ($($(#[$doc:meta])* $Dimension:ident = $name:literal, $cap:literal;)*) => {
        /// A dimension with open vocabularies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dimension {
            $($(#[$doc])* $Dimension,)*
        }

        impl Dimension {
            /// The number of distinct values that a vocabulary keeps apart; further ones, in log
            /// order, are `(other)`.
            #[must_use]
            pub const fn cap(self) -> usize {
                match self { $(Dimension::$Dimension => $cap,)* }
            }

            /// The first part of a document's id.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Dimension::$Dimension => $name,)* }
            }
        }
    };
}

dimensions! {
    /// A sale's category.
    Category = "category", 256;
    /// A sale's payment method.
    PaymentMethod = "paymentMethod", 256;
    /// A sale's shipping country.
    Country = "country", 256;
    /// A sale's currency, if it is another than the shop's.
    Currency = "currency", 64;
    /// An activity's type.
    ActivityType = "activityType", 256;
    /// An activity's device.
    Device = "device", 256;
    /// An activity's page.
    Page = "page", 512;
    /// An activity's country.
    ActivityCountry = "activityCountry", 256;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_every_family_but_those_that_were_left_out() {
        assert!(Family::ALL.len() <= 64);
        let some = Families::ALL.without(Family::Sold).without(Family::Countries);
        let left = Family::ALL.iter().filter(|family| some.contains(**family)).count();
        assert_eq!(left, Family::ALL.len() - 2);
        assert!(!some.contains(Family::Countries) && some.contains(Family::Sales));
    }

    #[test]
    fn a_slice_reads_back_by_its_name() {
        assert_eq!(Family::named("other"), None);
        for family in Family::ALL {
            assert_eq!(Family::named(family.as_str()), Some(*family));
            for slice in family.every_slice() {
                assert_eq!(family.slice(family.slice_name(slice)), Some(slice), "{family:?}");
            }
            assert_eq!(family.slice("other"), None);
        }
        assert_eq!(Family::Sales.slice_name(Status::Returned.into()), "returned");
        assert_eq!(Family::Stock.slice_name(Slice::WHOLE), "-");
    }
}
