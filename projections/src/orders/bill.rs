//! The contribution of an order to figures: a function of its row.
//!
//! The lines of an order event are counted here whole. Transactions count their own quantity and
//! amount, so of an order that is made of them only the order itself is counted here: at the earliest
//! of those with its best status, which gives the order's date, country and customer.

use std::collections::BTreeSet;

use super::document::{Content, Irregularity, Member, Order, PartialRefund};
use super::key::OrderKey;
use super::share::by_weight;
use super::status::{Step, counts_as};
use crate::bucket::{minute_of, quarter_of, quarter_of_minute};
use crate::family::Slice;
use crate::money::Money;
use crate::packed::vocabulary::{NONE, OTHER, OVERLAP};
use crate::products::id::RESERVED;
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::sales::basis::Basis;
use crate::sales::count::{Bill, Place};
use crate::sales::status::Status;
use crate::sales::sums::Sums;
use crate::time::Time;

/// A line of an order, of whichever origin, as far as returns look at it.
struct Part<'o> {
    id: &'o str,
    user: &'o str,
    buyer: u32,
    product: &'o str,
    sold: u32,
    /// The codes of category, payment method and country in the vocabularies of the shop.
    cell: [u16; 3],
    at: Time,
    quantity: Quantity,
    net: Money,
    /// The same as stated, in another currency than the shop's, and the shop's code of that.
    foreign: Option<(u16, i64)>,
    is_sold: bool,
    /// Of a line that came back as a whole: when it did, and whether that is counted by itself.
    back: Option<(Time, bool)>,
}

/// The refunded quantity and amount of a part.
#[derive(Clone, Copy, Default)]
struct Refunded {
    quantity: i64,
    amount: i64,
}

/// The share of one refund in one part.
struct Share<'o> {
    refund: &'o PartialRefund,
    part: usize,
    quantity: i64,
    amount: i64,
    /// The amount as stated, if that is in another currency than the shop's.
    foreign: i64,
}

impl Order {
    /// Its contribution to figures. A transaction without an order counts as one by itself.
    pub(crate) fn bill(&self, of: OrderKey<'_>) -> Bill {
        let mut bill = Bill::default();
        if self.is_awaited() {
            return bill;
        }
        match (&self.content, self.user.as_deref(), self.at, self.status) {
            (Some(content), Some(user), Some(at), Some(status)) => {
                bill_lines(content, user, minute_of(at), status, &mut bill);
            }
            _ if of.is_order() => bill_members(&self.members, &mut bill),
            _ => {}
        }
        self.bill_returns(&mut bill);
        self.bill_steps(&mut bill);
        bill
    }

    /// The amount that came back of it, by refunds and as a whole.
    #[must_use]
    pub fn returned(&self) -> Money {
        let mut bill = Bill::default();
        self.bill_returns(&mut bill);
        let back = bill.sums().filter_map(|(place, sums)| match place {
            Place::Back { basis: Basis::Processed, .. } => Some(sums.amount.0),
            _ => None,
        });
        // Those are counted as returned by themselves.
        let members = self.members.iter().filter(|member| member.returned_at.is_some());
        Money(back.sum::<i64>() + members.map(|member| member.amount.0).sum::<i64>())
    }

    /// Follows its parts with what it counts as and what is odd about it.
    pub(crate) fn settle(&mut self) {
        self.status = self.content.as_ref().map(|content| {
            let method = content.payment_method.as_deref().unwrap_or_default();
            let (order, payment) = (self.order_status, self.payment_status);
            counts_as(order.map(|it| it.is), payment.map(|it| it.is), method)
        });
        self.irregular = self.irregularities();
    }

