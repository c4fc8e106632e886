//! Changes a sound row into a defective one.

use shopflow_core::dataset::Format;

use super::defects::{Defect, Edit};

/// No UTF-8 text contains this byte.
const GARBAGE: u8 = 0xff;

/// Appends `row`, a sound row of these columns with its line feed, to `out` with `defect` in it.
pub fn plant(out: &mut Vec<u8>, format: Format, columns: &[&str], row: &[u8], defect: &Defect) {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    match format {
        Format::Csv => plant_csv(out, columns, row, defect),
        Format::JsonLines => plant_json(out, row, defect),
    }
    out.push(b'\n');
}

fn plant_csv(out: &mut Vec<u8>, columns: &[&str], row: &[u8], defect: &Defect) {
    let mut fields: Vec<Vec<u8>> = split_csv(row).map(<[u8]>::to_vec).collect();
    let at = columns.iter().position(|column| Some(*column) == defect.column);
    match (&defect.edit, at.and_then(|at| fields.get_mut(at))) {
        (Edit::Text(text), Some(field)) => *field = text.as_bytes().to_vec(),
        (Edit::Null | Edit::Leave, Some(field)) => field.clear(),
        // Behind the opening quote, if there is one.
        (Edit::Garble, Some(field)) => {
            let quote = usize::from(field.first() == Some(&b'"'));
            field.insert(quote, GARBAGE);
        }
        _ => {
            fields.pop();
        }
    }
    out.extend_from_slice(&fields.join(&b','));
}

/// The fields as they are written, quotes included.
fn split_csv(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    row.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
}

fn plant_json(out: &mut Vec<u8>, row: &[u8], defect: &Defect) {
    if defect.edit == Edit::CutEnd {
        out.extend_from_slice(&row[..row.len() * 2 / 3]);
        return;
    }
    let inner = row.strip_prefix(b"{").and_then(|row| row.strip_suffix(b"}")).unwrap_or(row);
    // No generated value contains a comma, so members end where commas stand.
    let mut members: Vec<Vec<u8>> = inner.split(|&byte| byte == b',').map(<[u8]>::to_vec).collect();
    let name = format!("\"{}\":", defect.column.unwrap_or_default()).into_bytes();
    let at = members.iter().position(|member| member.starts_with(&name));
    let at = at.unwrap_or_else(|| {
        members.push(name.clone());
        members.len() - 1
    });
    match &defect.edit {
        Edit::Text(text) => members[at] = [&name, format!("\"{text}\"").as_bytes()].concat(),
        Edit::Null => members[at] = [&name, &b"null"[..]].concat(),
        Edit::Garble => members[at].insert(name.len() + 1, GARBAGE),
        Edit::Leave | Edit::CutField | Edit::CutEnd => {
            members.remove(at);
        }
    }
    out.push(b'{');
    out.extend_from_slice(&members.join(&b','));
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use shopflow_core::Dataset;
    use shopflow_core::contract::Profile;

    use super::super::header;
    use super::super::kinds::Kind;
    use super::*;

    fn planted(dataset: Dataset, row: &str, column: Option<&'static str>, edit: Edit) -> Vec<u8> {
        let mut out = b"before\n".to_vec();
        let columns = header::columns(dataset, Profile::Full);
        let defect = Defect { kind: Kind::NullValue, column, edit };
        plant(&mut out, dataset.format(), &columns, row.as_bytes(), &defect);
        out.strip_prefix(b"before\n").unwrap().to_vec()
    }

    #[test]
    fn only_the_field_of_the_defect_changes_in_csv() {
        let row = "7,\"Lamp, \"\"oak\"\"\",home,12.99,Kuhn\n";
        let text = |column, edit| planted(Dataset::Products, row, column, edit);
        assert_eq!(
            text(Some("price"), Edit::Text("-1.00".to_owned())),
            b"7,\"Lamp, \"\"oak\"\"\",home,-1.00,Kuhn\n"
        );
        assert_eq!(text(Some("supplier"), Edit::Null), b"7,\"Lamp, \"\"oak\"\"\",home,12.99,\n");
        assert_eq!(text(None, Edit::CutField), b"7,\"Lamp, \"\"oak\"\"\",home,12.99\n");
        assert_eq!(
            text(Some("name"), Edit::Garble),
            b"7,\"\xffLamp, \"\"oak\"\"\",home,12.99,Kuhn\n"
        );
    }

    #[test]
    fn only_the_member_of_the_defect_changes_in_json() {
        let row = "{\"event_id\":\"a\",\"url\":\"https://x/?a:b\"}\n";
        let text = |column, edit| planted(Dataset::Clickstream, row, column, edit);
        assert_eq!(
            text(Some("event_id"), Edit::Null),
            b"{\"event_id\":null,\"url\":\"https://x/?a:b\"}\n"
        );
        assert_eq!(text(Some("event_id"), Edit::Leave), b"{\"url\":\"https://x/?a:b\"}\n");
        assert_eq!(
            text(Some("product_id"), Edit::Text("abc".to_owned())),
            b"{\"event_id\":\"a\",\"url\":\"https://x/?a:b\",\"product_id\":\"abc\"}\n"
        );
        assert_eq!(
            text(Some("url"), Edit::Garble),
            b"{\"event_id\":\"a\",\"url\":\"\xffhttps://x/?a:b\"}\n"
        );
        let cut = text(None, Edit::CutEnd);
        assert!(serde_json::from_slice::<serde_json::Value>(&cut).is_err());
        assert!(cut.ends_with(b"\n"));
    }
}
