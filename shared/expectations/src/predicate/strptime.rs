//! `datetime.strptime` of Python: a format becomes a regular expression, and what it finds must
//! be a date of the calendar.

use regex::Regex;

use crate::time::days_in;

/// A format, ready to judge texts.
#[derive(Debug)]
pub(crate) struct Format {
    regex: Regex,
    /// What each group of the expression is.
    parts: Vec<char>,
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
        Ok(Format { regex, parts })
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
            'z' => "[+-][0-9][0-9]:?[0-5][0-9](?::?[0-5][0-9](?:\\.[0-9]{1,6})?)?|Z",
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
    pub fn accepts(&self, text: &str) -> bool {
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
            ("%Y-%m-%dT%H:%M:%S", "2024-01-01T00:00:60", false),
            ("%Y%m%d", "20240131", true),
            ("%H:%M:%S.%f", "01:02:03.123456", true),
        ] {
            assert_eq!(Format::new(format).unwrap().accepts(text), accepted, "{format} {text}");
        }
        assert!(Format::new("%Q").is_err() && Format::new("%").is_err());
    }
}