    fn irregularities(&self) -> Vec<Irregularity> {
        if self.is_awaited() {
            return vec![];
        }
        let mut found = BTreeSet::new();
        if let Some(content) = &self.content {
            // A cent of the currency that the total was stated in, and what was rounded.
            let rate = content.foreign.and_then(|foreign| foreign.rate);
            let lines = i64::try_from(content.lines.len()).unwrap_or(i64::MAX);
            let cent = rate.map_or(100, |rate| rate.convert(Money(100)).0.max(100) + lines);
            let differs = |total: Money| (total.0 - content.total_of_lines().0).abs() > cent;
            if content.total.is_some_and(differs) {
                found.insert(Irregularity::Total);
            }
            if content.lines.iter().any(|line| line.net() < Money::ZERO) {
                found.insert(Irregularity::Discount);
            }
        }
        if self.steps().iter().any(|part| part.went_back) {
            found.insert(Irregularity::Step);
        }
        if self.refunds.is_empty() {
            return found.into_iter().collect();
        }
        let parts = self.parts();
        let shares = self.shares(&parts);
        let refunded = refunded(&parts, &shares);
        if parts.iter().zip(&refunded).any(|(part, back)| back.amount > part.net.0.max(0)) {
            found.insert(Irregularity::Refund);
        }
        let counted: BTreeSet<_> = shares.iter().map(|share| &share.refund.id).collect();
        for refund in self.refunds.iter().filter(|refund| !counted.contains(&refund.id)) {
            let has_amount = self.amount_of(refund).is_some();
            found.insert(if has_amount { Irregularity::Unsold } else { Irregularity::Rate });
        }
        found.into_iter().collect()
    }

