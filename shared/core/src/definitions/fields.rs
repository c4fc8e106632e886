//! The parts of a YAML file, and what is wrong with their form.

use std::time::Duration;

use yaml_rust2::Yaml;

use super::{Problems, duration};

/// A mapping whose names are all known.
#[derive(Debug)]
pub struct Fields<'y> {
    place: String,
    entries: Vec<(&'y str, &'y Yaml)>,
}

impl<'y> Fields<'y> {
    /// Reads a mapping; `None` when it is none. Names that are not known are problems.
    pub fn read(
        yaml: &'y Yaml,
        place: &str,
        known: &[&str],
        problems: &mut Problems,
    ) -> Option<Fields<'y>> {
        let fields = Fields::read_any(yaml, place, problems)?;
        for (name, _) in fields.entries.iter().filter(|(name, _)| !known.contains(name)) {
            problems.unknown(place, "field", name, known);
        }
        Some(fields)
    }

    /// Reads a mapping with any names.
    pub fn read_any(yaml: &'y Yaml, place: &str, problems: &mut Problems) -> Option<Fields<'y>> {
        let Some(hash) = yaml.as_hash() else {
            problems.add(place, "it must be a mapping");
            return None;
        };
        let mut entries = Vec::new();
        for (name, value) in hash {
            match name.as_str() {
                Some(name) => entries.push((name, value)),
                None => problems.add(place, "it has a name that is not a text"),
            }
        }
        Some(Fields { place: place.to_owned(), entries })
    }

    /// Every name with what it has, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&'y str, &'y Yaml)> {
        self.entries.iter().copied()
    }

    /// What a field has.
    pub fn get(&self, name: &str) -> Option<&'y Yaml> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Where a field stands.
    pub fn place(&self, name: &str) -> String {
        match self.place.as_str() {
            "" => name.to_owned(),
            place => format!("{place}.{name}"),
        }
    }

    /// What a field has that must be there.
    pub fn need(&self, name: &str, problems: &mut Problems) -> Option<&'y Yaml> {
        let found = self.get(name);
        if found.is_none() {
            problems.add(&self.place(name), "it is missing");
        }
        found
    }

    /// A text that must be there and not be empty.
    pub fn text(&self, name: &str, problems: &mut Problems) -> Option<&'y str> {
        let text = self.need(name, problems)?.as_str().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            problems.add(&self.place(name), "it must be a text");
        }
        text
    }

    /// A whole number between two others, which are in it, or `usual` when the field is not there.
    pub fn number(
        &self,
        name: &str,
        (least, most): (usize, usize),
        usual: Option<usize>,
        problems: &mut Problems,
    ) -> Option<usize> {
        let Some(yaml) = self.get(name) else {
            if usual.is_none() {
                problems.add(&self.place(name), "it is missing");
            }
            return usual;
        };
        let number = yaml.as_i64().and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let problem = format!("it must be a whole number from {least} to {most}");
            problems.add(&self.place(name), problem);
        }
        number
    }

    /// A duration between two others that must be there.
    pub fn duration(
        &self,
        name: &str,
        (least, most): (&str, &str),
        problems: &mut Problems,
    ) -> Option<Duration> {
        let yaml = self.need(name, problems)?;
        let found = yaml.as_str().and_then(duration);
        let is_within =
            |found: &Duration| duration(least) <= Some(*found) && Some(*found) <= duration(most);
        let found = found.filter(is_within);
        if found.is_none() {
            let problem =
                format!("it must be a time from {least} to {most}, such as 30s, 15m or 1h");
            problems.add(&self.place(name), problem);
        }
        found
    }
}

/// A text, or a list of texts.
pub fn texts<'y>(yaml: &'y Yaml, place: &str, problems: &mut Problems) -> Vec<&'y str> {
    if let Some(text) = yaml.as_str() {
        return vec![text];
    }
    let texts = yaml.as_vec().map(|items| items.iter().map(Yaml::as_str).collect());
    match texts {
        Some(Some(texts)) => texts,
        Some(None) | None => {
            problems.add(place, "it must be a text or a list of texts");
            Vec::new()
        }
    }
}
