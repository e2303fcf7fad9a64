//! The id of a product.

use std::borrow::Cow;

use crate::json::Reader;
use crate::json::values::{Read, id};

/// The product that counts the sales that name none. No event can name it.
pub const RESERVED: &str = "(none)";

/// The id of a product, which must not be [`RESERVED`].
pub(crate) fn product_id<'a>(json: &'a str, reader: &mut Reader<'_>) -> Read<Cow<'a, str>> {
    let id = id(json, reader)?;
    if id == RESERVED {
        return Err(
            format!("must not be {RESERVED}, which is reserved for what names no product").into()
        );
    }
    Ok(id)
}
