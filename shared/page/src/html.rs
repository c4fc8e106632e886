//! Markup that cannot be confused with text.

use std::fmt::{self, Display, Formatter, Write};

/// Markup. Values get into it through [`html!`](crate::html), which escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Html(String);

/// Markup of a template and values: `html!("<td>{}</td>", text)`, also with named values.
///
/// Every value is escaped unless it is [`Html`] itself. Unlike `format!` it captures no variables,
/// so nothing gets into the markup past the escaping.
#[macro_export]
macro_rules! html {
    ($template:literal $(, $value:expr)* $(; $($name:ident = $named:expr),+)? $(,)?) => {
        // `concat!` switches off the capture of variables.
        $crate::Html::trusted(::std::format!(
            ::std::concat!($template)
            $(, $crate::Value::new(&$value))*
            $($(, $name = $crate::Value::new(&$named))+)?
        ))
    };
}

impl Html {
    /// Takes text as markup: for templates, not for values.
    pub fn trusted(markup: String) -> Html {
        Html(markup)
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds markup at the end.
    pub fn push(&mut self, more: Html) {
        self.0.push_str(&more.0);
    }
}

impl Display for Html {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Html>>(parts: I) -> Html {
        Html(parts.into_iter().map(|part| part.0).collect())
    }
}

/// A value on its way into markup.
#[derive(Debug)]
pub struct Value<'a, T: ?Sized>(&'a T);

impl<'a, T: Shown + ?Sized> Value<'a, T> {
    #[doc(hidden)]
    pub fn new(value: &'a T) -> Value<'a, T> {
        Value(value)
    }
}

impl<T: Shown + ?Sized> Display for Value<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

/// How a value gets into markup.
pub trait Shown {
    /// Writes it, escaped.
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result;
}

impl Shown for Html {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Shown for str {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_escaped(self, f)
    }
}

impl Shown for String {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_escaped(self, f)
    }
}

impl<T: Shown + ?Sized> Shown for &T {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (*self).show(f)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Shown for $number {
            fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        })*
    };
}

numbers!(u32, u64, usize, i32, i64, f64);

/// Text as HTML shows it, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    // Writing to a string cannot fail.
    let _ = write_escaped(text, &mut safe);
    safe
}

fn write_escaped(text: &str, out: &mut impl Write) -> fmt::Result {
    for character in text.chars() {
        match character {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            // Not allowed in HTML, and some change what follows them.
            _ if character.is_control() && character != '\n' => out.write_char('\u{fffd}')?,
            _ => out.write_char(character)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_markup_is_not() {
        let inner = html!("<b>{}</b>", "a & b");
        let row: Html = [inner, html!("{:.1}", 2.25)].into_iter().collect();
        let outer = html!("<p title=\"{title}\">{}</p>", row; title = "\"'><script>");
        let expected = "<p title=\"&quot;&#39;&gt;&lt;script&gt;\"><b>a &amp; b</b>2.2</p>";
        assert_eq!(outer.as_str(), expected);
    }

    #[test]
    fn characters_that_html_forbids_are_replaced() {
        assert_eq!(escape("a\u{0}b\u{1b}c\nd"), "a\u{fffd}b\u{fffd}c\nd");
    }
}
