//! The kinds of planted defects.

/// What can be wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    NullValue,
    BadEmail,
    NegativePrice,
    ZeroPrice,
    NotANumber,
    ImpossibleDate,
    BadTimestamp,
    UnknownPaymentMethod,
    UnknownCategory,
    UnknownEventType,
    UnknownDevice,
    BadCountry,
    DuplicateId,
    ZeroQuantity,
    WrongFieldCount,
    InvalidUtf8,
    BadJson,
    MissingField,
    OrphanReference,
    ZeroLine,
    NegativeDiscount,
    TooPrecise,
    TextTooLong,
    UnknownStatus,
    BadCurrency,
    ZeroRate,
}

impl Kind {
    /// The name in the list of truths.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NullValue => "null_value",
            Kind::BadEmail => "bad_email",
            Kind::NegativePrice => "negative_price",
            Kind::ZeroPrice => "zero_price",
            Kind::NotANumber => "not_a_number",
            Kind::ImpossibleDate => "impossible_date",
            Kind::BadTimestamp => "bad_timestamp",
            Kind::UnknownPaymentMethod => "unknown_payment_method",
            Kind::UnknownCategory => "unknown_category",
            Kind::UnknownEventType => "unknown_event_type",
            Kind::UnknownDevice => "unknown_device",
            Kind::BadCountry => "bad_country",
            Kind::DuplicateId => "duplicate_id",
            Kind::ZeroQuantity => "zero_quantity",
            Kind::WrongFieldCount => "wrong_field_count",
            Kind::InvalidUtf8 => "invalid_utf8",
            Kind::BadJson => "bad_json",
            Kind::MissingField => "missing_field",
            Kind::OrphanReference => "orphan_reference",
            Kind::ZeroLine => "zero_line",
            Kind::NegativeDiscount => "negative_discount",
            Kind::TooPrecise => "too_precise",
            Kind::TextTooLong => "text_too_long",
            Kind::UnknownStatus => "unknown_status",
            Kind::BadCurrency => "bad_currency",
            Kind::ZeroRate => "zero_rate",
        }
    }

    /// The stage that must notice it. An orphan is a sound row whose partner is unknown.
    pub fn detected_by(self) -> &'static str {
        if self == Kind::OrphanReference { "load" } else { "validate" }
    }
}
