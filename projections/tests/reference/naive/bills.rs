//! Every single contribution to a figure: of sales, of orders, and of what came back of them.

use std::collections::BTreeMap;

use projections::days::Days;
use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::time::Time;

use super::Naive;
use super::additions::{Addition, Additions, Of};
use super::orders::{Content, Placed};
use super::sales::Sale;
use super::statuses::{PARTS, counts_as, returned_at, steps};
use super::wholes::{Whole, part, share};

/// The code under which the lines of an order that are of several categories count once too often.
const OVERLAP: u16 = 65_535;

impl Naive {
    /// Every addition to a figure of sales, orders and refunds.
    pub fn additions(&self) -> Vec<Addition<'_>> {
        let mut to = Additions::default();
        self.sales.values().for_each(|sale| sale.count(&mut to));
        for refund in self.refunds.values().filter(|refund| refund.is_alone()) {
            let event = &refund.event;
            let product = event.product_id.as_deref().unwrap_or("(none)");
            let row = [1, event.quantity.0, event.amount.0];
            let at = [event.at, event.at];
            to.back(at, refund.codes, event.user_id.as_deref(), product, row);
            let foreign = event.foreign.map(|foreign| (refund.currency, foreign.amount.0));
            to.back_in_currency(at, foreign, row);
        }
        self.wholes().for_each(|of| self.count_whole(of, &mut to));
        to.0
    }

    fn count_whole<'a>(&'a self, of: Whole<'a>, to: &mut Additions<'a>) {
        if let Whole::Order(id) = of {
            let placed = &self.orders[id];
            if let Some(content) = &placed.content {
                content.count(counts_as(placed, content), to);
            }
            self.count_members(id, to);
            if !self.is_awaited(of) {
                count_steps(placed, to);
            }
        }
        self.count_back(of, to);
    }

    /// The days in which a whole adds something to figures, other than to those of statuses.
    pub fn days_of(&self, of: Whole<'_>) -> Days {
        let mut to = Additions::default();
        self.count_whole(of, &mut to);
        let mut sums: BTreeMap<(String, i64), Row> = BTreeMap::new();
        for Addition { of, at, row } in to.0.iter().filter(|it| !matches!(it.of, Of::Step(_))) {
            let sum = sums.entry((format!("{of:?}"), at.0 / 60_000)).or_default();
            *sum = [sum[0] + row[0], sum[1] + row[1], sum[2] + row[2]];
        }
        let there = sums.into_iter().filter(|(_, sum)| *sum != [0; 3]);
        there.map(|((_, minute), _)| Time(minute * 60_000)).collect()
    }

    /// The earliest and the latest time that sales or returns are counted at.
    pub fn extent(&self) -> Option<(Time, Time)> {
        let counted = |it: &Addition<'_>| match it.of {
            Of::Sales(_) | Of::Returns(Basis::Processed) => Some(it.at),
            _ => None,
        };
        let times: Vec<Time> = self.additions().iter().filter_map(counted).collect();
        Some((*times.iter().min()?, *times.iter().max()?))
    }

    /// An order that is stated by transactions counts once.
    fn count_members<'a>(&'a self, order: &str, to: &mut Additions<'a>) {
        let rank = |status| match status {
            Status::Completed => 0,
            Status::Pending => 1,
            Status::Returned => 2,
            Status::Failed => 3,
        };
        let members = self.members(Whole::Order(order));
        let Some(best) = members.iter().map(|(_, sale)| sale.status()).min_by_key(|it| rank(*it))
        else {
            return;
        };
        let mut counted: Vec<_> =
            members.into_iter().filter(|(_, sale)| sale.status() == best).collect();
        counted.sort_by_key(|(id, sale)| (sale.facts().at, *id));
        let first = counted[0].1.facts();
        to.add(Of::Sales(best), first.at, [1, 0, 0]);
        to.add(Of::Buyer(best, &first.user_id), first.at, [1, 0, 0]);
        if first.foreign.is_some() {
            to.add(Of::Currency(best, counted[0].1.currency[0]), first.at, [1, 0, 0]);
        }
        let (mut categories, mut products, mut buyers) = (vec![], vec![], vec![]);
        for (_, sale) in counted {
            let (at, [code, method, country]) = (sale.facts().at, sale.codes);
            let category = if code < 2 { Err(code) } else { Ok(sale.category.as_deref()) };
            if !categories.contains(&category) {
                to.add(Of::Cell(best, sale.codes), at, [1, 0, 0]);
                if !categories.is_empty() {
                    to.add(Of::Cell(best, [OVERLAP, method, country]), at, [-1, 0, 0]);
                }
                categories.push(category);
            }
            let buyer = (sale.shop_codes[0], &*sale.facts().user_id);
            if !buyers.contains(&buyer) {
                to.add(Of::CategoryBuyer(best, buyer.0, buyer.1), at, [1, 0, 0]);
                buyers.push(buyer);
            }
            if !products.contains(&sale.product()) {
                to.add(Of::Sold(best, sale.product()), at, [1, 0, 0]);
                products.push(sale.product());
            }
        }
    }

    /// What came back of a whole by refunds, and with it as a whole.
    fn count_back<'a>(&'a self, of: Whole<'_>, to: &mut Additions<'a>) {
        let (lines, refunds) = (self.whole_lines(of), self.partials(of));
        let shares = share(&lines, &refunds);
        let mut refunded = vec![[0; 2]; lines.len()];
        for (at, share) in shares.iter().enumerate() {
            let is_first = shares[..at].iter().all(|it| it.refund != share.refund);
            let row = [i64::from(is_first), share.quantity, share.amount];
            let refund = &refunds[share.refund];
            let foreign = refund.event.foreign.map(|_| (refund.currency, share.foreign));
            to.back_of_line(refund.at, &lines[share.line], foreign, row);
            refunded[share.line][0] += share.quantity;
            refunded[share.line][1] += share.amount;
        }
        for (line, [quantity, amount]) in lines.iter().zip(&refunded) {
            if let Some(at) = line.returned_at {
                let row = [0, -(*quantity).min(line.quantity), -(*amount).min(line.net)];
                let foreign =
                    line.foreign.map(|(code, whole)| (code, -part(whole, -row[2], line.net)));
                to.back_of_line(at, line, foreign, row);
            }
        }
        if let (Whole::Order(order), Some(content)) = (of, self.content(of))
            && let Some(at) = returned_at(&self.orders[order], content)
        {
            for (place, (line, [quantity, amount])) in lines.iter().zip(&refunded).enumerate() {
                let quantity = line.quantity - (*quantity).min(line.quantity);
                let amount = line.net - (*amount).min(line.net.max(0));
                let gone = |whole| part(whole, line.net - amount, line.net);
                let foreign = line.foreign.map(|(code, whole)| (code, whole - gone(whole)));
                to.back_of_line(at, line, foreign, [i64::from(place == 0), quantity, amount]);
            }
        }
    }
}

