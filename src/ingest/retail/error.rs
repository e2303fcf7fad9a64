//! Why an import ended.

use std::io;

/// The first line of every Online Retail file.
pub const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/// Why an import ended before the end of its file. Events before that were delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first line is another one.
    #[error("line 1 is not the header of an Online Retail file, which is: {HEADER}")]
    Header,
    /// The last line has no line end.
    #[error("line {line} has no line end: the file was cut short there")]
    Cut {
        /// Number in the file; the header is line 1.
        line: u64,
    },
    /// No line of this format is that long.
    #[error("line {line} is longer than 64 KiB: this is not an Online Retail file")]
    TooLong {
        /// Number in the file; the header is line 1.
        line: u64,
    },
    /// The input failed, or its compressed form is damaged or cut short.
    #[error("the file cannot be read beyond line {line}")]
    Read {
        /// Number in the file of the line being read; the header is line 1.
        line: u64,
        /// The error of the input.
        #[source]
        source: io::Error,
    },
}
