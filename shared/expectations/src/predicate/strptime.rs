//! `datetime.strptime` of Python: a format becomes a regular expression, and what it finds must
//! be a date of the calendar.
//!
//! Most texts have two digits wherever two are allowed. Those are recognised by their [`FixedLayout`]
//! alone; all others, and thus all that are refused, take the way of the expression.

mod layout;

use regex::Regex;

use crate::time::days_in;
use layout::FixedLayout;

/// A format, ready to judge texts.
#[derive(Debug)]
pub(crate) struct Format {
    regex: Regex,
    /// What each group of the expression is.
    parts: Vec<char>,
    fixed: Option<FixedLayout>,
}

const MONTHS: &str =
    "january|february|march|april|may|june|july|august|september|october|november|december";
const MONTHS_SHORT: &str = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
const DAYS: &str = "monday|tuesday|wednesday|thursday|friday|saturday|sunday";
const DAYS_SHORT: &str = "mon|tue|wed|thu|fri|sat|sun";

impl Format {
    /// Compiles a format.
    ///
    /// # Errors
    /// A directive that Python does not know.
    pub fn new(format: &str) -> Result<Format, String> {
        let mut pattern = String::from("(?i)\\A");
        let mut parts = Vec::new();
        let mut characters = format.chars().peekable();
        while let Some(character) = characters.next() {
            if character.is_whitespace() {
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
                pattern.push_str("\\s+");
                continue;
            }
            if character != '%' {
                pattern.push_str(&regex::escape(&character.to_string()));
                continue;
            }
            let directive = characters.next().ok_or("the format ends with '%'")?;
            if directive == '%' {
                pattern.push('%');
                continue;
            }
            let group = Self::group(directive)
                .ok_or_else(|| format!("unknown directive '%{directive}' in '{format}'"))?;
            pattern.push_str(&format!("({group})"));
            parts.push(directive);
        }
        pattern.push_str("\\z");
        let regex = Regex::new(&pattern).map_err(|error| error.to_string())?;
        Ok(Format { regex, parts, fixed: FixedLayout::new(format) })
    }

    fn group(directive: char) -> Option<&'static str> {
        Some(match directive {
            'd' => "3[0-1]|[1-2][0-9]|0[1-9]|[1-9]| [1-9]",
            'f' => "[0-9]{1,6}",
            'H' => "2[0-3]|[0-1][0-9]|[0-9]",
            'I' => "1[0-2]|0[1-9]|[1-9]| [1-9]",
            'j' => {
                "36[0-6]|3[0-5][0-9]|[1-2][0-9][0-9]|0[1-9][0-9]|00[1-9]|[1-9][0-9]|0[1-9]|[1-9]"
            }
            'm' => "1[0-2]|0[1-9]|[1-9]",
            'M' => "[0-5][0-9]|[0-9]",
            'S' => "6[0-1]|[0-5][0-9]|[0-9]",
            'y' => "[0-9][0-9]",
            'Y' => "[0-9][0-9][0-9][0-9]",
            'z' => concat!(
                "[+-](?:[0-1][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:\\.[0-9]{1,6})?)?",
                "|:[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,6})?)?)|(?-i:Z)"
            ),
            'Z' => "utc|gmt",
            'p' => "am|pm",
            'B' => MONTHS,
            'b' | 'h' => MONTHS_SHORT,
            'A' => DAYS,
            'a' => DAYS_SHORT,
            'w' => "[0-6]",
            _ => return None,
        })
    }

    /// True when Python would read the text.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        self.fixed.as_ref().is_some_and(|fixed| fixed.accepts(text))
            || std::str::from_utf8(text).is_ok_and(|text| self.accepts_any(text))
    }

    fn accepts_any(&self, text: &str) -> bool {
        let Some(found) = self.regex.captures(text) else { return false };
        let (mut year, mut month, mut day) = (1900, 1, 1);
        for (at, part) in self.parts.iter().enumerate() {
            let value = found.get(at + 1).map_or("", |group| group.as_str().trim());
            let number = value.parse::<u32>().unwrap_or(0);
            match part {
                'Y' => year = number as i32,
                'y' => year = if number < 69 { 2000 } else { 1900 } + number as i32,
                'm' => month = number as u8,
                'd' => day = number as u8,
                'b' | 'h' => month = position(MONTHS_SHORT, value),
                'B' => month = position(MONTHS, value),
                // `datetime` has no second 60.
                'S' if number > 59 => return false,
                'j' if number == 366 && days_in(year, 2) == 28 => return false,
                _ => {}
            }
        }
        year >= 1 && day <= days_in(year, month)
    }
}