fn count_steps(placed: &Placed, to: &mut Additions<'_>) {
    for part in PARTS {
        let steps = steps(placed, part);
        for (place, (step, at)) in steps.iter().enumerate() {
            to.add(Of::Step(*step), *at, [1, 0, 0]);
            if let Some((_, next)) = steps.get(place + 1) {
                to.add(Of::Step(*step), *at.max(next), [0, 1, 0]);
            }
        }
    }
}

impl Sale {
    fn count<'a>(&'a self, to: &mut Additions<'a>) {
        let (facts, status) = (self.facts(), self.status());
        let (quantity, amount) = (facts.quantity.0, facts.total_price.0);
        let row = [i64::from(facts.order_id.is_none()), quantity, amount];
        to.add(Of::Sales(status), facts.at, row);
        to.add(Of::Buyer(status, &facts.user_id), facts.at, row);
        to.add(Of::Cell(status, self.codes), facts.at, row);
        to.add(Of::Sold(status, self.product()), facts.at, row);
        if facts.order_id.is_none() {
            let of = Of::CategoryBuyer(status, self.shop_codes[0], &facts.user_id);
            to.add(of, facts.at, [1, 0, 0]);
        }
        if let Some(foreign) = &facts.foreign {
            let row = [row[0], foreign.amount.0, amount];
            to.add(Of::Currency(status, self.currency[0]), facts.at, row);
        }
        if let Some(back) = self.returned_at() {
            let (user, row) = (Some(&*facts.user_id), [1, quantity, amount]);
            to.back([back, facts.at], self.shop_codes, user, self.product(), row);
            to.back_in_currency([back, facts.at], self.foreign(), row);
        }
    }
}

impl Content {
    fn count<'a>(&'a self, status: Status, to: &mut Additions<'a>) {
        let (event, at) = (&self.event, self.event.at);
        let sum = |of: &dyn Fn(&super::orders::Line) -> i64| self.lines.iter().map(of).sum::<i64>();
        let row = [1, sum(&|line| line.quantity), sum(&|line| line.net())];
        to.add(Of::Sales(status), at, row);
        to.add(Of::Buyer(status, &event.user_id), at, row);
        if let Some(foreign) = &self.foreign {
            let row = [1, foreign.amount.0, row[2]];
            to.add(Of::Currency(status, foreign.code), at, row);
        }
        let money = [sum(&|line| line.discount), event.delivery_fee.0, event.tax.0];
        if money != [0; 3] {
            to.add(Of::Money(status), at, money);
        }
        let cost = sum(&|line| line.cost.unwrap_or(0));
        let costed = sum(&|line| if line.cost.is_some() { line.net() } else { 0 });
        let uncosted = sum(&|line| i64::from(line.cost.is_none()));
        to.add(Of::Cost(status), at, [cost, costed, uncosted]);
        let [method, country] = self.codes;
        let (mut codes, mut shop_codes, mut products) = (vec![], vec![], vec![]);
        for line in &self.lines {
            let is_first = |is_known: bool| i64::from(!is_known);
            let orders = is_first(codes.contains(&line.code));
            let row = [orders, line.quantity, line.net()];
            to.add(Of::Cell(status, [line.code, method, country]), at, row);
            if orders == 1 && !codes.is_empty() {
                to.add(Of::Cell(status, [OVERLAP, method, country]), at, [-1, 0, 0]);
            }
            codes.push(line.code);
            if !shop_codes.contains(&line.shop_code) {
                to.add(Of::CategoryBuyer(status, line.shop_code, &event.user_id), at, [1, 0, 0]);
                shop_codes.push(line.shop_code);
            }
            let orders = is_first(products.contains(&line.product()));
            to.add(Of::Sold(status, line.product()), at, [orders, line.quantity, line.net()]);
            products.push(line.product());
        }
    }
}
