//! Fields of a record that are picked by name.

use crate::dataset::Column;

/// Finds the columns of the fields of one record.
#[derive(Debug)]
pub struct Fields {
    columns: &'static [Column],
    next: usize,
}

impl Fields {
    /// For a record of these columns.
    pub fn of(columns: &'static [Column]) -> Fields {
        Fields { columns, next: 0 }
    }

    /// Position of the column with this name, if there is one. Writers keep their order, so the next
    /// field is mostly the next column.
    pub fn place(&mut self, name: &str) -> Option<usize> {
        let is_next = self.columns.get(self.next).is_some_and(|column| column.name == name);
        let place = if is_next {
            self.next
        } else {
            self.columns.iter().position(|column| column.name == name)?
        };
        self.next = place + 1;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    #[test]
    fn fields_are_found_in_any_order_and_twice() {
        let mut fields = Fields::of(Dataset::Products.columns());
        for name in ["id", "name", "price", "category", "category", "id"] {
            let place = fields.place(name).unwrap();
            assert_eq!(Dataset::Products.columns()[place].name, name);
        }
        assert_eq!(fields.place("colour"), None);
    }
}