fn position(names: &str, name: &str) -> u8 {
    names.split('|').position(|known| known.eq_ignore_ascii_case(name)).map_or(1, |at| at as u8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_judged_as_python_does() {
        for (format, text, accepted) in [
            ("%Y-%m-%d", "2024-02-29", true),
            ("%Y-%m-%d", "2023-02-29", false),
            ("%Y-%m-%d", "2024-2-9", true),
            ("%Y-%m-%d", "2024-02-29 ", false),
            ("%d.%m.%y %H:%M", "01.12.99 7:05", true),
            ("%d %b %Y", "3 MAR 2024", true),
            ("%d %B %Y", "31 June 2024", false),
            ("%I:%M %p", "12:00 PM", true),
            ("%I:%M %p", "13:00 PM", false),
            ("%Y-%m-%dT%H:%M:%S%z", "2024-01-01T00:00:00Z", true),
            ("%Y-%m-%dT%H:%M:%S%z", "2024-01-01T00:00:00+01:00", true),
            ("%Y-%m-%dT%H:%M:%S%z", "2024-01-01T00:00:00z", false),
            ("%Y-%m-%dT%H:%M:%S%z", "2024-01-01T00:00:00+23:59", true),
            ("%Y-%m-%dT%H:%M:%S%z", "2024-01-01T00:00:00+24:00", false),
            ("%z", "+01:00:30.5", true),
            ("%z", "-010030", true),
            ("%z", "+01:0030", false),
            ("%z", "+0100:30", false),
            ("%Y-%m-%dT%H:%M:%S", "2024-01-01T00:00:60", false),
            ("%Y%m%d", "20240131", true),
            ("%H:%M:%S.%f", "01:02:03.123456", true),
        ] {
            assert_eq!(
                Format::new(format).unwrap().accepts(text.as_bytes()),
                accepted,
                "{format} {text}"
            );
        }
        assert!(Format::new("%Q").is_err() && Format::new("%").is_err());
    }

    mod layouts {
        use proptest::prelude::*;

        use super::*;

        /// Formats with and without a fixed layout.
        fn formats() -> impl Strategy<Value = String> {
            let part = prop::sample::select(vec![
                "%Y", "%m", "%d", "%H", "%M", "%S", "%f", "%z", "%y", "%b", "%j", "%%", "-", ":",
                "T", " ", ".", "0", "Z", "ü",
            ]);
            prop_oneof![
                prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat()),
                prop::sample::select(vec![
                    "%Y-%m-%d",
                    "%Y-%m-%dT%H:%M:%S%z",
                    "%d.%m.%Y %H:%M",
                    "%Y-%m-%d %H:%M:%S.%f",
                    "%Y%m%d",
                    "%H:%M:%S,%f",
                    "%Y-%m-%dT%H:%M:%SZ",
                    "%m/%d/%Y%z",
                ])
                .prop_map(str::to_owned),
            ]
        }

        /// What a format writes, more or less.
        fn written(format: &str, numbers: &[u32], change: (usize, char)) -> String {
            let mut text = String::new();
            let mut numbers = numbers.iter().cycle();
            let mut characters = format.chars();
            while let Some(character) = characters.next() {
                let directive = if character == '%' { characters.next() } else { None };
                let number = if directive.is_some() { *numbers.next().unwrap() } else { 0 };
                match directive {
                    None => text.push(character),
                    Some('Y') => text.push_str(&format!(
                        "{:04}",
                        [0, 1900, 2023, 2024, 2100][number as usize % 5]
                    )),
                    Some('m') => text.push_str(&format!("{:02}", number % 14)),
                    Some('d') => text.push_str(&format!("{:02}", number % 33)),
                    Some('H') => text.push_str(&format!("{:02}", number % 26)),
                    Some('M' | 'S') => text.push_str(&format!("{:02}", number % 63)),
                    Some('f') => text.push_str(&number.to_string()),
                    Some('z') => text.push_str(
                        ["Z", "+01:00", "-0530", "+23:59:59", "z", "+01:60", "+24:00"]
                            [number as usize % 7],
                    ),
                    Some('b') => text.push_str("Mar"),
                    Some(_) => text.push_str(&format!("{:02}", number % 70)),
                }
            }
            let characters: Vec<char> = text.chars().collect();
            let at = change.0 % (2 * characters.len() + 1);
            characters
                .iter()
                .enumerate()
                .map(|(i, c)| if i == at { change.1 } else { *c })
                .collect()
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(20_000))]

            #[test]
            fn a_fixed_layout_accepts_nothing_that_the_expression_refuses(
                format in formats(),
                numbers in prop::collection::vec(0u32..2_000_000, 9),
                change in (any::<usize>(), prop::sample::select(vec!['0', '1', '9', ' ', 'Z', 't', '-', 'x', ':'])),
            ) {
                let Ok(compiled) = Format::new(&format) else { return Ok(()) };
                let text = written(&format, &numbers, change);
                if compiled.fixed.as_ref().is_some_and(|fixed| fixed.accepts(text.as_bytes())) {
                    prop_assert!(compiled.accepts_any(&text), "{format} {text}");
                }
            }
        }

        #[test]
        fn texts_as_they_are_written_need_no_expression() {
            for (format, text) in [
                ("%Y-%m-%dT%H:%M:%S%z", "2024-02-29T23:59:59Z"),
                ("%Y-%m-%dT%H:%M:%S%z", "2024-02-29T23:59:59-05:30"),
                ("%Y-%m-%d %H:%M:%S.%f", "2024-02-29 23:59:59.123"),
                ("%d.%m.%Y", "31.12.2024"),
                ("%Y-%m-%dT%H:%M:%SZ", "2024-12-31T00:00:00Z"),
            ] {
                let format = Format::new(format).unwrap();
                assert!(format.fixed.unwrap().accepts(text.as_bytes()), "{text}");
            }
            for format in
                ["%H:%M", "%d %b %Y", "%Y-%m-%z-%d", "%Y%f%m%d", "2000-%m-%d", "%Y-%m-%dü"]
            {
                assert!(Format::new(format).unwrap().fixed.is_none(), "{format}");
            }
        }
    }
}
