//! Who looks after what.

use std::collections::BTreeMap;

/// Who looks after what.
#[derive(Debug, Clone, Default)]
pub struct Owners(BTreeMap<String, String>);

impl Owners {
    /// Owners by dataset, table or layer; `default` has the rest.
    pub fn new(owners: BTreeMap<String, String>) -> Owners {
        Owners(owners)
    }

    /// The owner of a check: that of the last part of its dotted name that has one.
    pub fn of(&self, check: &str) -> &str {
        let named = check.rsplit('.').find_map(|part| self.0.get(part));
        named.or_else(|| self.0.get("default")).map_or("nobody", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_part_of_a_name_says_whose_a_check_is() {
        let owners = [("default", "a"), ("warehouse", "b"), ("fact_sales", "c")];
        let owners =
            Owners::new(owners.map(|(part, owner)| (part.to_owned(), owner.to_owned())).into());
        assert_eq!(owners.of("core.products.none_inferred"), "a");
        assert_eq!(owners.of("warehouse.daily_sales.totals"), "b");
        assert_eq!(owners.of("warehouse.fact_sales.rows"), "c");
        assert_eq!(Owners::default().of("x"), "nobody");
    }
}
