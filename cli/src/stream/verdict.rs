//! What was sent beside what the stream made of it.

use shopflow_generate::live::Label;
use shopflow_page::number::thousands;
use shopflow_windows::Counts;

use super::labels::Tally;
use crate::table::Table;

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Applied,
    TooLate,
    Duplicate,
    Refused,
    Future,
}

impl Fate {
    const ALL: [Fate; 5] =
        [Fate::Applied, Fate::TooLate, Fate::Duplicate, Fate::Refused, Fate::Future];

    /// What is meant to become of events with this label.
    fn of(label: Label) -> Fate {
        match label {
            Label::Good | Label::Bot | Label::OutOfOrder | Label::Late => Fate::Applied,
            Label::TooLate => Fate::TooLate,
            Label::Duplicate => Fate::Duplicate,
            Label::Broken => Fate::Refused,
            Label::Future => Fate::Future,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Fate::Applied => "applied",
            Fate::TooLate => "too late",
            Fate::Duplicate => "duplicate",
            Fate::Refused => "refused",
            Fate::Future => "future",
        }
    }

    fn found(self, counts: &Counts) -> u64 {
        match self {
            Fate::Applied => counts.applied,
            Fate::TooLate => counts.too_late,
            Fate::Duplicate => counts.duplicates,
            Fate::Refused => counts.refused,
            Fate::Future => counts.future,
        }
    }
}

/// What was sent, and what the stream counts of it.
#[derive(Debug)]
pub struct Verdict<'a> {
    sent: &'a Tally,
    /// What the stream has added to its counters; absent where they cannot be read.
    counts: Option<Counts>,
    /// Lines that may have arrived twice, since a call was made again.
    uncertain: u64,
}

