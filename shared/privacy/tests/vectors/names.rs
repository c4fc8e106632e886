//! Names of people and streets.

use shopflow_privacy::Rule;

use crate::{assert_all, assert_none, met};

#[test]
fn names_and_streets_are_recognised_by_words_and_shape() {
    assert_all(
        Rule::NameDictionary,
        &[
            "Emma Smith",
            "Maria van der Lopez",
            "CARLOS GARCIA LOPEZ",
            "Larsen-Hansen, Emma",
            "Dr. John Q. Martin",
            "Élodie Durand",
            "maria garcia",
            "Emma Green",
        ],
    );
    assert_all(Rule::NameSurname, &["Quentilla Smith", "Zorba J. Rossi"]);
    assert_all(Rule::NameGiven, &["Jean-Luc Picard", "Emma Quux", "Stella Tripod"]);
    assert_all(Rule::NameShape, &["Zebulon Quux", "Grzegorz Brzęczyszczykiewicz"]);
    for rule in [Rule::NameDictionary, Rule::NameSurname, Rule::NameGiven, Rule::NameWord] {
        assert_none(
            rule,
            &[
                "Red Shirt",
                "Green Kettle",
                "Victoria Mug",
                "Johnson Inc",
                "in transit",
                "PENDING",
                "example.com",
                "credit_card",
                "SKU-AB",
                "Bank of James",
                "a",
            ],
        );
    }
    assert_all(
        Rule::AddressStreet,
        &[
            "12 High Street",
            "221B Baker St.",
            "Hauptstraße 5, 10115 Berlin",
            "12 rue de la Paix",
            "Calle Mayor 3",
            "Kerkstraat 12a",
            "via Roma 4",
        ],
    );
    assert_none(Rule::AddressStreet, &["Street Fighter", "Pack of 12", "12 Angry Men"]);
}

#[test]
fn a_comma_without_a_word_is_no_name() {
    for value in [", aa", ",", ", ,", "- aa"] {
        assert_eq!(met(value), [], "{value}");
    }
}