    /// The lines, of whichever origin.
    fn parts(&self) -> Vec<Part<'_>> {
        let whole = self.returned_at().map(|at| (at, false));
        let lines = self.content.iter().flat_map(|content| {
            content.lines.iter().zip(content.foreign_of_lines()).map(move |(line, foreign)| Part {
                id: &line.id,
                user: self.user.as_deref().unwrap_or_default(),
                buyer: content.buyer,
                product: line.product.as_deref().unwrap_or(RESERVED),
                sold: line.sold,
                cell: [line.shop_code, content.shop_codes[0], content.shop_codes[1]],
                at: self.at.unwrap_or_default(),
                quantity: line.quantity,
                net: line.net(),
                foreign,
                is_sold: self.status.is_some_and(is_sold),
                back: whole,
            })
        });
        let members = self.members.iter().map(|member| Part {
            id: &member.id,
            user: &member.user,
            buyer: member.buyer,
            product: member.product.as_deref().unwrap_or(RESERVED),
            sold: member.sold,
            cell: member.shop_cell,
            at: member.at,
            quantity: member.quantity,
            net: member.amount,
            foreign: member.foreign.map(|it| (it.shop_code, it.amount.0)),
            is_sold: is_sold(member.status),
            back: member.returned_at.map(|at| (at, true)),
        });
        let mut parts: Vec<_> = lines.chain(members).collect();
        if self.content.is_none() {
            parts.sort_by_key(|part| (part.at, part.id));
        }
        parts
    }

    /// The amount of a refund in the shop's currency: by its own rate, else by that of its order or
    /// transaction, else by that of its day. None, if there is none.
    pub(crate) fn amount_of(&self, refund: &PartialRefund) -> Option<Money> {
        let Some(stated) = refund.foreign.filter(|stated| !stated.own) else {
            return Some(refund.amount);
        };
        let is_of = |sold: &Foreign| sold.currency == stated.currency;
        let content = self.content.iter().filter_map(|content| content.foreign);
        let line = refund.line.as_deref();
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_key(|it| (Some(&*it.id) != line, it.at, &it.id));
        let members = members.into_iter().filter_map(|member| member.foreign);
        match content.chain(members).find(is_of).and_then(|sold| sold.rate) {
            Some(rate) => Some(rate.convert(stated.amount).min(Money::LARGEST)),
            None => stated.rate.map(|_| refund.amount),
        }
    }

    /// The shares of its refunds in the parts that were sold: first of those that name a line or a
    /// product, then of those of the whole order, by what the first ones leave.
    fn shares<'o>(&'o self, parts: &[Part<'o>]) -> Vec<Share<'o>> {
        let mut shares = Vec::new();
        let mut of_the_whole = Vec::new();
        for refund in &self.refunds {
            let Some(amount) = self.amount_of(refund) else { continue };
            let line = refund.line.as_deref();
            let of_line: Vec<usize> = places(parts, |part| Some(part.id) == line);
            let of_product = || {
                let product = refund.product.as_deref();
                places(parts, |part| Some(part.product) == product)
            };
            let named = if of_line.is_empty() { of_product() } else { of_line };
            if named.is_empty() {
                of_the_whole.push((refund, amount));
            } else {
                let sold = named.into_iter().filter(|at| parts[*at].is_sold).collect();
                share((refund, amount), sold, |at| parts[at].net.0, parts, &mut shares);
            }
        }
        let before = refunded(parts, &shares);
        let rest = |at: usize| (parts[at].net.0 - before[at].amount).max(0);
        let sold = places(parts, |part| part.is_sold);
        let is_left = sold.iter().any(|at| rest(*at) > 0);
        for refund in of_the_whole {
            let weight = |at: usize| if is_left { rest(at) } else { parts[at].net.0 };
            share(refund, sold.clone(), weight, parts, &mut shares);
        }
        shares
    }

    fn bill_returns(&self, bill: &mut Bill) {
        if self.refunds.is_empty() && self.status != Some(Status::Returned) {
            return;
        }
        let parts = self.parts();
        let shares = self.shares(&parts);
        let mut counted = BTreeSet::new();
        for share in &shares {
            let sums = Sums {
                orders: i64::from(counted.insert(&share.refund.id)),
                quantity: Quantity(share.quantity),
                amount: Money(share.amount),
            };
            let foreign = share.refund.foreign.map(|it| (it.shop_code, share.foreign));
            bill_back(&parts[share.part], share.refund.at, sums, foreign, bill);
        }
        // Of what comes back as a whole, what was refunded before is not there any more.
        let mut first = 1;
        for (part, refunded) in parts.iter().zip(refunded(&parts, &shares)) {
            let Some((at, is_counted)) = part.back else { continue };
            let (amount, quantity) = (
                refunded.amount.clamp(0, part.net.0.max(0)),
                refunded.quantity.clamp(0, part.quantity.0),
            );
            // The part that was refunded, of the amount as stated.
            let foreign = part.foreign.map(|(code, whole)| {
                let gone = proportion(whole, amount, part.net.0);
                (code, if is_counted { -gone } else { whole - gone })
            });
            let sums = if is_counted {
                Sums { orders: 0, quantity: Quantity(-quantity), amount: Money(-amount) }
            } else {
                Sums {
                    orders: first,
                    quantity: Quantity(part.quantity.0 - quantity),
                    amount: Money(part.net.0 - amount),
                }
            };
            first = 0;
            bill_back(part, at, sums, foreign, bill);
        }
    }

    fn bill_steps(&self, bill: &mut Bill) {
        for part in self.steps() {
            for (at, (step, time)) in part.line.iter().enumerate() {
                let slice = Slice::at(u8::try_from(*step).unwrap_or_default());
                bill.add(Place::Step { slice, quarter: quarter_of(*time) }, [1, 0, 0]);
                if let Some((_, left)) = part.line.get(at + 1) {
                    let quarter = quarter_of((*left).max(*time));
                    bill.add(Place::Step { slice, quarter }, [0, 1, 0]);
                }
            }
        }
    }

    /// The statuses of order, payment and delivery, each line in the order of time with the present
    /// status at its end.
    fn steps(&self) -> [Steps; 3] {
        [
            self.steps_of(self.order_status.map(|it| it.is)),
            self.steps_of(self.payment_status.map(|it| it.is)),
            self.steps_of(self.delivery_status.map(|it| it.is)),
        ]
    }

    fn steps_of<S: Step>(&self, present: Option<S>) -> Steps {
        let Some(present) = present else { return Steps::default() };
        let stated = |step: &S| self.firsts.of(step.step()).map(|at| (*step, at));
        let mut line: Vec<(S, Time)> = S::ALL.iter().filter_map(stated).collect();
        line.sort_by_key(|(step, at)| (*step == present, *at, step.step()));
        let went_back = line.windows(2).any(|pair| !pair[1].0.follows(pair[0].0));
        Steps { line: line.into_iter().map(|(step, at)| (step.step(), at)).collect(), went_back }
    }
}

/// The statuses of one part of an order, each with its first time.
#[derive(Default)]
struct Steps {
    /// Each status by its place among [`STEPS`](super::status::STEPS), and its first time.
    line: Vec<(usize, Time)>,
    went_back: bool,
}

