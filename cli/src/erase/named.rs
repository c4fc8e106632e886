//! How rows name the customer: by a number, or by the key that it was made of.

use shopflow_core::natural_key::{self, Form, NaturalKeys};
use shopflow_core::{Dataset, values};

/// What stands for the customer in the rows of a file.
#[derive(Debug, Clone)]
pub struct Named {
    customer: i64,
    digits: String,
    /// The number was made of a key that is a text.
    is_made: bool,
    /// The file has the keys of customers as they are, and they are texts.
    are_texts: bool,
}

impl Named {
    /// In files that have numbers, whatever keys are.
    pub fn by_number(customer: i64) -> Named {
        let is_made = customer > natural_key::LARGEST_NUMBER as i64;
        Named { customer, digits: customer.to_string(), is_made, are_texts: false }
    }

    /// In files that have keys as they came.
    pub fn by_key(customer: i64, keys: &NaturalKeys) -> Named {
        let are_texts = keys.of(Dataset::Customers) == Form::Text;
        Named { are_texts, ..Named::by_number(customer) }
    }

    /// False for most records, without a closer look.
    pub fn may_stand_in(&self, record: &[u8]) -> bool {
        // Uploads have the text that such a number was made of.
        self.is_made || memchr::memmem::find(record, self.digits.as_bytes()).is_some()
    }

    /// True for a field that is the customer's key or number. Numbers count in any spelling; where
    /// keys are texts, `007` is somebody else than `7`.
    pub fn is(&self, field: &[u8]) -> bool {
        let is_key = || {
            let id = natural_key::number(Dataset::Customers, field);
            id.ok().and_then(|id| i64::try_from(id).ok()) == Some(self.customer)
        };
        match self.are_texts {
            // What was refused of somebody who was erased has the number in the place of the text.
            true => is_key() || (self.is_made && values::trimmed(field) == self.digits.as_bytes()),
            false => values::integer(field) == Ok(self.customer) || (self.is_made && is_key()),
        }
    }

    /// True for a field that is the key of no customer.
    pub fn is_of_nobody(&self, field: &[u8]) -> bool {
        match self.are_texts {
            true => natural_key::number(Dataset::Customers, field).is_err(),
            false => !values::integer(field).is_ok_and(|id| id > 0),
        }
    }
}
