//! Every single contribution to a figure: of sales, of orders, and of what came back of them.

use std::collections::BTreeMap;

use projections::days::Days;
use projections::orders::Irregularity;
use projections::refunds::event::Refund as RefundEvent;
use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::time::Time;

use super::Naive;
use super::orders::{Content, Placed, shares};
use super::sales::Sale;

/// The code under which the lines of an order that are of several categories count once too often.
const OVERLAP: u16 = 65_535;

/// The statuses of an order, of its payment and of its delivery, among all.
pub const PARTS: [std::ops::Range<usize>; 3] = [0..5, 5..8, 8..12];
const DELIVERED: usize = 3;
const CANCELLED: usize = 4;
const UNPAID: usize = 5;
const REFUSED: usize = 6;
const PAID: usize = 7;
const UNASSIGNED: usize = 8;

/// What an addition counts.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    Sales(Status),
    Buyer(Status, &'a str),
    /// A customer in a category.
    CategoryBuyer(Status, u16, &'a str),
    Cell(Status, [u16; 3]),
    Sold(Status, &'a str),
    Returns(Basis),
    ReturnCell(Basis, [u16; 3]),
    Returner(Basis, &'a str),
    Returned(Basis, &'a str),
    Money(Status),
    Cost(Status),
    Step(usize),
    Currency(Status, u16),
    /// By the code of a currency among those of all time.
    ReturnCurrency(Basis, u16),
}

/// An addition to a figure at a time.
pub struct Addition<'a> {
    pub of: Of<'a>,
    pub at: Time,
    pub row: Row,
}

/// The thing that was sold as a whole.
#[derive(Clone, Copy)]
pub enum Whole<'a> {
    Order(&'a str),
    /// A transaction without an order, which a refund named.
    Transaction(&'a str),
}

/// A line of an order, or a transaction, as what comes back of it is counted.
struct Line<'a> {
    id: String,
    /// The product, if named.
    product: Option<&'a str>,
    user: &'a str,
    cell: [u16; 3],
    at: Time,
    net: i64,
    /// The code of another currency than the shop's, and the amount in it.
    foreign: Option<(u16, i64)>,
    quantity: i64,
    is_sold: bool,
    returned_at: Option<Time>,
}

/// A refund as the whole that it is of counts it.
pub struct Partial<'a> {
    pub id: &'a str,
    pub line: Option<&'a str>,
    pub product: Option<&'a str>,
    pub event: &'a RefundEvent<'static>,
    /// As the whole counts it; none without a rate.
    pub amount: Option<i64>,
    /// The code of its currency among those of all time.
    pub currency: u16,
    pub quantity: i64,
    pub at: Time,
    pub follows: bool,
}

/// A share of a refund: of the refund and the line at these places, quantity and amount.
struct Share {
    refund: usize,
    line: usize,
    quantity: i64,
    amount: i64,
    /// The amount in the currency of the refund.
    foreign: i64,
}

impl<'a> Partial<'a> {
    fn of(id: &'a str, refund: &'a super::orders::Refund, amount: Option<i64>) -> Self {
        let event = &refund.event;
        let (line, transaction) = (event.line_id.as_deref(), event.transaction_id.as_deref());
        let follows = event.order_id.is_none();
        Partial {
            id,
            line: transaction.or(line),
            product: event.product_id.as_deref(),
            event,
            amount,
            currency: refund.currency,
            quantity: event.quantity.0,
            at: event.at,
            follows,
        }
    }
}

#[derive(Default)]
struct Additions<'a>(Vec<Addition<'a>>);

impl<'a> Additions<'a> {
    fn add(&mut self, of: Of<'a>, at: Time, row: Row) {
        self.0.push(Addition { of, at, row });
    }

    fn back(
        &mut self,
        [processed, sold]: [Time; 2],
        cell: [u16; 3],
        user: Option<&'a str>,
        product: &'a str,
        row: Row,
    ) {
        for (basis, at) in [(Basis::Processed, processed), (Basis::Order, sold)] {
            self.add(Of::Returns(basis), at, row);
            self.add(Of::ReturnCell(basis, cell), at, row);
            self.add(Of::Returned(basis, product), at, row);
            if let Some(user) = user {
                self.add(Of::Returner(basis, user), at, row);
            }
        }
    }

    fn back_in_currency(
        &mut self,
        [processed, sold]: [Time; 2],
        foreign: Option<(u16, i64)>,
        row: Row,
    ) {
        let Some((code, amount)) = foreign else { return };
        let row = [row[0], amount, row[2]];
        self.add(Of::ReturnCurrency(Basis::Processed, code), processed, row);
        self.add(Of::ReturnCurrency(Basis::Order, code), sold, row);
    }

    fn back_of_line(
        &mut self,
        processed: Time,
        line: &Line<'a>,
        foreign: Option<(u16, i64)>,
        row: Row,
    ) {
        let product = line.product.unwrap_or("(none)");
        self.back_in_currency([processed, line.at], foreign, row);
        self.back([processed, line.at], line.cell, Some(line.user), product, row);
    }
}

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

    /// The transactions that a whole consists of, by their ids.
    pub fn members(&self, of: Whole<'_>) -> Vec<(&str, &Sale)> {
        let is_of = |(id, sale): &(&String, &Sale)| match of {
            Whole::Order(order) => sale.order() == Some(order),
            Whole::Transaction(transaction) => *id == transaction && sale.order().is_none(),
        };
        self.sales.iter().filter(is_of).map(|(id, sale)| (&**id, sale)).collect()
    }

    pub fn content(&self, of: Whole<'_>) -> Option<&Content> {
        match of {
            Whole::Order(order) => self.orders.get(order)?.content.as_ref(),
            Whole::Transaction(_) => None,
        }
    }

    pub fn is_awaited(&self, of: Whole<'_>) -> bool {
        self.content(of).is_none() && self.members(of).is_empty()
    }

    /// The refunds of a whole, by their ids.
    pub fn partials<'s>(&'s self, of: Whole<'_>) -> Vec<Partial<'s>> {
        let is_of = |event: &RefundEvent<'_>| {
            let transaction = event.transaction_id.as_deref();
            let sale = transaction.and_then(|transaction| self.sales.get(transaction));
            let order = event.order_id.as_deref().or(sale.and_then(Sale::order));
            match of {
                Whole::Order(id) => order == Some(id),
                Whole::Transaction(id) => order.is_none() && transaction == Some(id),
            }
        };
        let refunds = self.refunds.iter().filter(|(_, refund)| is_of(&refund.event));
        let partial = |(id, refund): (&'s String, &'s super::orders::Refund)| {
            Partial::of(id, refund, self.amount_of(of, &refund.event))
        };
        refunds.map(partial).collect()
    }

    fn whole_lines(&self, of: Whole<'_>) -> Vec<Line<'_>> {
        let members = self.members(of).into_iter().map(|(id, sale)| Line {
            id: id.to_owned(),
            product: sale.facts().product_id.as_deref(),
            user: &sale.facts().user_id,
            cell: sale.shop_codes,
            at: sale.facts().at,
            net: sale.facts().total_price.0,
            foreign: sale.foreign(),
            quantity: sale.facts().quantity.0,
            is_sold: is_sold(sale.status()),
            returned_at: sale.returned_at(),
        });
        let mut lines: Vec<Line<'_>> = members.collect();
        lines.sort_by_key(|line| line.at);
        if let (Whole::Order(order), Some(content)) = (of, self.content(of)) {
            let is_sold = is_sold(counts_as(&self.orders[order], content));
            let nets: Vec<i64> = content.lines.iter().map(super::orders::Line::net).collect();
            let foreign = content.foreign.map(|foreign| shares(foreign.amount.0, &nets));
            lines.extend(content.lines.iter().enumerate().map(|(place, line)| Line {
                id: line.id.clone(),
                product: line.product.as_deref(),
                user: &content.event.user_id,
                cell: [line.shop_code, content.shop_codes[0], content.shop_codes[1]],
                at: content.event.at,
                net: line.net(),
                foreign:
                    content.foreign.zip(foreign.as_ref()).map(|(it, of)| (it.shop_code, of[place])),
                quantity: line.quantity,
                is_sold,
                returned_at: None,
            }));
        }
        lines
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

    /// What is odd about a whole.
    pub fn irregular(&self, of: Whole<'_>) -> Vec<Irregularity> {
        let mut odd = Vec::new();
        if self.is_awaited(of) {
            return odd;
        }
        if let Some(content) = self.content(of) {
            let net: i64 = content.lines.iter().map(super::orders::Line::net).sum();
            let tax = if content.event.tax_included { 0 } else { content.event.tax.0 };
            let due = net + content.event.delivery_fee.0 + tax;
            let rate = content.foreign.and_then(|foreign| foreign.rate);
            let lines = i64::try_from(content.lines.len()).unwrap();
            let off = rate.map_or(100, |rate| super::rates::convert(100, rate.0).max(100) + lines);
            if content.event.total.is_some_and(|total| (total.0 - due).abs() > off) {
                odd.push(Irregularity::Total);
            }
            if content.lines.iter().any(|line| line.discount > line.gross) {
                odd.push(Irregularity::Discount);
            }
        }
        if let Whole::Order(order) = of {
            let placed = &self.orders[order];
            let lines = PARTS.map(|part| steps(placed, part));
            let pairs = lines.iter().flat_map(|steps| steps.windows(2));
            if pairs.into_iter().any(|pair| !follows(pair[0].0, pair[1].0)) {
                odd.push(Irregularity::Step);
            }
        }
        let (lines, refunds) = (self.whole_lines(of), self.partials(of));
        let shares = share(&lines, &refunds);
        let refunded = |line| {
            let of_line = shares.iter().filter(|share| share.line == line);
            of_line.map(|share| share.amount).sum::<i64>()
        };
        if lines.iter().enumerate().any(|(at, line)| refunded(at) > line.net.max(0)) {
            odd.push(Irregularity::Refund);
        }
        let is_counted = |refund| shares.iter().any(|share| share.refund == refund);
        let uncounted = || (0..refunds.len()).filter(|at| !is_counted(*at));
        if uncounted().any(|at| refunds[at].amount.is_some()) {
            odd.push(Irregularity::Unsold);
        }
        if uncounted().any(|at| refunds[at].amount.is_none()) {
            odd.push(Irregularity::Rate);
        }
        odd
    }
}

fn is_sold(status: Status) -> bool {
    matches!(status, Status::Completed | Status::Returned)
}

/// What an order counts as, by its status and that of its payment.
pub fn counts_as(placed: &Placed, content: &Content) -> Status {
    let [order, payment, _] = placed.steps.map(|step| step.map(|(step, _)| step));
    let method = content.event.payment_method.as_deref().unwrap_or_default();
    match (order, payment) {
        (Some(CANCELLED), Some(PAID)) => Status::Returned,
        (Some(CANCELLED), _) | (_, Some(REFUSED)) => Status::Failed,
        (Some(DELIVERED), Some(UNPAID)) if method.eq_ignore_ascii_case("cod") => Status::Completed,
        (_, Some(UNPAID)) | (Some(0), None) => Status::Pending,
        _ => Status::Completed,
    }
}

/// The earliest time of a status.
pub fn first(placed: &Placed, step: usize) -> Option<Time> {
    placed.told.iter().filter(|(told, _)| *told == step).map(|(_, at)| *at).min()
}

/// The time at which an order came back as a whole, if it did.
fn returned_at(placed: &Placed, content: &Content) -> Option<Time> {
    let times = [Some(content.event.at), first(placed, CANCELLED), first(placed, PAID)];
    let is_returned = counts_as(placed, content) == Status::Returned;
    times.into_iter().flatten().max().filter(|_| is_returned)
}

/// The statuses of one part in the order of their first times, the present one last.
fn steps(placed: &Placed, part: std::ops::Range<usize>) -> Vec<(usize, Time)> {
    let present = placed.steps.iter().flatten().find(|(step, _)| part.contains(step));
    let Some((present, _)) = present else { return vec![] };
    let mut steps: Vec<_> = part.filter_map(|step| Some((step, first(placed, step)?))).collect();
    steps.sort_by_key(|(step, at)| (step == present, *at));
    steps
}

/// Whether a status regularly comes after another one.
fn follows(from: usize, to: usize) -> bool {
    match to {
        UNASSIGNED => true,
        _ => from < to && from != DELIVERED,
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

/// So much of an amount as one number is of another; nothing of nothing.
fn part(amount: i64, of: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    i64::try_from(i128::from(amount) * i128::from(of) / i128::from(whole)).unwrap()
}

/// The shares of lines in refunds.
fn share(lines: &[Line<'_>], refunds: &[Partial<'_>]) -> Vec<Share> {
    let mut shared = Vec::new();
    let nets: Vec<i64> = lines.iter().map(|line| line.net).collect();
    let named = |refund: &Partial<'_>| -> Option<Vec<usize>> {
        let by_line = (0..lines.len()).filter(|at| Some(&*lines[*at].id) == refund.line);
        let by_product = (0..lines.len())
            .filter(|at| refund.product.is_some() && lines[*at].product == refund.product);
        let by_line: Vec<usize> = by_line.collect();
        let named = if by_line.is_empty() { by_product.collect() } else { by_line };
        (!named.is_empty()).then_some(named)
    };
    let put = |refund: usize, among: Vec<usize>, nets: &[i64], shared: &mut Vec<Share>| {
        let Some(amount) = refunds[refund].amount else { return };
        let among: Vec<usize> = among.into_iter().filter(|at| lines[*at].is_sold).collect();
        let weights =
            |of: &dyn Fn(usize) -> i64| among.iter().map(|at| of(*at)).collect::<Vec<_>>();
        let amounts = shares(amount, &weights(&|at| nets[at]));
        let quantities = shares(refunds[refund].quantity, &weights(&|at| lines[at].quantity));
        let stated = refunds[refund].event.foreign.map_or(0, |foreign| foreign.amount.0);
        let foreign = shares(stated, &weights(&|at| nets[at]));
        for (at, line) in among.iter().enumerate() {
            let (quantity, amount, foreign) = (quantities[at], amounts[at], foreign[at]);
            shared.push(Share { refund, line: *line, quantity, amount, foreign });
        }
    };
    for (at, refund) in refunds.iter().enumerate() {
        if let Some(among) = named(refund) {
            put(at, among, &nets, &mut shared);
        }
    }
    let mut left = nets.clone();
    for share in &shared {
        left[share.line] -= share.amount;
    }
    let is_nothing_left = lines.iter().zip(&left).all(|(line, left)| !line.is_sold || *left <= 0);
    let weights = if is_nothing_left { &nets } else { &left };
    for (at, refund) in refunds.iter().enumerate() {
        if named(refund).is_none() {
            put(at, (0..lines.len()).collect(), weights, &mut shared);
        }
    }
    shared
}

impl Sale {
    /// The code of its currency among those of all time, and the amount in it.
    fn foreign(&self) -> Option<(u16, i64)> {
        Some((self.currency[1], self.facts().foreign?.amount.0))
    }

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