impl Content {
    /// The amount of each line in another currency than the shop's and the shop's code of that: a share
    /// of the amount as stated.
    fn foreign_of_lines(&self) -> Vec<Option<(u16, i64)>> {
        let Some(foreign) = self.foreign else { return vec![None; self.lines.len()] };
        let nets: Vec<i64> = self.lines.iter().map(|line| line.net().0).collect();
        let shares = by_weight(foreign.amount, &nets).into_iter();
        shares.map(|share| Some((foreign.shop_code, share.0))).collect()
    }

    /// The total that the lines, the fee and the tax come to.
    #[must_use]
    pub fn total_of_lines(&self) -> Money {
        let net: i64 = self.lines.iter().map(|line| line.net().0).sum();
        let tax = if self.tax_included { 0 } else { self.tax.0 };
        Money(net + self.delivery_fee.0 + tax)
    }
}

/// Whether something of a status was sold, though it may have come back.
fn is_sold(status: Status) -> bool {
    matches!(status, Status::Completed | Status::Returned)
}

fn places<'o>(parts: &[Part<'o>], is: impl Fn(&Part<'o>) -> bool) -> Vec<usize> {
    (0..parts.len()).filter(|at| is(&parts[*at])).collect()
}

/// Shares one refund over some parts.
fn share<'o>(
    (refund, amount): (&'o PartialRefund, Money),
    among: Vec<usize>,
    weight: impl Fn(usize) -> i64,
    parts: &[Part<'o>],
    shares: &mut Vec<Share<'o>>,
) {
    let weights: Vec<i64> = among.iter().map(|at| weight(*at)).collect();
    let quantities: Vec<i64> = among.iter().map(|at| parts[*at].quantity.0).collect();
    let amounts = by_weight(amount, &weights);
    let stated = refund.foreign.map_or(Money::ZERO, |foreign| foreign.amount);
    let foreign = by_weight(stated, &weights);
    let quantities = by_weight(Money(refund.quantity.0), &quantities);
    for (at, part) in among.into_iter().enumerate() {
        let (quantity, amount, foreign) = (quantities[at].0, amounts[at].0, foreign[at].0);
        shares.push(Share { refund, part, quantity, amount, foreign });
    }
}

/// The sum of the shares for each part.
fn refunded(parts: &[Part<'_>], shares: &[Share<'_>]) -> Vec<Refunded> {
    let mut sums = vec![Refunded::default(); parts.len()];
    for share in shares {
        sums[share.part].amount += share.amount;
        sums[share.part].quantity += share.quantity;
    }
    sums
}

fn bill_lines(content: &Content, user: &str, minute: u32, status: Status, bill: &mut Bill) {
    let quarter = quarter_of_minute(minute);
    let (mut categories, mut products) = (BTreeSet::new(), BTreeSet::new());
    let (mut of_shop, buyer) = (BTreeSet::new(), content.buyer);
    let (mut whole, mut discount) = (Sums { orders: 1, ..Sums::default() }, 0);
    let (mut cost, mut net_with_cost, mut without) = (0, 0, 0);
    for line in &content.lines {
        let sums = |is_first| Sums {
            orders: i64::from(is_first),
            quantity: line.quantity,
            amount: line.net(),
        };
        whole.add(sums(false));
        discount += line.discount.0;
        let cell = [line.code, content.codes[0], content.codes[1]];
        let sums_of_category = sums(categories.insert(line.code));
        bill.add(Place::Cell { status, quarter, cell }, sums_of_category);
        if of_shop.insert(line.shop_code) {
            let category = line.shop_code;
            bill.add(Place::CategoryOfCustomer { status, quarter, category, buyer }, [1, 0, 0]);
        }
        let product = line.product.as_deref().unwrap_or(RESERVED).into();
        let place = Place::Product { status, quarter, product, sold: line.sold };
        bill.add(place, sums(products.insert(line.sold)));
        match line.cost {
            Some(of_line) => {
                cost += of_line.0;
                net_with_cost += line.net().0;
            }
            None => without += 1,
        }
    }
    let more = i64::try_from(categories.len()).unwrap_or(1) - 1;
    if more > 0 {
        let cell = [OVERLAP, content.codes[0], content.codes[1]];
        bill.add(Place::Cell { status, quarter, cell }, [-more, 0, 0]);
    }
    bill.add(Place::Sales { status, minute }, whole);
    bill.add(Place::Customer { status, quarter, user: user.into(), buyer }, whole);
    let money = [discount, content.delivery_fee.0, content.tax.0];
    if money != [0; 3] {
        bill.add(Place::Money { status, quarter }, money);
    }
    bill.add(Place::Cost { status, quarter }, [cost, net_with_cost, without]);
    if let Some(foreign) = &content.foreign {
        let row = [1, foreign.amount.0, whole.amount.0];
        bill.add(Place::Currency { status, quarter, code: foreign.code }, row);
    }
}

fn bill_members(members: &[Member], bill: &mut Bill) {
    let Some(status) = members.iter().map(|member| rank(member.status)).min() else { return };
    let mut best: Vec<_> = members.iter().filter(|it| rank(it.status) == status).collect();
    best.sort_by_key(|member| (member.at, &member.id));
    let (mut categories, mut products) = (BTreeSet::new(), BTreeSet::new());
    let mut of_customers = BTreeSet::new();
    for (at, member) in best.into_iter().enumerate() {
        let (status, quarter) = (member.status, quarter_of(member.at));
        if at == 0 {
            let minute = minute_of(member.at);
            bill.add(Place::Sales { status, minute }, [1, 0, 0]);
            let (user, buyer) = (member.user.clone(), member.buyer);
            bill.add(Place::Customer { status, quarter, user, buyer }, [1, 0, 0]);
            if let Some(foreign) = &member.foreign {
                let code = foreign.code;
                bill.add(Place::Currency { status, quarter, code }, [1, 0, 0]);
            }
        }
        // Codes are of a month, so a category is told apart by its name where it has a code of its own.
        let [code, method, country] = member.cell;
        let named = (!matches!(code, NONE | OTHER)).then_some(member.category.as_deref());
        if categories.insert((named.is_none().then_some(code), named)) {
            bill.add(Place::Cell { status, quarter, cell: member.cell }, [1, 0, 0]);
            if at > 0 {
                let cell = [OVERLAP, method, country];
                bill.add(Place::Cell { status, quarter, cell }, [-1, 0, 0]);
            }
        }
        let (category, buyer) = (member.shop_cell[0], member.buyer);
        if of_customers.insert((category, buyer)) {
            bill.add(Place::CategoryOfCustomer { status, quarter, category, buyer }, [1, 0, 0]);
        }
        if products.insert(member.sold) {
            let product = member.product.as_deref().unwrap_or(RESERVED).into();
            let place = Place::Product { status, quarter, product, sold: member.sold };
            bill.add(place, [1, 0, 0]);
        }
    }
}

/// The best status first.
fn rank(status: Status) -> u8 {
    match status {
        Status::Completed => 0,
        Status::Pending => 1,
        Status::Returned => 2,
        Status::Failed => 3,
    }
}

/// So much of an amount as one number is of another, rounded down; nothing of nothing.
fn proportion(amount: i64, of: i64, whole: i64) -> i64 {
    let exact = i128::from(amount) * i128::from(of);
    // It is at most the amount.
    exact.checked_div(whole.into()).map_or(0, |it| i64::try_from(it).unwrap_or(amount))
}

fn bill_back(part: &Part<'_>, at: Time, sums: Sums, foreign: Option<(u16, i64)>, bill: &mut Bill) {
    if sums.is_zero() && foreign.is_none_or(|(_, amount)| amount == 0) {
        return;
    }
    for (basis, minute) in Basis::both(minute_of(at), minute_of(part.at)) {
        let quarter = quarter_of_minute(minute);
        bill.add(Place::Back { basis, minute }, sums);
        if let Some((code, amount)) = foreign {
            let row = [sums.orders, amount, sums.amount.0];
            bill.add(Place::BackInCurrency { basis, quarter, code }, row);
        }
        bill.add(Place::BackInCell { basis, quarter, cell: part.cell }, sums);
        let (user, buyer) = (part.user.into(), part.buyer);
        bill.add(Place::BackOfCustomer { basis, quarter, user, buyer }, sums);
        let (product, sold) = (part.product.into(), part.sold);
        bill.add(Place::BackOfProduct { basis, quarter, product, sold }, sums);
    }
}