impl<'a> Verdict<'a> {
    /// Compares them.
    pub fn new(sent: &'a Tally, counts: Option<Counts>, uncertain: u64) -> Verdict<'a> {
        Verdict { sent, counts, uncertain }
    }

    /// What is wrong, each in words.
    pub fn problems(&self) -> Vec<String> {
        let Some(counts) = &self.counts else { return Vec::new() };
        let mut problems = Vec::new();
        let (sent, read) = (self.sent.values().sum::<u64>(), counts.read_once());
        if read < sent {
            let missing = thousands(sent - read);
            problems.push(format!("not read, lost or still on their way: {missing}"));
        } else if read > sent + self.uncertain {
            let more = thousands(read - sent);
            problems.push(format!(
                "read beyond what was sent: {more}; somebody else sends to the stream, or it counts \
                 some twice"
            ));
        }
        // Whether an event is too late depends on how far the stream is; in effect it is once either way.
        let in_effect = [Fate::Applied, Fate::TooLate];
        for (fates, words) in [
            (&in_effect[..], "applied or too late"),
            (&[Fate::Refused][..], "refused"),
            (&[Fate::Future][..], "future"),
        ] {
            let expected: u64 = fates.iter().map(|fate| self.expected(*fate)).sum();
            let found: u64 = fates.iter().map(|fate| fate.found(counts)).sum();
            if found < expected {
                let missing = thousands(expected - found);
                problems.push(format!("missing among those {words}: {missing}"));
            } else if found > expected + self.uncertain {
                let more = thousands(found - expected);
                problems.push(format!("too many are {words}: {more}"));
            }
        }
        problems
    }

    fn expected(&self, fate: Fate) -> u64 {
        let with_fate = self.sent.iter().filter(|(label, _)| Fate::of(**label) == fate);
        with_fate.map(|(_, count)| count).sum()
    }

    /// Both tables, and the verdict in words.
    pub fn render(&self) -> String {
        let mut labels = Table::new(&["label", "sent", "meant to be"]);
        for label in Label::ALL {
            let sent = self.sent.get(&label).copied().unwrap_or(0);
            let name = label.name().replace('_', " ");
            labels.push([name, thousands(sent), Fate::of(label).words().to_owned()]);
        }
        let mut text = labels.render();
        let Some(counts) = &self.counts else { return text };
        let mut fates = Table::new(&["the stream counts", "expected", "found"]);
        for fate in Fate::ALL {
            let (expected, found) = (self.expected(fate), fate.found(counts));
            fates.push([fate.words().to_owned(), thousands(expected), thousands(found)]);
        }
        text.push_str(&format!("\n{}", fates.render()));
        for note in self.notes(counts) {
            text.push_str(&format!("{note}\n"));
        }
        let problems = self.problems();
        for problem in &problems {
            text.push_str(&format!("✗ {problem}\n"));
        }
        if problems.is_empty() {
            text.push_str("✓ nothing is lost, and nothing counts twice\n");
        }
        text
    }

    /// What is no problem, and good to know.
    fn notes(&self, counts: &Counts) -> Vec<String> {
        let mut notes = Vec::new();
        let (meant, found) = (self.expected(Fate::TooLate), counts.too_late);
        if found < meant {
            let applied = thousands(meant - found);
            notes.push(format!("not too late yet when they came: {applied}"));
        } else if found > meant {
            let late = thousands(found - meant);
            notes.push(format!("too late only by the time they were read: {late}"));
        }
        if counts.late > 0 {
            notes.push(format!("applied behind the watermark: {}", thousands(counts.late)));
        }
        if counts.repeated > 0 {
            let repeated = thousands(counts.repeated);
            notes.push(format!("read once more, without effect: {repeated}"));
        }
        if self.uncertain > 0 {
            let uncertain = thousands(self.uncertain);
            notes.push(format!("sent again after a call that nobody answered: {uncertain}"));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Tally {
        Tally::from([
            (Label::Good, 1_000),
            (Label::Bot, 50),
            (Label::OutOfOrder, 20),
            (Label::Late, 10),
            (Label::TooLate, 4),
            (Label::Duplicate, 9),
            (Label::Broken, 5),
            (Label::Future, 2),
        ])
    }

    fn exact() -> Counts {
        Counts {
            received: 1_100,
            applied: 1_080,
            repeated: 0,
            duplicates: 9,
            refused: 5,
            too_late: 4,
            future: 2,
            late: 8,
        }
    }

    #[test]
    fn an_exact_account_is_shown_without_a_problem() {
        let sent = sent();
        let expected = "\
label         sent   meant to be
────────────  ─────  ───────────
good          1,000  applied
bot              50  applied
out of order     20  applied
late             10  applied
too late          4  too late
duplicate         9  duplicate
broken            5  refused
future            2  future

the stream counts  expected  found
─────────────────  ────────  ─────
applied               1,080  1,080
too late                  4      4
duplicate                 9      9
refused                   5      5
future                    2      2
applied behind the watermark: 8
✓ nothing is lost, and nothing counts twice
";
        // How tables end their lines and head their columns is theirs.
        let plain = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        let verdict = Verdict::new(&sent, Some(exact()), 0);
        assert_eq!(plain(&verdict.render()), plain(expected));
    }

    #[test]
    fn what_is_lost_and_what_counts_twice_is_said() {
        let sent = sent();
        let problems = |counts| Verdict::new(&sent, Some(counts), 0).problems().join("; ");
        let lost = problems(Counts { received: 1_097, applied: 1_077, ..exact() });
        assert!(lost.contains("not read, lost or still on their way: 3"), "{lost}");
        assert!(lost.contains("missing among those applied or too late: 3"), "{lost}");
        let doubled = problems(Counts { applied: 1_081, duplicates: 8, ..exact() });
        assert_eq!(doubled, "too many are applied or too late: 1");
        let others = problems(Counts { received: 1_107, applied: 1_087, ..exact() });
        assert!(others.contains("read beyond what was sent: 7"), "{others}");
        let astray = problems(Counts { refused: 4, future: 3, ..exact() });
        assert!(astray.contains("refused") && astray.contains("future"), "{astray}");
    }

    #[test]
    fn what_no_promise_is_about_is_no_problem() {
        let sent = sent();
        for (counts, uncertain) in [
            // Too late or not is a question of when it is read.
            (Counts { applied: 1_083, too_late: 1, ..exact() }, 0),
            // Kinesis delivered a batch once more.
            (Counts { received: 1_400, repeated: 300, ..exact() }, 0),
            // A call arrived, and its answer did not.
            (Counts { received: 1_103, duplicates: 11, refused: 6, ..exact() }, 5),
        ] {
            let verdict = Verdict::new(&sent, Some(counts), uncertain);
            assert!(verdict.problems().is_empty(), "{counts:?}: {:?}", verdict.problems());
            assert!(verdict.render().contains("nothing is lost"));
        }
    }

    #[test]
    fn without_counters_only_what_was_sent_is_shown() {
        let sent = sent();
        let text = Verdict::new(&sent, None, 0).render();
        assert!(text.contains("good") && !text.contains("the stream counts"), "{text}");
    }
}
