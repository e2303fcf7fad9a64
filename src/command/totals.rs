//! The totals of a shop, for the eye.

use projections::family::Family;
use projections::fold::root::Root;
use projections::money::Money;
use projections::sales::Status;

use super::grouped;
use crate::ingest::retail::Form;
use crate::store::generation::Checkpoint;

/// Says the totals of a generation that has a file in one form or the other.
pub(super) fn show(Checkpoint { root, settings, .. }: &Checkpoint, form: Form) {
    let sold = root.sales.sold();
    let discounts = discounts(root);
    // A generation that is still to be exchanged counted no refunds.
    let is_apart = settings.fold_version >= Family::Returns.since();
    let returns = if is_apart { root.returns.amount } else { root.sales.returned.amount };
    let net = Money(sold.amount.0 - returns.0);
    let note = match form {
        Form::Orders => "",
        Form::Transactions => "   each line of an invoice is one",
    };
    say!();
    say!("  gross        {:>16}", grouped(Money(sold.amount.0 + discounts.0)));
    if discounts > Money::ZERO {
        say!("  discounts    {:>16}", grouped(discounts));
    }
    say!("  returns      {:>16}", grouped(returns));
    say!("  net          {:>16}", grouped(net));
    say!("  orders       {:>16}{note}", grouped(sold.orders));
    say!("  average      {:>16}   net for an order", grouped(net.div_half_even(sold.orders)));
    say!("  items sold   {:>16}", grouped(settings.quantity(sold.quantity.0)));
    say!("  products     {:>16}", grouped(root.products));
    say!(
        "  customers    {:>16}   {} with an account, {} guests",
        grouped(root.identified + root.guests),
        grouped(root.identified),
        grouped(root.guests)
    );
    say!();
}

fn discounts(root: &Root) -> Money {
    let of = |status| root.money.of(status)[0];
    Money(of(Status::Completed) + of(Status::Returned))
}
