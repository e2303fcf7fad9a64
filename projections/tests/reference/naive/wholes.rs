//! A thing that was sold as a whole: its lines, its refunds, their shares in one another, and
//! whatever is odd about it.

use projections::orders::Irregularity;
use projections::refunds::event::Refund as RefundEvent;
use projections::time::Time;

use super::Naive;
use super::orders::{Content, shares};
use super::sales::Sale;
use super::statuses::{PARTS, counts_as, follows, is_sold, steps};

/// The thing that was sold as a whole.
#[derive(Clone, Copy)]
pub enum Whole<'a> {
    Order(&'a str),
    /// A transaction without an order, which a refund named.
    Transaction(&'a str),
}

/// A line of an order, or a transaction, as what comes back of it is counted.
pub struct Line<'a> {
    pub id: String,
    /// The product, if named.
    pub product: Option<&'a str>,
    pub user: &'a str,
    pub cell: [u16; 3],
    pub at: Time,
    pub net: i64,
    /// The code of another currency than the shop's, and the amount in it.
    pub foreign: Option<(u16, i64)>,
    pub quantity: i64,
    pub is_sold: bool,
    pub returned_at: Option<Time>,
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
pub struct Share {
    pub refund: usize,
    pub line: usize,
    pub quantity: i64,
    pub amount: i64,
    /// The amount in the currency of the refund.
    pub foreign: i64,
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

impl Naive {
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

    pub fn whole_lines(&self, of: Whole<'_>) -> Vec<Line<'_>> {
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

/// So much of an amount as one number is of another; nothing of nothing.
pub fn part(amount: i64, of: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    i64::try_from(i128::from(amount) * i128::from(of) / i128::from(whole)).unwrap()
}

/// The shares of lines in refunds.
pub fn share(lines: &[Line<'_>], refunds: &[Partial<'_>]) -> Vec<Share> {
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
    pub fn foreign(&self) -> Option<(u16, i64)> {
        Some((self.currency[1], self.facts().foreign?.amount.0))
    }
}
